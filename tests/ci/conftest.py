"""The modules of ``ci/gpu``, which lie beside the script and are no package."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

CI = Path(__file__).parents[2] / "ci"
NAMES = ("rows", "plan", "run", "report", "steps", "jobs", "pytest")


@pytest.fixture(scope="session")
def gpu():
    """``gpu.run`` is ``ci/gpu_run.py``, and so on."""
    sys.path.insert(0, str(CI))
    try:
        return SimpleNamespace(**{n: importlib.import_module(f"gpu_{n}") for n in NAMES})
    finally:
        sys.path.remove(str(CI))
