"""What ``bpnet bench`` makes of its options."""

import pytest

import bpnet
from bpnet import bench
from bpnet.bench import Cell, Job
from bpnet.cli import main


@pytest.fixture
def called(monkeypatch):
    """Backends and job of each call that would measure."""
    calls = []
    monkeypatch.setattr(bench, "run", lambda names, job: calls.append((names, job)) or ())
    monkeypatch.setattr(bench, "plot", lambda timings, path, about: path)
    monkeypatch.setattr(bench, "crossings", lambda timings: [])
    monkeypatch.setattr(bpnet.backends, "available", lambda: ["cupy", "array_api_strict", "numpy"])
    return calls


def test_every_option_reaches_the_job(called):
    options = (
        "digits --hidden 5,4 --batch-size 7 --optimizer adam --dtype float64 --backend numpy "
        "--seconds 1.5 --rows 99 --target price"
    )
    assert main(["bench", *options.split()]) == 0
    cell = Cell((5, 4), 7, "adam", "float64")
    assert called == [(["numpy"], Job((cell,), "digits", "price", rows=99, seconds=1.5))]


def test_without_options_it_measures_what_computes_on_pixels_like_mnists(called):
    """array_api_strict checks the standard and is slow on purpose."""
    assert main(["bench"]) == 0
    job = Job((Cell((128,), 128, "sgd", "float32"),), None, None, 784, None, 3.0)
    assert called == [(["cupy", "numpy"], job)]


def test_a_picture_is_of_every_width_with_every_batch_size(called, tmp_path):
    assert main(["bench", "--plot", str(tmp_path / "curves.png"), "--seconds", "2"]) == 0
    ((_, job),) = called
    widths, batches = (16, 64, 256, 1024), (10, 128, 1024)
    assert set(job.cells) == {Cell((width,), k) for width in widths for k in batches}
    assert len(job.cells) == 12
    assert job.seconds == 0.5
