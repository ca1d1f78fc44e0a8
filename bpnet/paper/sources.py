"""Excerpts of :mod:`bpnet.core` for the equations, read from the installed source.

A citation is a line of a docstring such as ``Equation: (8).`` or ``Equations: (5)-(7), (9).``
An equation that is mentioned in a sentence is no citation.
"""

import ast
import re
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bpnet import core as package

CORE = Path(str(package.__file__)).parent

_LINE = re.compile(r"^\s*Equations?:(.*)$", re.MULTILINE)
_NUMBERS = re.compile(r"\((\d+)\)(?:\s*[-\N{EN DASH}]\s*\((\d+)\))?")


@dataclass(frozen=True)
class Excerpt:
    """Lines of the source: a function, a method or a class, without its docstring.

    Parameters
    ----------
    name : str
        Name such as ``costs.Quadratic.delta``.
    file : str
        Path relative to the repository, such as ``bpnet/core/costs.py``.
    line : int
        Number of the first line.
    text : str
        The lines, without their common indentation.
    """

    name: str
    file: str
    line: int
    text: str


def citations(core: Path = CORE) -> dict[int, list[str]]:
    """``file.py:name`` of the functions, methods and classes that cite each equation."""
    cited = defaultdict(list)
    for path in sorted(core.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                for line in _LINE.findall(ast.get_docstring(node) or ""):
                    for first, last in _NUMBERS.findall(line):
                        for number in range(int(first), int(last or first) + 1):
                            cited[number].append(f"{path.relative_to(core)}:{node.name}")
    return cited


# equations that are not neighbors may share an excerpt, which is then parsed once
@lru_cache
def excerpt(name: str, core: Path = CORE) -> Excerpt:
    """Return the excerpt of ``module.function`` or ``module.Class.method`` of :mod:`bpnet.core`.

    Raises
    ------
    LookupError
        If the source has no such name.

    Examples
    --------
    >>> print(excerpt("descent.descend").text)
    def descend(w: Array, gradient: Array, eta: float) -> Array:
        return w - eta * gradient
    """
    module, *path = name.split(".")
    file = core / f"{module}.py"
    source = file.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(source)
    for part in path:
        inner = [n for n in ast.iter_child_nodes(node) if getattr(n, "name", None) == part]
        if not inner:
            msg = f"{file} has no {name}"
            raise LookupError(msg)
        node = inner[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    lines = source.splitlines()
    # lineno is that of `def` or `class`, below any decorators
    kept = list(range(node.lineno - 1, node.end_lineno or node.lineno))
    if ast.get_docstring(node) is not None:
        docstring = node.body[0]
        documented = range(docstring.lineno - 1, docstring.end_lineno or docstring.lineno)
        kept = [i for i in kept if i not in documented]
    text = textwrap.dedent("\n".join(lines[i] for i in kept)).strip()
    return Excerpt(name, f"bpnet/core/{module}.py", node.lineno, text)
