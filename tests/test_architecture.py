"""Imports point downwards, `core` knows no array library, and nothing runs code from data."""

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bpnet"

# The floor of each first-level module: an import may stay on its floor or go down.
# The package's own `__init__` gathers the public names, so it is nearly at the top.
FLOORS = {
    "cli": 5,
    "__main__": 5,
    "": 4,
    **dict.fromkeys(
        (
            "sklearn",
            "paper",
            "pages",
            "plots",
            "report",
            "export",
            "imports",
            "check",
            "bench",
            "tensorboard",
            "sweep",
            "runs",
            "callbacks",
        ),
        4,
    ),
    **dict.fromkeys(
        ("training", "model", "distributed", "display", "custom"),
        3,
    ),
    "data": 2,
    "core": 1,
    "backends": 1,
    "errors": 0,
    "storage": 0,
    "shown": 0,
    "public": 0,
    "arguments": 0,
    "requirements": 0,
    "synonyms": 0,
    "_typing": 0,
}
STRANGERS = {frozenset(("core", "backends"))}  # on one floor, and neither may import the other

ARRAY_LIBRARIES = {
    "array_api_strict",
    "cupy",
    "cupyx",
    "dask",
    "dpctl",
    "dpnp",
    "jax",
    "jaxlib",
    "mlx",
    "ndonnx",
    "sparse",
    "tensorflow",
    "torch",
}
AT_HOME = {"backends": ARRAY_LIBRARIES, "export": {"ndonnx"}}
CORE_MAY_IMPORT = sys.stdlib_module_names | {"array_api_compat", "array_api_extra"}
RUNS_CODE_FROM_DATA = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
WRITES_CODE = {"backends/trace/lines.py"}  # of names and numbers that it makes itself


def violations(package: Path) -> list[str]:
    """Return each breach of the architecture in a source tree as ``file:line: what``."""
    return [
        f"{path.relative_to(package).as_posix()}:{line}: {breach}"
        for path in sorted(package.rglob("*.py"))
        for line, breach in _breaches(path, package)
    ]


