"""Which GPUs of which libraries auto looks at."""

import importlib.metadata

import pytest

from bpnet.backends import libraries, registry, selection
from bpnet.errors import BackendUnavailable


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2.6.0", ["torch:cuda"]), ("2.6.0+cu126", ["torch:cuda"]), ("2.6.0+cpu", [])],
)
@pytest.mark.parametrize("gpu", ["cuda", "rocm"])
def test_a_pytorch_that_was_built_without_gpus_is_not_asked_for_one(
    version, expected, gpu, monkeypatch
):
    monkeypatch.setattr(libraries, "installed", lambda name: name == "torch")
    monkeypatch.setattr(importlib.metadata, "version", lambda distribution: version)
    assert list(selection.candidates(frozenset({gpu}))) == expected
    assert list(selection.candidates(frozenset({gpu, "mps"}))) == [*expected, "torch:mps"]


def test_where_none_of_a_list_works_the_cure_is_that_of_the_first(monkeypatch):
    def get(spec, device=None):
        raise BackendUnavailable(spec, f"no {spec}", f"install {spec}")

    monkeypatch.setattr(registry, "get", get)
    with pytest.raises(BackendUnavailable) as caught:
        selection.select("cupy,torch,jax")
    assert caught.value.cure == "install cupy"
    assert caught.value.why == "cupy: no cupy; torch: no torch; jax: no jax"
