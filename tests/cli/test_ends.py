"""How a command ends: without memory, by a signal; and what a bar shows at its end."""

import os
import signal
import subprocess
import sys

import pytest

import bpnet
from bpnet.cli import main, screen
from bpnet.cli.signals import interrupting
from bpnet.display.terminal import Count
from bpnet.training import Run


def test_memory_that_runs_out_is_one_line_and_status_1(monkeypatch, capsys):
    def catalog():
        msg = "Unable to allocate 8 TiB"
        raise MemoryError(msg)

    monkeypatch.setattr(bpnet.data, "catalog", catalog)
    assert main(["data"]) == 1
    assert capsys.readouterr().err == "bpnet: error: Unable to allocate 8 TiB\n"


@pytest.mark.skipif(os.name != "posix", reason="the shell closes the streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_whose_streams_are_closed_succeeds_in_silence(tmp_path, closed):
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "bpnet"]
    run = ["train", "--epochs", "1", "--hidden", "4", "--out", str(tmp_path / "r"), "--quiet"]
    subprocess.run([*command, *run], check=True)
    predictions = ["predict", str(tmp_path / "r"), "digits", "-o", "-"]
    ended = subprocess.run([*command, *predictions], check=True, capture_output=True, text=True)
    assert ended.stderr == ""
    assert bool(ended.stdout) == (closed == "2>&-")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_a_command_that_is_ended_knows_by_what(number, status):
    before = signal.getsignal(signal.SIGTERM)
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupting() as seen, pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    finally:
        signal.signal(signal.SIGINT, usual)
    assert seen.status == status
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_network_that_stops_early_counts_for_all_of_its_epochs():
    with Count(screen.console(), 2, 5, silent=True, score="validation_accuracy") as count:
        (task,) = count._progress.tasks
        assert task.fields["text"].startswith("0/2 networks")
        for done, epochs in ((1, 3), (2, 5)):
            run = Run(None, 5, 1, 1, "numpy")
            for run.epoch in range(epochs):
                for name in ("cost", "validation_accuracy"):
                    run.history.setdefault(name, []).append(0.25 * run.epoch)
                count.on_epoch_end(run)
            count.on_train_end(run)
            assert task.completed == done / 2
            best = 25 * (epochs - 1)
            assert task.fields["text"].startswith(f"{done}/2 networks  0:00")
            assert task.fields["text"].endswith(f"best accuracy {best}.0 %")


def test_where_a_network_is_pruned_its_other_seeds_are_expected_no_more():
    with Count(screen.console(), 6, 4, silent=True, beside=2) as count:
        (task,) = count._progress.tasks
        run = Run(None, 4, 1, 1, "numpy", stopped="pruned")
        run.history["cost"] = [0.5]
        count.on_epoch_end(run)
        count.on_train_end(run)
        assert task.fields["text"].startswith("1/4 networks")
        assert task.completed == 1 / 4
