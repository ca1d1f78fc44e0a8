"""The lines and bars of a terminal, part by part."""

import io

import pytest
from rich.console import Console

from bpnet.display import lines
from bpnet.display.figures import figure
from bpnet.display.terminal import Bar, Count
from bpnet.training import History, Run


def running(**about):
    run = Run(None, 12, 4, 100, "numpy", cost=0.5)
    vars(run).update(about)
    return run


def ended(**history):
    return running(epoch=1, history=History(seconds=[1.0, 0.5], **history))


LEARNED = {"cost": [1.0, 0.25], "accuracy": [0.1, 0.5]}
VALIDATION = {"validation_cost": [2.0, 0.75], "validation_accuracy": [0.2, 0.25]}


@pytest.mark.parametrize(
    ("history", "whole", "short"),
    [
        ({"cost": [1.0, 0.25]}, "epoch  2/12  cost 0.2500  200 samples/s  0:30, 2:30 left",
         "epoch  2/12  cost 0.2500  0:30"),
        ({**LEARNED, **VALIDATION},
         "epoch  2/12  cost 0.2500  accuracy  50.0 %  validation cost 0.7500  accuracy  25.0 %"
         "  200 samples/s  0:30, 2:30 left",
         "epoch  2/12  cost 0.2500  accuracy  50.0 %  validation 0.7500, 25.0 %  0:30"),
        ({"cost": [1.0, 0.25], "validation_cost": [2.0, 0.75], "validation_r2": [0.0, 0.125]},
         "epoch  2/12  cost 0.2500  validation cost 0.7500  R2 0.1250"
         "  200 samples/s  0:30, 2:30 left",
         "epoch  2/12  cost 0.2500  validation 0.7500, R2 0.1250  0:30"),
    ],
)  # fmt: skip
def test_a_line_of_an_epoch_fits_its_terminal(history, whole, short):
    run = ended(**history)
    assert lines.epoch_line(run, "0:30, 2:30 left") == whole
    assert lines.epoch_line(run, "0:30, 2:30 left", len(whole)) == whole
    assert lines.epoch_line(run, "0:30, 2:30 left", len(whole) - 1) == short
    assert lines.epoch_line(run, "0:30", len(short) - 1) == short.removesuffix("  0:30")


def test_what_is_learned():
    assert lines.learned(None, None) == ""
    assert lines.learned(0.12345, None) == "cost 0.1235"
    assert lines.learned(2.0, 0.98765) == "cost 2.0000  accuracy  98.8 %"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"), (1.2e-06, "1.2e-06"), (-1.2345e-3, "-0.00123"), (0.01, "0.0100"),
        (0.051549, "0.0515"), (999.5, "999.5000"), (1234.56, "1234.6"), (42793563.75, "4.2794e+07"),
        (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_figures_have_the_digits_that_matter(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(
    ("step", "rate"), [(1, "25 samples/s"), (3, "75 samples/s"), (4, "100 samples/s")]
)
def test_the_bar_shows_the_progress_of_an_epoch(monkeypatch, step, rate):
    now = [10.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    bar = Bar(Console(file=io.StringIO(), width=100))
    bar.on_train_begin(running())
    now[0] = 11.0
    bar.on_block_end(running(epoch=2, step=step))
    (task,) = bar._progress.tasks
    done = (8 + step) / 48
    assert task.completed == pytest.approx(done)
    assert task.fields["text"].startswith("epoch 3/12  0:01, 0:0")
    assert task.fields["text"].endswith(f" left  cost 0.5000  {rate}")


def test_the_bar_is_where_the_last_line_is():
    """So it was not: the bar of a run of short epochs stayed behind the lines above it."""
    bar = Bar(Console(file=io.StringIO(), width=100))
    run = ended(**LEARNED)
    bar.on_train_begin(run)
    bar.on_block_end(running(epoch=0, step=1))
    bar.on_epoch_end(run)
    (task,) = bar._progress.tasks
    assert task.completed == 2 / 12
    assert task.fields["text"].startswith("epoch 2/12  0:00")
    assert task.fields["text"].endswith("cost 0.2500  accuracy  50.0 %  200 samples/s")


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 0), (0.5, 10), (10.0, 20)])
def test_without_a_terminal_a_set_has_a_line_now_and_then(monkeypatch, seconds, expected):
    """At most one in 5 seconds, and 20 in all."""
    now, file = [0.0], io.StringIO()
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    with Count(Console(file=file, force_terminal=False), 100, 1, score="validation_cost") as count:
        for i in range(100):
            history = History(cost=[1.0], validation_cost=[1e-6 * i])
            run = running(epochs=1, epoch=0, history=history)
            now[0] += seconds
            count.on_epoch_end(run)
            count.on_train_end(run)
    said = file.getvalue().splitlines()
    assert len(said) == expected
    assert expected < 20 or said[0].startswith("5/100 networks  0:50, 15:50 left")
    assert expected == 0 or said[-1].startswith("100/100 networks")
    assert all(line.endswith("best cost 0.0000") for line in said)


@pytest.mark.parametrize(
    ("size", "draws"),
    [((40, 20), True), ((39, 20), False), ((40, 19), False), ((100, 50), True)],
)
def test_curves_need_room(size, draws):
    console = Console(file=io.StringIO(), force_terminal=True, width=size[0], height=size[1])
    assert Bar(console)._draws is draws
    assert not Bar(console, live=False)._draws
