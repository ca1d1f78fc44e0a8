"""A CuPy that works although two of its packages overwrite each other: told, with the cure."""

from types import SimpleNamespace

import pytest

from bpnet.backends import diagnosis, libraries, registry, survey
from bpnet.backends.diagnosis import CupyFacts
from bpnet.backends.hardware import CudaDriver


@pytest.mark.parametrize("name", ["cupy", "torch"])
def test_two_wheels_are_told_of_a_cupy_that_works(name, monkeypatch):
    facts = CupyFacts(("cupy-cuda12x", "cupy-cuda13x"), CudaDriver(13000, 1))
    works = SimpleNamespace(version="14.0", dtypes=lambda: ("float32",))
    monkeypatch.setattr(registry, "get", lambda spec: works)
    monkeypatch.setattr(libraries, "adapter", lambda name: SimpleNamespace(devices=tuple))
    monkeypatch.setattr(diagnosis.CupyFacts, "gather", lambda: facts)
    actual = survey.try_out(name)
    assert actual.usable
    if name == "torch":
        assert actual.why is actual.cure is None
    else:
        assert actual.why.startswith("2 CuPy packages overwrite each other")
        assert actual.cure.startswith("pip uninstall -y cupy-cuda12x cupy-cuda13x && pip install")
