"""Ctrl-C and SIGTERM: the run stops cleanly and keeps what was learned."""

import json
import signal
import subprocess
import sys
import time

import pytest

import bpnet


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_keeps_the_model(tmp_path, number, status):
    run = tmp_path / "run"
    arguments = ["train", "digits", "--epochs", "100000", "--backend", "numpy", "--out", str(run)]
    process = subprocess.Popen(
        [sys.executable, "-m", "bpnet", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (run / "history.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)

    assert process.returncode == status
    assert not error
    assert len(json.loads((run / "history.json").read_text())["cost"]) >= 1
    data = bpnet.data.load("digits")
    result = bpnet.evaluate(bpnet.load(run), data.test, backend="numpy")
    assert result["accuracy"] > 0.15
