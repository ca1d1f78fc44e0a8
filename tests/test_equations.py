"""Each equation of the paper is cited by exactly one function of `bpnet/core`."""

from pathlib import Path

import pytest

from bpnet.paper.sources import CORE, citations

EQUATIONS = range(1, 30)


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
