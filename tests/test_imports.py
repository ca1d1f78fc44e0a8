"""What `import bpnet` loads, and the names that it gives."""

import inspect
import json
import subprocess
import sys
from importlib.resources import files

import pytest

import bpnet

# Each is imported by the function that needs it. typer and rich belong to the command line.
HEAVY = {
    "IPython",
    "array_api_strict",
    "cupy",
    "dpctl",
    "dpnp",
    "h5py",
    "jax",
    "jinja2",
    "keras",
    "latex2mathml",
    "matplotlib",
    "mpi4py",
    "ndonnx",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "optuna",
    "pandas",
    "polars",
    "pooch",
    "pygments",
    "requests",
    "rich",
    "scipy",
    "sklearn",
    "tensorboard",
    "tensorboardX",
    "torch",
    "typer",
}


def loaded_by(statement: str) -> frozenset[str]:
    """Return the top-level modules that a new interpreter holds after a statement."""
    code = f"{statement}\nimport json, sys; print(json.dumps(list(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return frozenset(name.partition(".")[0] for name in json.loads(run.stdout))


def test_public_names_load_no_heavy_library() -> None:
    loaded = loaded_by("from bpnet import *")
    assert {"bpnet", "numpy"} <= loaded
    assert not loaded & HEAVY


def test_nothing_is_loaded_before_it_is_used() -> None:
    assert not loaded_by("import bpnet") & {*HEAVY, "numpy", "array_api_compat", "typer"}


def test_the_command_line_loads_what_it_uses() -> None:
    shown = "from bpnet.cli import main; main(['--help'])"
    quietly = (
        f"import io, sys; out, sys.stdout = sys.stdout, io.StringIO(); {shown}; sys.stdout = out"
    )
    terminal = {"typer", "rich", "pygments"}
    assert not loaded_by(quietly) & ({*HEAVY, "numpy", "array_api_compat"} - terminal)


def test_core_loads_no_array_library_at_all() -> None:
    """Not even NumPy: `core` gets its arrays, and their namespace, from its callers."""
    loaded = loaded_by(
        "import pkgutil, importlib, bpnet.core; "
        "[importlib.import_module(m.name) for m in "
        "pkgutil.walk_packages(bpnet.core.__path__, 'bpnet.core.')]"
    )
    assert "bpnet" in loaded
    assert not loaded & {*HEAVY, "numpy"}


def test_public_names_are_few_and_exist() -> None:
    assert len(set(bpnet.__all__) - {"__version__"}) <= 30
    assert len(set(bpnet.__all__)) == len(bpnet.__all__)
    assert [name for name in bpnet.__all__ if not hasattr(bpnet, name)] == []


@pytest.mark.parametrize("name", bpnet.__all__)
def test_public_names_are_documented(name: str) -> None:
    value = getattr(bpnet, name)
    if inspect.ismodule(value) or callable(value):
        assert (value.__doc__ or "").strip()


def test_the_package_is_marked_as_typed() -> None:
    assert files("bpnet").joinpath("py.typed").is_file()
