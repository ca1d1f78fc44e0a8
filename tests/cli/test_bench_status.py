"""The status of ``bpnet bench``: 1 where a backend failed, whatever the others did."""

import pytest

from bpnet import bench
from bpnet.cli import main


@pytest.mark.parametrize(("errors", "status"), [([None], 0), ([None, "no", None], 1)])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_one_backend_that_fails_is_a_failure(errors, status, options, monkeypatch, capsys):
    def run(names, job):
        for error in errors:
            measured = {} if error else {"samples": 10, "epoch": 0.5, "epochs": 3}
            yield bench.Timing("numpy", job.cells[0], error=error, **measured)

    monkeypatch.setattr(bench, "run", run)
    assert main(["bench", "--backend", "numpy", *options]) == status
    assert ("failed: no" in capsys.readouterr().out) == (status == 1 and not options)
