"""The suite runs on the backends that were named, or says that it cannot."""

import pytest

from bpnet.backends import libraries
from tests import conftest


def test_names_stand_for_their_legs(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    assert conftest.chosen("numpy, torch") == ["numpy", "numpy:read_only", "torch:cpu"]
    assert conftest.chosen("torch:cuda,torch") == ["torch:cuda", "torch:cpu"]
    assert len(conftest.chosen("array-api-strict")) == 5


def test_installed_is_what_is_here(monkeypatch):
    monkeypatch.setattr(libraries, "installed", {"numpy", "jax"}.__contains__)
    assert conftest.chosen("installed") == ["numpy", "numpy:read_only", "jax:cpu"]
    assert conftest.chosen("jax,installed") == ["jax:cpu", "numpy", "numpy:read_only"]


def test_what_is_named_and_missing_fails_the_session(monkeypatch):
    monkeypatch.setattr(libraries, "installed", {"numpy"}.__contains__)
    with pytest.raises(pytest.UsageError, match="torch must run and is not installed"):
        conftest.chosen("numpy,torch")


@pytest.mark.parametrize(
    ("named", "text"), [("nmpy", "did you mean 'numpy'"), (" ,", "no backend")]
)
def test_unknown_names_fail_the_session(named, text):
    with pytest.raises(pytest.UsageError, match=text):
        conftest.chosen(named)
