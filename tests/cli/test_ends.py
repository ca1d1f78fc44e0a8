"""How a command ends: without memory, by a signal; and what a bar shows at its end."""

import signal
from types import SimpleNamespace

import pytest

import bpnet
from bpnet.cli import main, screen
from bpnet.cli.progress import Count
from bpnet.cli.signals import interrupting


def test_memory_that_runs_out_is_one_line_and_status_1(monkeypatch, capsys):
    def catalog():
        msg = "Unable to allocate 8 TiB"
        raise MemoryError(msg)

    monkeypatch.setattr(bpnet.data, "catalog", catalog)
    assert main(["data"]) == 1
    assert capsys.readouterr().err == "bpnet: error: Unable to allocate 8 TiB\n"


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
    with Count(screen.console(), 2, 5, silent=True) as count:
        run = SimpleNamespace(epoch=0)
        for run.epoch in range(3):
            count.on_epoch_end(run)
        count.on_train_end(run)
        (task,) = count._progress.tasks
        assert (task.completed, task.total) == (5, 10)
        for run.epoch in range(5):
            count.on_epoch_end(run)
        count.on_train_end(run)
        assert task.completed == 10
        assert task.fields["text"] == "2/2 networks"
