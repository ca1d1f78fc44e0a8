"""Each equation of the paper is cited by exactly one function of `bpnet/core`.

A citation is a line of a docstring such as ``Equation: (8).`` or ``Equations: (5)-(7), (9).``
Prose may mention an equation as often as it likes.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "bpnet" / "core"
EQUATIONS = range(1, 30)

LINE = re.compile(r"^\s*Equations?:(.*)$", re.MULTILINE)
NUMBERS = re.compile(r"\((\d+)\)(?:\s*[-\N{EN DASH}]\s*\((\d+)\))?")


def citations(core: Path) -> dict[int, list[str]]:
    """Return who cites each equation: number to ``file:name`` of functions, methods, classes."""
    cited = defaultdict(list)
    for path in sorted(core.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                for line in LINE.findall(ast.get_docstring(node) or ""):
                    for first, last in NUMBERS.findall(line):
                        for number in range(int(first), int(last or first) + 1):
                            cited[number].append(f"{path.relative_to(core)}:{node.name}")
    return cited


def complaints(core: Path) -> list[str]:
    """Return what is wrong with the citations, one line each."""
    cited = citations(core)
    return (
        [f"({n}) is cited by nothing" for n in EQUATIONS if not cited.get(n)]
        + [f"({n}) is cited by {', '.join(who)}" for n, who in cited.items() if len(who) > 1]
        + [f"({n}) is not in the paper: {who[0]}" for n, who in cited.items() if n not in EQUATIONS]
    )


def test_each_equation_is_cited_by_exactly_one_function() -> None:
    assert complaints(CORE) == []


def _tree(folder: Path, *docstrings: str) -> Path:
    for i, docstring in enumerate(docstrings):
        source = f'def f{i}():\n    """Do.\n\n    {docstring}\n    """\n'
        (folder / f"m{i}.py").write_text(source, encoding="utf-8")
    return folder


def test_lines_ranges_and_lists_are_read(tmp_path: Path) -> None:
    core = _tree(tmp_path, "Equations: (1)-(7), (9).", "Equation: (8).", "Equations: (10)-(29).")
    assert complaints(core) == []
    assert citations(core)[8] == ["m1.py:f1"]


@pytest.mark.parametrize(
    ("docstring", "complaint"),
    [
        ("Equations: (1)-(21), (23)-(29).", "(22) is cited by nothing"),
        ("See (22). Equations: not here.", "(22) is cited by nothing"),
        ("Equations: (1)-(30).", "(30) is not in the paper: m0.py:f0"),
    ],
)
def test_a_missing_or_unknown_equation_is_named(
    tmp_path: Path, docstring: str, complaint: str
) -> None:
    assert complaint in complaints(_tree(tmp_path, docstring))


def test_an_equation_cited_twice_is_named_with_both(tmp_path: Path) -> None:
    core = _tree(tmp_path, "Equations: (1)-(29).", "Equation: (5).")
    assert complaints(core) == ["(5) is cited by m0.py:f0, m1.py:f1"]
