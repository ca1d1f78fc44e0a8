"""What the site generates from the project itself, so that no page can go stale.

A line ``<!-- from FILE: Heading -->`` in a page becomes that part of the file, ``<!-- tree -->``
the package's files, each with its first line, ``<!-- step -->`` a figure of a step's launches.
"""

import ast
import html
import inspect
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

import bpnet
from bpnet import backends, paper
from bpnet.cli.app import COMMANDS, load
from bpnet.paper.equations import EQUATIONS, SLIPS
from bpnet.paper.experiments import terms
from bpnet.paper.page import mathml
from bpnet.paper.sources import excerpt
from bpnet.training.declared import table
from docs import figures

ROOT = Path(__file__).parents[1]

API = {
    "backends": ["bpnet.backends"],
    "data": ["bpnet.data"],
    "sklearn": ["bpnet.sklearn.MLPClassifier", "bpnet.sklearn.MLPRegressor"],
    "activations": ["bpnet.core.activations"],
    "costs": ["bpnet.core.costs"],
    "optimizers": ["bpnet.core.optimizers", "bpnet.core.lbfgs", "bpnet.core.schedules"],
    "layers": ["bpnet.core.layers", "bpnet.core.normalization", "bpnet.core.initializers"],
    "core": [
        "bpnet.core.feedforward",
        "bpnet.core.descent",
        "bpnet.core.regularizers",
        "bpnet.core.metrics",
        "bpnet.core.special",
    ],
    "export": ["bpnet.export.to_onnx", "bpnet.export.training_to_onnx"],
    "check": ["bpnet.check.check", "bpnet.check.compare", "bpnet.check.Row", "bpnet.paper.make"],
}
"""Pages of the reference, and what is on each; ``bpnet`` has the public names themselves."""


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    pages: dict[str, str | bytes] = {
        "commands.md": commands(),
        "options.md": options(),
        "equations.md": equations(),
        "benchmarks.md": _text("benchmarks/README.md").replace("](results/", "](benchmarks/"),
        "changelog.md": _text("CHANGELOG.md"),
        "living-paper.html": paper.make(backends.get("numpy")).html(bpnet.__version__),
        **{f"api/{name}.md": _reference(name, things) for name, things in API.items()},
        "api/bpnet.md": _public(),
    }
    pages["sample-report.html"] = sample_report()
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.*")):
        pages[f"benchmarks/{path.name}"] = path.read_bytes()
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_content(content: str, **_: Any) -> str:
    """Turn the docstrings' references into plain code."""
    return re.sub(r":(?:func|class|mod|meth|data|attr):<code>", "<code>", content)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in what a page takes from elsewhere."""
    markdown = re.sub(r"<!-- from (\S+): (.+?) -->", lambda m: section(m[1], m[2]), markdown)
    if "<!-- step -->" in markdown:
        markdown = markdown.replace("<!-- step -->", figures.step())
    return markdown.replace("<!-- tree -->", f"```text\n{tree()}\n```")


def section(file: str, heading: str) -> str:
    """What stands under a heading of a file, to the next of its level; ``*`` is all but the title.

    Raises
    ------
    LookupError
        If there is no such heading.
    """
    text = _text(file)
    if heading == "*":
        return text.partition("\n")[2]
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.M | re.S)
    if found is None:
        msg = f"{file} has no heading {heading!r}"
        raise LookupError(msg)
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", found[2])  # links within the checkout


def tree() -> str:
    """The package's folders and files, each with the first line of its docstring."""
    lines = []
    for folder in (ROOT / "bpnet", *sorted(p for p in (ROOT / "bpnet").iterdir() if p.is_dir())):
        if not (folder / "__init__.py").is_file():
            continue
        inner = folder != ROOT / "bpnet"
        lines.append(_line(f"{folder.name}/", folder / "__init__.py", 2 * inner))
        files = sorted(folder.glob("*.py")) if inner else []
        lines += [_line(f.name, f, 4) for f in files if f.name[0] != "_"]
    lines += [
        _line(f.name, f, 2) for f in sorted((ROOT / "bpnet").glob("*.py")) if f.name[0] != "_"
    ]
    return "\n".join(lines)


def _line(name: str, file: Path, indent: int) -> str:
    said = ast.get_docstring(ast.parse(file.read_bytes())) or ""
    return f"{' ' * indent}{name:<{26 - indent}} {said.splitlines()[0] if said else ''}".rstrip()


