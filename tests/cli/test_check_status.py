"""The status of ``bpnet check``: 1 where one of several backends fails."""

import importlib

import pytest

from bpnet.cli import main


@pytest.mark.parametrize(
    ("passed", "status"), [((True, True), 0), ((True, False), 1), ((False, True), 1)]
)
def test_one_backend_that_fails_is_a_failure(passed, status, monkeypatch):
    module, verdicts = importlib.import_module("bpnet.cli.check"), iter(passed)
    monkeypatch.setattr(module, "_check", lambda *_, **__: {"passed": next(verdicts)})
    assert main(["check", "numpy", "numpy:cpu"]) == status
