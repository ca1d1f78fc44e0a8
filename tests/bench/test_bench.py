"""Backends side by side on one job, each in a process of its own."""

import json
import shutil

import pytest

import bpnet
from bpnet import bench
from bpnet.bench import breakeven, cells, measure, processes
from bpnet.bench.cells import Cell, Job
from bpnet.bench.measure import Timing
from bpnet.cli import main
from bpnet.errors import InputError


def timing(backend, width, batch, rate, error=None):
    epoch = None if error else 1000 / rate
    return Timing(backend, Cell((width,), batch), 1000, epoch, error=error)


def test_an_epoch_is_the_median_after_one_to_warm_up(monkeypatch):
    seconds = iter([9.0, 1.0, 3.0, 2.0])

    def train(network, data, *, epochs, callbacks, **options):
        run = type(
            "Run", (), {"stopped": None, "stop": lambda self, why: setattr(self, "stopped", why)}
        )()
        history = []
        for run.epoch in range(epochs):
            history.append(next(seconds))
            callbacks[0].on_epoch_end(run)
            if run.stopped or len(history) == 4:
                break
        return {"seconds": history}

    monkeypatch.setattr(measure, "train", train)
    actual = measure.measure(bpnet.backends.get("numpy"), Job((), seconds=60.0), Cell((4,), 8))
    assert (actual.epoch, actual.first, actual.epochs) == (2.0, 9.0, 3)
    assert actual.samples == 400
    assert actual.rate == 200


def test_every_cell_is_measured_on_every_backend_for_real():
    job = Job((Cell((4,), 16), Cell((4,), 0)), "digits", rows=64, seconds=0.01)
    actual = list(bench.run(["numpy", "array_api_strict:no_x64"], job))
    assert [(t.backend, t.cell.batch_size) for t in actual] == [
        ("numpy", 16),
        ("numpy", 0),
        ("array_api_strict:no_x64", 16),
        ("array_api_strict:no_x64", 0),
    ]
    for t in actual:
        assert t.error is None
        assert t.samples == 64
        assert 0 < t.epoch < 5
        assert t.epochs >= 2


def test_a_cell_that_fails_and_a_process_that_dies_are_rows(monkeypatch):
    job = Job((Cell((4,), 16, dtype="float64"), Cell((4,), 16)), rows=64, seconds=0.01)
    refused, fine = bench.run(["array_api_strict:no_float64"], job)
    assert "no float64" in refused.error
    assert fine.error is None
    monkeypatch.setattr(processes.sys, "executable", shutil.which("false"))
    dead = list(bench.run(["numpy"], job))
    assert [t.error for t in dead] == ["its process ended with status 1 (no message)"] * 2


def test_of_a_process_that_dies_the_last_line_of_its_errors_is_given(monkeypatch, tmp_path):
    """The first lines of a traceback say nothing of the cause."""
    script = tmp_path / "python"
    script.write_text(
        "#!/bin/sh\nprintf 'Traceback:\\n  line 1\\nOSError: no driver\\n\\n' >&2\nexit 3\n"
    )
    script.chmod(0o700)
    monkeypatch.setattr(processes.sys, "executable", str(script))
    (row,) = bench.run(["numpy"], Job((Cell((4,), 16),), rows=64, seconds=0.01))
    assert row.error == "its process ended with status 3 (OSError: no driver)"


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (Job((Cell((4,), 16),), seconds=0.0), "seconds is 0.0"),
        (Job((Cell((4,), 16),), rows=0), "rows is 0"),
        (Job((Cell((4,), -1),)), "batch size is -1"),
        (Job((Cell((4,), 16, dtype="int8"),)), "dtype is 'int8'"),
        (Job((Cell((4,), 16, optimizer="sdg"),)), "did you mean 'sgd'"),
        (Job((Cell((0,), 16),)), "at least 1"),
    ],
)
def test_what_cannot_be_done_is_refused_before_a_process_starts(job, text):
    with pytest.raises(InputError, match=text):
        next(processes.run(["numpy"], job))


def test_generated_data_has_fifty_steps_within_bounds():
    sizes = [len(cells.data_of(Job(()), Cell((4,), k)).x) for k in (1, 10, 128, 1024, 20_000)]
    assert sizes == [50, 500, 6400, 16_384, 20_000]


def test_crossings_say_from_which_width_on():
    actual = [
        *(timing("numpy", w, 10, 100) for w in (16, 64, 256)),
        *(timing("a", w, 10, r) for w, r in ((16, 50), (64, 150), (256, 200))),
        *(timing("b", w, 10, 200) for w in (16, 64, 256)),
        *(timing("c", w, 10, r) for w, r in ((16, 150), (64, 50), (256, 60))),
        *(timing("d", w, 10, 50) for w in (16, 64, 256)),
    ]
    assert bench.crossings(actual) == [
        "batch 10: a is ahead of numpy above width 16",
        "batch 10: b is ahead of numpy at every width",
        "batch 10: c is ahead of numpy at width 16",
        "batch 10: d is ahead of numpy at none",
    ]


def test_a_picture_is_drawn_and_another_ending_is_refused(tmp_path):
    pytest.importorskip("matplotlib")
    actual = [timing("numpy", w, k, 100 + w) for w in (16, 64) for k in (10, 128)]
    actual.append(timing("jax:cpu", 16, 10, 1, error="no"))
    path = breakeven.plot(actual, tmp_path / "curves.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"use \.png"):
        breakeven.plot(actual, tmp_path / "curves.txt")


def test_a_profile_accounts_for_the_epoch(backend):
    job, cell = Job((), rows=96), Cell((8,), 32)
    if backend.name == "jax":
        with pytest.raises(InputError, match="compiles its loop"):
            bench.profile(backend, job, cell)
        return
    parts = {part.name: part for part in bench.profile(backend, job, cell)}
    # two layers, three steps: a product each forward and two back, one of them not needed
    assert parts["matrix products"].calls == 3 * 5
    assert parts["gather"].calls == 2  # examples and targets of the three steps at once
    assert all(part.seconds >= 0 for part in parts.values())
    assert "Python" in parts


def test_the_command(capsys, tmp_path):
    options = ["--backend", "numpy", "--hidden", "4", "--rows", "64", "--seconds", "0.01"]
    assert main(["bench", "digits", *options]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert max(len(head), len(row)) <= 80
    assert head.split()[:5] == ["backend", "hidden", "batch", "s/epoch", "samples/s"]
    assert row.split()[:3] == ["numpy", "4", "128"]
    assert main(["bench", *options, "--json"]) == 0
    (actual,) = json.loads(capsys.readouterr().out)
    assert actual["cell"]["hidden"] == [4]
    assert main(["bench", *options, "--profile"]) == 0
    assert "matrix products" in capsys.readouterr().out
    assert main(["bench", *options, "--plot", str(tmp_path / "none" / "x.png")]) == 2
    assert main(["bench", *options, "--plot", str(tmp_path / "x.doc")]) == 2
    assert main(["bench", "no-such-data", *options]) == 2
    assert "Traceback" not in capsys.readouterr().err
