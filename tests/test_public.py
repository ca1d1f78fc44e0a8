"""What ``bpnet`` and its submodules show and give, and that nothing of it is imported too early."""

import ast
import subprocess
import sys
from importlib.resources import files

import pytest

import bpnet
from tests.test_imports import loaded_by

LOADED = {"data", "backends", "optimizers", "schedules", "layers", "costs", "activations"}
LOADED |= {"initializers"}
ON_USE = {"bench", "callbacks", "check", "custom", "distributed", "export", "imports"}
ON_USE |= {"paper", "plots", "report", "sklearn", "sweep", "tensorboard"}


def modules_after(statement: str) -> set[str]:
    """Return bpnet's modules that a new interpreter holds after a statement."""
    code = f"{statement}\nimport sys; print(*(m for m in sys.modules if m.startswith('bpnet')))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("name", sorted(ON_USE | LOADED))
def test_submodules_are_there_without_an_import(name: str) -> None:
    pytest.importorskip("sklearn" if name == "sklearn" else "numpy")
    module = getattr(bpnet, name)
    assert module.__name__ in {f"bpnet.{name}", f"bpnet.core.{name}"}
    assert dir(module) == sorted(module.__all__), "what it imports for itself is shown"
    assert [name for name in dir(module) if name.startswith("_")] == []


@pytest.mark.parametrize("name", sorted(LOADED))
def test_each_is_loaded_before_the_use_of_any_other(name: str) -> None:
    assert modules_after(f"import bpnet; bpnet.{name}") & {f"bpnet.{name}", f"bpnet.core.{name}"}


def test_they_are_imported_on_use() -> None:
    names = ON_USE - {"sklearn"}  # an extra's, see below
    expressions = "; ".join(f"bpnet.{name}" for name in sorted(names))
    assert modules_after(f"import bpnet; {expressions}") >= {f"bpnet.{name}" for name in names}


@pytest.mark.parametrize(
    "statement", ["import bpnet", "from bpnet import *", "import bpnet; dir(bpnet)"]
)
def test_none_is_imported_before_its_use(statement: str) -> None:
    waiting = {f"bpnet.{name}" for name in ON_USE - {"distributed"}}  # `train` needs that one
    assert not modules_after(statement) & waiting


def test_an_extra_is_imported_with_what_needs_it() -> None:
    pytest.importorskip("sklearn")
    assert "sklearn" not in loaded_by("import bpnet")
    assert "sklearn" in loaded_by("import bpnet; bpnet.sklearn")


def test_dir_shows_the_public_names_only() -> None:
    assert set(dir(bpnet)) == {*bpnet.__all__, *ON_USE}
    assert {"assembly", "disk", "lock", "checksummed", "saving"}.isdisjoint(dir(bpnet))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(bpnet, "sklaern")
    with pytest.raises(AttributeError, match="module 'bpnet' has no attribute 'optimisers'"):
        _ = bpnet.optimisers  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_submodules() -> None:
    tree = ast.parse(files("bpnet").joinpath("__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    names = [alias.name for node in block.body for alias in getattr(node, "names", [])]
    assert set(names) == {*bpnet.__all__, *ON_USE} - {"__version__"}