def commands() -> str:
    """Every command: what it does, examples, and a table of its arguments and options."""
    lines = ["# Command line", "", "`bpnet COMMAND --help` has the same on a terminal.", ""]
    for name in COMMANDS:
        command = load(name)
        about, _, shown = inspect.cleandoc(command.help or "").partition("Examples:")
        lines += [f"## bpnet {name}", "", html.escape(about.strip()), ""]
        if shown.strip():
            lines += ["```sh", *(line.strip() for line in shown.strip().splitlines()), "```", ""]
        panels: dict[str, list[Any]] = {}
        for one in command.params:
            if one.name != "help":
                panels.setdefault(getattr(one, "rich_help_panel", None) or "", []).append(one)
        for panel, params in panels.items():
            lines += [f"**{panel}**", ""] if panel else []
            lines += ["| option | meaning |", "|---|---|", *map(_parameter, params), ""]
    return "\n".join(lines)


def _parameter(one: Any) -> str:
    """Row of an argument or an option: its name and its default, and its help."""
    names = " ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    if one.param_type_name == "argument":
        names = f"`{one.metavar or (one.name or '').upper()}`"
    default = one.default if not callable(one.default) else None
    said = f"<br>default {html.escape(str(default))}" if default not in {None, False, ""} else ""
    return f"| {names}{said} | {html.escape(one.help or '').replace('|', '&#124;')} |"


def options() -> str:
    """The options of training, as they are declared."""
    lines = [
        "# Options of training",
        "",
        "Each option is declared once, in `bpnet.Recipe`, `bpnet.Place` or `bpnet.Ranks`, and is a",
        "keyword of `bpnet.train` and an option of `bpnet train`. Where it says *one each*, a list",
        "gives each of several networks a value of its own.",
    ]
    for kind in (bpnet.Recipe, bpnet.Place, bpnet.Ranks):
        lines += [
            "",
            f"## {kind.__name__}",
            "",
            "| option | meaning |",
            "|---|---|",
        ]
        lines += [
            f"| `{o.name}`<br>default `{o.default!r}`{'<br>*one each*' * o.each} "
            f"| {html.escape(o.help)} |"
            for o in table(kind).values()
        ]
    return "\n".join(lines)


def sample_report() -> bytes:
    """The report of a run on the digits, made when the site is."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "digits"
        train = [
            "train",
            "digits",
            "--seed",
            "0",
            "--backend",
            "numpy",
            "--quiet",
            "--out",
            str(run),
        ]
        for arguments in (train, ["report", str(run)]):
            subprocess.run(
                [sys.executable, "-m", "bpnet", *arguments], check=True, capture_output=True,
                cwd=ROOT,
            )  # fmt: skip
        return (run / "report" / "index.html").read_bytes()


def equations() -> str:
    """The table of equations."""
    lines = [
        "# The equations",
        "",
        "The paper is E. Omer's *Gradient Descent, Neural networks and Backpropagation*. Each of",
        "its equations is cited by exactly one function of `bpnet/core`, and a test holds it; the",
        "[living paper](paper.md) shows the lines themselves beside their checks.",
        "",
        '<ul class="equations">',
    ]
    for number, equation in EQUATIONS.items():
        where = "<br>".join(
            f"<code>{shown.name}</code> in {shown.file}, line {shown.line}"
            for shown in map(excerpt, equation.source)
        )
        lines.append(
            f'<li id="eq-{number}"><span>({number})</span><div>{mathml(equation.latex)}</div>'
            f"<p>{html.escape(equation.says)}<br>{where}</p></li>"
        )
    lines += ["</ul>", "", "## Slips in the paper", ""]
    lines += [f"* **{place}**: {t.format(terms=terms(10_000))}" for place, t in SLIPS.items()]
    return "\n".join(lines)


def _reference(name: str, things: list[str]) -> str:
    title = name if name == "bpnet" else name.replace("core", "The mathematics").capitalize()
    return "\n".join([f"# {title}", "", *(f"::: {thing}\n" for thing in things)])


def _public() -> str:
    """Functions and classes among the public names; modules have pages of their own."""
    held = {name: getattr(bpnet, name) for name in bpnet.__all__}
    names = sorted((n for n in held if callable(held[n])), key=lambda n: (n[0].isupper(), n))
    lines = ["---", "search:", "  boost: 2", "---", "# bpnet", ""]
    for name in names:
        # by where it is defined: bpnet.training.train is a module, too
        lines += [f"::: {held[name].__module__}.{name}", "    options:"]
        lines += [f"      heading: bpnet.{name}", f"      toc_label: {name}", ""]
    return "\n".join(lines)


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")