def _breaches(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    parts = path.relative_to(package).with_suffix("").parts
    parent = parts[:-1]  # the package that a relative import starts from
    room = "" if parts == ("__init__",) else parts[0]
    if room not in FLOORS:
        yield 1, f"{room} has no floor: give it one in FLOORS"
        return
    for node in ast.walk(ast.parse(path.read_bytes())):
        for name in _imported(node, parent):
            yield from ((node.lineno, breach) for breach in _check_import(room, name))
        if isinstance(node, ast.Call) and (breach := _check_call(node, room)):
            may = breach.startswith("exec") and path.relative_to(package).as_posix() in WRITES_CODE
            yield from [(node.lineno, breach)] * (not may)


def _imported(node: ast.AST, parent: tuple[str, ...]) -> Iterator[str]:
    """Yield the absolute dotted names that a node imports, wherever it stands."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = ("bpnet", *parent)[: len(parent) + 2 - node.level] if node.level else ()
        base = ".".join((*above, *([node.module] if node.module else [])))
        for alias in node.names:
            # what is taken from our own root is one of its modules, or else a public name
            public = base == "bpnet" and alias.name not in FLOORS
            yield base if public else f"{base}.{alias.name}"
    elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
        yield from (str(text.value) for text in node.args[:1] if isinstance(text, ast.Constant))


def _check_import(room: str, name: str) -> Iterator[str]:
    top, *rest = name.split(".")
    if top == "bpnet":
        target = rest[0] if rest and rest[0] in FLOORS else ""
        if FLOORS[target] > FLOORS[room]:
            yield f"{room or 'bpnet'} imports {name}, which is above it"
        if frozenset((room, target)) in STRANGERS:
            yield f"{room} imports {name}: neither may know the other"
        return
    if top in RUNS_CODE_FROM_DATA:
        yield f"{name} runs code from data"
    if room == "core" and (top not in CORE_MAY_IMPORT or "numpy" in rest):
        yield f"core imports {name}"
    # any part of the name: array_api_compat.torch and safetensors.torch import torch too
    if strange := ARRAY_LIBRARIES.intersection((top, *rest)) - AT_HOME.get(room, set()):
        yield f"{room or 'bpnet'} names the array library {strange.pop()}"


def _check_call(node: ast.Call, room: str) -> str | None:
    called = _called(node)
    if called in {"eval", "exec"} and (
        isinstance(node.func, ast.Name) or ast.unparse(node.func) == f"builtins.{called}"
    ):
        return f"{called} runs code from data"
    if room == "core" and called in {"import_module", "__import__"}:
        return f"core calls {called}"
    for keyword in node.keywords:
        is_off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg == "allow_pickle" and not is_off:
            return "allow_pickle runs code from data"
    return None


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_the_package_keeps_its_architecture() -> None:
    assert list(PACKAGE.rglob("*.py")), f"no source in {PACKAGE}"
    assert violations(PACKAGE) == []


PLANTED = {
    "numpy in core": ("core/special.py", "import numpy as np", "core imports numpy"),
    "numpy by the compatibility layer": (
        "core/special.py",
        "from array_api_compat import numpy",
        "core imports array_api_compat.numpy",
    ),
    "core imports backends": (
        "core/special.py",
        "from bpnet.backends import get",
        "neither may know the other",
    ),
    "backends imports core": (
        "backends/__init__.py",
        "from ..core import special",
        "neither may know the other",
    ),
    "core imports by name": (
        "core/special.py",
        "import importlib\nxp = importlib.import_module(input())",
        "core calls import_module",
    ),
    "data imports training": (
        "data/__init__.py",
        "from bpnet.training.step import train_step",
        "data imports bpnet.training.step.train_step, which is above it",
    ),
    "a relative import upwards, in a function": (
        "data/deep/planted.py",
        "def f():\n    from ...training import step",
        "data imports bpnet.training.step, which is above it",
    ),
    "the whole package from below": (
        "training/planted.py",
        "import bpnet",
        "training imports bpnet, which is above it",
    ),
    "a public name from below": (
        "model/network.py",
        "from bpnet import Anything",
        "model imports bpnet, which is above it",
    ),
    "the command line from anywhere": (
        "__init__.py",
        "from bpnet.cli import main",
        "bpnet imports bpnet.cli.main, which is above it",
    ),
    "torch in training": (
        "training/planted.py",
        "def f():\n    import torch.nn",
        "training names the array library torch",
    ),
    "torch by the back door": (
        "model/network.py",
        "from safetensors.torch import load_file",
        "model names the array library torch",
    ),
    "jax by its name as text": (
        "training/planted.py",
        "from importlib import import_module\nimport_module('jax.numpy')",
        "training names the array library jax",
    ),
    "pickle in network": ("model/network.py", "import pickle", "pickle runs code from data"),
    "a pickle let in": (
        "data/planted.py",
        "def f(np, path):\n    np.load(path, allow_pickle=True)",
        "allow_pickle runs code from data",
    ),
    "eval": ("storage/checkpoint.py", "x = eval('1')", "eval runs code from data"),
    "exec": (
        "storage/checkpoint.py",
        "import builtins\nbuiltins.exec('1')",
        "exec runs code from data",
    ),
    "exec in a neighbor of what may": ("backends/trace/plan.py", "exec('1')", "exec runs code"),
    "a module without a floor": ("attic.py", "", "attic has no floor"),
}


@pytest.mark.parametrize(("file", "source", "breach"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_violation_is_caught(tmp_path: Path, file: str, source: str, breach: str) -> None:
    copy = tmp_path / "bpnet"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as handle:
        handle.write(f"\n{source}\n")
    (violation,) = set(violations(copy)) - set(violations(PACKAGE))
    assert violation.startswith(f"{file}:")
    assert breach in violation


ALLOWED = {
    "numpy outside core": ("training/planted.py", "import numpy as np"),
    "an adapter named after its library": (
        "training/planted.py",
        "from bpnet.backends.torch import compiled",
    ),
    "a library at home": ("backends/planted.py", "import torch"),
    "ndonnx in export": ("export.py", "import ndonnx"),
    "siblings on one floor": ("training/planted.py", "from bpnet.model.network import Network"),
    "errors from the root": ("core/planted.py", "from bpnet import errors"),
    "the package from the command line": ("cli/planted.py", "import bpnet"),
    "a method named eval": ("backends/planted.py", "def f(model):\n    model.eval()"),
    "a pickle refused": ("data/planted.py", "def f(np, p):\n    np.load(p, allow_pickle=False)"),
}


@pytest.mark.parametrize(("file", "source"), ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_allowed_is_not_flagged(tmp_path: Path, file: str, source: str) -> None:
    path = tmp_path / "bpnet" / file
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    assert violations(tmp_path / "bpnet") == []


def imports_of(package: Path) -> dict[str, set[str]]:
    """Return the modules of the package that each module imports when it runs."""
    files = {_dotted(path, package): path for path in package.rglob("*.py")}
    return {name: set(_targets(path, package, files)) - {name} for name, path in files.items()}


def _dotted(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(path: Path, package: Path, files: dict[str, Path]) -> Iterator[str]:
    tree = ast.parse(path.read_bytes())
    blocks = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)
    ]
    ignored = {id(inner) for block in blocks for inner in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) not in ignored:
            for name in _imported(node, path.relative_to(package).parts[:-1]):
                parent = name.rpartition(".")[0]
                yield from [name] * (name in files) or [parent] * (parent in files)


def circles(imports: dict[str, set[str]]) -> list[str]:
    """Return the modules that import themselves by way of others."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = list(imports[start])
        while waiting:
            if (name := waiting.pop()) not in seen:
                seen.add(name)
                waiting += imports[name]
        return seen

    return sorted(name for name in imports if name in reachable(name))


def test_no_files_import_one_another() -> None:
    imports = imports_of(PACKAGE)
    assert "bpnet.training.recipe" in imports["bpnet.training.train"]
    assert circles(imports) == []


def test_a_circle_is_detected(tmp_path: Path) -> None:
    package = tmp_path / "bpnet"
    (package / "data").mkdir(parents=True)
    for name, source in {
        "__init__": "",
        "a": "def f():\n    from bpnet.data import b",
        "data/__init__": "from bpnet.data.b import x",
        "data/b": "from . import c",
        "data/c": "if 1:\n    import bpnet.a",
        "d": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bpnet.e",
        "e": "import bpnet.d",
    }.items():
        (package / f"{name}.py").write_text(source, encoding="utf-8")
    assert circles(imports_of(package)) == ["bpnet.a", "bpnet.data.b", "bpnet.data.c"]
