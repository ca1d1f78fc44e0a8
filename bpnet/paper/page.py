"""The page: equations beside their source and their checks, experiments beside their pictures."""

import html
from collections.abc import Iterable, Mapping
from importlib.resources import files
from itertools import groupby
from string import Template
from typing import Any

from bpnet import plots
from bpnet.check.report import Row
from bpnet.errors import InputError
from bpnet.paper.equations import EQUATIONS, SLIPS
from bpnet.paper.experiments import terms
from bpnet.paper.figures import FIGURES
from bpnet.paper.lab import Found
from bpnet.paper.sources import excerpt
from bpnet.paper.story import STORY, Part
from bpnet.requirements import install

Checks = Mapping[int, list[Row]]
"""For each equation its rows, one a dtype."""


def check_installed() -> None:
    """Refuse to begin where a library that draws the page is missing.

    Raises
    ------
    InputError
        If matplotlib or latex2mathml is.
    """
    plots.pyplot()
    mathml("a")


def render(found: Mapping[str, Found], checks: Checks, about: Mapping[str, str]) -> str:
    """Whole page as HTML that asks for nothing from anywhere.

    Parameters
    ----------
    found : dict of Found
        From :func:`bpnet.paper.experiments.run`.
    checks : dict of lists of Row
        For each equation its rows.
    about : dict of str
        What it was made with: names and values.

    """
    parts = [_part(i, part, found, checks) for i, part in enumerate(STORY)]
    rows = [row for group in checks.values() for row in group]
    passed = sum(row.passed for row in rows)
    verdict = f"{passed} of {len(rows)} checks passed"
    here = files("bpnet.paper")
    return Template((here / "page.html").read_text(encoding="utf-8")).substitute(
        style=(here / "page.css").read_text(encoding="utf-8") + _highlighting(),
        contents="\n".join(
            f'<li><a href="#part-{i}">{html.escape(part.title)}</a></li>'
            for i, part in enumerate(STORY)
        ),
        verdict=verdict,
        verdict_class="pass" if passed == len(rows) else "fail",
        about="\n".join(
            f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in about.items()
        ),
        parts="\n".join(parts),
        slips="\n".join(
            f"<dt>{place}</dt><dd>{html.escape(text.format(terms=terms(10_000)))}</dd>"
            for place, text in SLIPS.items()
        ),
    )


def _part(number: int, part: Part, found: Mapping[str, Found], checks: Checks) -> str:
    numbers: dict[str, Any] = {}
    for name in part.experiments:
        numbers |= found[name].numbers
    kind = "experiment" if part.title.startswith("Experiment") else "theory"
    lines = [
        f'<section id="part-{number}" class="{kind}" aria-labelledby="title-{number}">',
        f'<h2 id="title-{number}">{html.escape(part.title)}</h2>',
        *(f"<p>{html.escape(_filled(text, numbers))}</p>" for text in part.says),
    ]
    by_source = groupby(part.equations, key=lambda n: EQUATIONS[n].source)
    lines += [_block(list(group), source, checks) for source, group in by_source]
    pictures = [p for name in part.experiments for p in FIGURES[name](found[name])]
    if pictures:
        lines.append('<div class="pictures">')
        lines += [
            f'<figure role="img" aria-label="{html.escape(f"{p.title}. {p.says}")}">'
            f'<div class="picture">{p.svg}</div>'
            f'<figcaption aria-hidden="true">{html.escape(p.title)}</figcaption></figure>'
            for p in pictures
        ]
        lines.append("</div>")
    return "\n".join([*lines, "</section>"])


def _filled(text: str, numbers: Mapping[str, float]) -> str:
    """Text with the experiments' numbers; their names hold spaces, which format cannot take."""
    for name, value in numbers.items():
        head, *rest = text.split("{" + name + ":")
        for piece in rest:
            form, _, after = piece.partition("}")
            head += format(value, form).replace("-", "\N{MINUS SIGN}") + after
        text = head
    return text


def _block(numbers: list[int], source: tuple[str, ...], checks: Checks) -> str:
    """Equations that the same lines compute, beside these."""
    left = "\n".join(_equation(n, checks[n]) for n in numbers)
    right = "\n".join(_source(name) for name in source)
    return f'<div class="pair"><div>{left}</div><div class="source">{right}</div></div>'


def _equation(number: int, rows: Iterable[Row]) -> str:
    equation = EQUATIONS[number]
    slip = f'<p class="slip"><b>Slip:</b> {html.escape(equation.slip)}</p>' if equation.slip else ""
    verdicts = "\n".join(
        f'<li class="{"pass" if row.passed else "fail"}">'
        f"<b>{'passed' if row.passed else 'FAILED'}</b> in {row.dtype}: "
        f"error {row.error:.1e}, at most {row.bound:.0e} {html.escape(row.note)}</li>"
        for row in rows
    )
    return (
        f'<article id="eq-{number}" aria-label="Equation {number}">'
        f'<div class="formula"><div class="scroll">{mathml(equation.latex)}</div>'
        f'<a href="#eq-{number}" class="number">({number})</a></div>'
        f"<p>{html.escape(equation.says)}</p>{slip}"
        f'<ul class="checks">{verdicts}</ul></article>'
    )


def _source(name: str) -> str:
    shown = excerpt(name)
    return (
        f'<figure class="code"><figcaption>{shown.name} in {shown.file}, line {shown.line}'
        f"</figcaption>{_colored(shown.text)}</figure>"
    )


_STYLED = {
    "<mo>&#x02211;</mo>": '<mo class="sum" largeop="false">&#x02211;</mo>',
    "<mi>&#x02032;</mi>": '<mo class="prime">&#x02032;</mo>',
}
"""Symbols that are too small where no font for mathematics is installed; the style mends them."""


def mathml(latex: str) -> str:
    """MathML of a formula, which browsers draw by themselves.

    Raises
    ------
    InputError
        If latex2mathml is missing.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        msg = f"the paper needs latex2mathml; {install('matplotlib', 'latex2mathml')}"
        raise InputError(msg) from error
    markup = str(convert(latex, display="block"))
    for symbol, styled in _STYLED.items():
        markup = markup.replace(symbol, styled)
    return markup


def _colored(code: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    colored = highlight(code, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    return str(colored).replace("<pre>", '<pre tabindex="0">', 1)


def _highlighting() -> str:
    """Style of highlighted source, light and dark."""
    from pygments.formatters import HtmlFormatter

    light = HtmlFormatter(style="friendly", nobackground=True).get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark", nobackground=True).get_style_defs(".highlight")
    return f"\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
