"""The page: equations beside their source and their checks, experiments beside their pictures."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from bpnet.check.report import Row
from bpnet.pages import drawing, markup
from bpnet.paper.equations import EQUATIONS, SLIPS
from bpnet.paper.experiments import terms
from bpnet.paper.figures import FIGURES
from bpnet.paper.lab import Results
from bpnet.paper.sources import excerpt
from bpnet.paper.story import STORY, Part
from bpnet.requirements import require

Checks = Mapping[int, list[Row]]
"""Checks of each equation by its number, one for each dtype."""


def check_installed() -> None:
    """Check for the libraries of the page before the experiments, which take a while.

    Raises
    ------
    InputError
        If matplotlib, jinja2 or latex2mathml is missing.
    """
    drawing.pyplot()
    # a formula shows whether latex2mathml is there
    mathml("a")
    markup.environment()


def render(
    results: Mapping[str, Results], checks: Checks, about: Mapping[str, str], version: str
) -> str:
    """Whole page as HTML that loads nothing else.

    Parameters
    ----------
    results : dict of Results
        From :func:`bpnet.paper.experiments.run`.
    checks : dict of lists of Row
        Checks of each equation.
    about : dict of str
        Backend, versions and date, by their names.
    version : str
        Version of bpnet.
    """
    rows = [row for group in checks.values() for row in group]
    passed = sum(row.passed for row in rows)
    return markup.html(
        "paper.html",
        {"mathml": mathml, "colored": _colored},
        version=version,
        highlighting=_highlighting(),
        verdict=f"{passed} of {len(rows)} checks passed",
        verdict_class="pass" if passed == len(rows) else "fail",
        about=about,
        parts=[_part(part, results, checks) for part in STORY],
        # a picture of Section 2 has 100 x 100 pixels
        slips={place: text.format(terms=terms(10_000)) for place, text in SLIPS.items()},
    )


def _part(part: Part, results: Mapping[str, Results], checks: Checks) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for name in part.experiments:
        numbers |= results[name].numbers
    # neighboring equations with the same source share one excerpt
    by_source = groupby(part.equations, key=lambda n: EQUATIONS[n].source)
    return {
        "title": part.title,
        "says": [_filled(text, numbers) for text in part.says],
        "pairs": [
            ([(n, EQUATIONS[n], checks[n]) for n in group], [excerpt(name) for name in source])
            for source, group in by_source
        ],
        "pictures": [p for name in part.experiments for p in FIGURES[name](results[name])],
    }


def _filled(text: str, numbers: Mapping[str, float]) -> str:
    """Fill in the experiments' numbers, whose names have spaces, which ``str.format`` forbids."""
    for name, value in numbers.items():
        head, *rest = text.split("{" + name + ":")
        for piece in rest:
            form, _, after = piece.partition("}")
            # exponents such as 1e-10 get a minus sign, too
            head += format(value, form).replace("-", "\N{MINUS SIGN}") + after
        text = head
    return text


_STYLED = {
    "<mo>&#x02211;</mo>": '<mo class="sum" largeop="false">&#x02211;</mo>',
    "<mi>&#x02032;</mi>": '<mo class="prime">&#x02032;</mo>',
}
"""Symbols with a class of CSS, as they are too small where no font for mathematics is installed."""


def mathml(latex: str) -> str:
    """MathML of a formula, which browsers draw without a script.

    Raises
    ------
    InputError
        If latex2mathml is missing.
    """
    libraries = ("matplotlib", "jinja2", "latex2mathml")
    converter = require("latex2mathml.converter", "the paper needs", *libraries)
    text = str(converter.convert(latex, display="block"))
    for symbol, styled in _STYLED.items():
        text = text.replace(symbol, styled)
    return text


def _colored(code: str) -> str:
    """Highlighted source as HTML; each line is a block that may wrap."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    colored = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip("\n")
    # wide lines wrap on a telephone, with an indentation by the style of the block
    lines = "".join(f'<span class="line">{line}</span>' for line in colored.split("\n"))
    return f'<div class="highlight"><pre tabindex="0">{lines}</pre></div>'


def _highlighting() -> str:
    """CSS of highlighted source, light and dark."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="friendly", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark", nobackground=True).get_style_defs(".highlight")
    return f"\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
