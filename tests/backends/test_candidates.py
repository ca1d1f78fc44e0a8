"""Which GPUs of which libraries auto looks at."""

import importlib.metadata

import pytest

from bpnet.backends import libraries, selection


@pytest.mark.parametrize(
    ("version", "found"),
    [("2.6.0", ["torch:cuda"]), ("2.6.0+cu126", ["torch:cuda"]), ("2.6.0+cpu", [])],
)
@pytest.mark.parametrize("gpu", ["cuda", "rocm"])
def test_a_pytorch_that_was_built_without_gpus_is_not_asked_for_one(
    version, found, gpu, monkeypatch
):
    monkeypatch.setattr(libraries, "installed", lambda name: name == "torch")
    monkeypatch.setattr(importlib.metadata, "version", lambda distribution: version)
    assert list(selection.candidates(frozenset({gpu}))) == found
    assert list(selection.candidates(frozenset({gpu, "mps"}))) == [*found, "torch:mps"]
