"""What a terminal shows while a run goes on; without one, plain lines."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from bpnet.display.curves import Curves, chart
from bpnet.display.lines import Clock
from bpnet.display.terminal import Bar
from bpnet.training import Run


def dots(lines, columns):
    """Dots of a chart as a set of (x, y), from the upper left."""
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    filled = set()
    for row, line in enumerate(lines[1:-1]):
        for column, sign in enumerate(line.plain[10 : 10 + columns]):
            code = ord(sign) - 0x2800
            if 0 < code < 256:
                filled |= {
                    (2 * column + x, 4 * row + y)
                    for y in range(4)
                    for x in range(2)
                    if code & bits[y][x]
                }
    return filled


def test_a_falling_line_is_a_diagonal():
    """28 dots high, so 28 epochs on 14 columns fall a dot each."""
    width = 14 + 12
    lines = chart("cost", {"training": [float(28 - i) for i in range(28)]}, 28, width)
    assert dots(lines, 14) == {(i, i) for i in range(28)}
    assert lines[1].plain.startswith("      28")
    assert lines[7].plain.startswith("       1")
    assert lines[7].plain.endswith("t")


def test_the_charts_are_as_wide_as_they_may_be():
    for width in (30, 38, 60):
        curves = {"training": [2.0, 1.0, 0.5], "validation": [2.0, 1.5, 0.6]}
        for line in chart("accuracy", curves, 300, width):
            assert len(line.plain) <= width


def test_a_cost_that_falls_far_is_on_a_logarithmic_axis():
    """Equal factors are equal steps."""
    lines = chart("cost", {"training": [10.0**-i for i in range(4)]}, 4, 40)
    heights = dict(sorted(dots(lines, 28)))
    assert "(log)" in lines[0].plain
    assert [heights[x] for x in (0, 18, 37, 55)] == [0, 9, 18, 27]


def test_what_is_not_finite_or_does_not_vary_is_drawn_too():
    for values in ([1.0, 1.0], [float("nan"), 2.0], [float("inf")], [0.0], [-3.0, -3.0]):
        assert len(chart("cost", {"training": values}, 2, 40)) == 9


@pytest.mark.parametrize("signs", [True, False])
def test_without_unicode_curves_are_stars_and_rings(signs):
    lines = chart("cost", {"training": [3.0, 1.0], "validation": [3.0, 2.0]}, 2, 40, signs=signs)
    text = "\n".join(line.plain for line in lines)
    assert text.isascii() != signs
    assert ("*" in text, "o" in text[40:]) == (not signs, not signs) or signs


def long_run(epochs, last):
    """What a pipe gets of a run that is stopped after its epoch ``last``, from 1."""
    out = io.StringIO()
    bar = Bar(Console(file=out, force_terminal=False, width=80))
    run = Run(None, epochs, 1, 100, "numpy")
    bar.on_train_begin(run)
    for run.epoch in range(last):
        run.step = 1
        for name in ("cost", "seconds"):
            run.history.setdefault(name, []).append(1.2e-06)
        bar.on_epoch_end(run)
    bar.on_train_end(run)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("epochs", "last"), [(800, 800), (800, 179), (41, 41), (40, 40), (1, 1)])
def test_a_long_run_has_some_forty_lines_and_always_the_last(epochs, last):
    said = long_run(epochs, last)
    numbers = [int(line.split()[1].partition("/")[0]) for line in said]
    assert (numbers[0], numbers[-1]) == (1, last)
    assert len(set(numbers)) == len(numbers) <= 42
    assert epochs > 40 or numbers == [*range(1, epochs + 1)]
    assert all("  cost 1.2e-06  " in line for line in said)


def test_the_time_left_is_that_of_the_pace_since_the_start(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    clock = Clock(begun=0.5, start=100.0)
    assert clock.text(0.5) == "0:00"
    now[0] += 30
    assert clock.text(0.6) == "0:30, 2:00 left"
    now[0] += 3693
    assert clock.text(1.0) == "1:02:03"


def test_the_curves_of_a_run_that_was_stopped_end_where_it_did():
    run = finished(epochs=800)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=80, height=30)
    bar = Bar(console)
    bar.on_train_begin(run)
    bar.on_train_end(run)
    feet = [line.split() for line in out.getvalue().splitlines() if "epoch 1" in line]
    assert feet[-1] == ["epoch", "1", "3", "epoch", "1", "3"]


def test_the_letter_of_a_curve_stands_behind_its_last_point():
    """The last of 28 epochs is dot 27 * 27 / 279, which is 3 and so in the second column."""
    lines = chart("cost", {"training": [float(28 - i) for i in range(28)]}, 280, 26)
    assert lines[7].plain.rstrip().endswith("t")
    assert lines[7].plain.index("t") == 10 + 2


@pytest.mark.parametrize("name", ["cost", "accuracy"])
def test_a_legend_is_whole_beside_another_chart_on_80_columns(name):
    curves = {"training": [1.0, 0.001], "validation": [1.0, 0.001]}
    assert chart(name, curves, 2, 38)[0].plain.endswith("  t: training  v: validation")
    assert chart(name, curves, 2, 20)[0].plain.endswith("  t  v")


def finished(epochs=3):
    history = {
        "cost": [2.0, 1.0, 0.5],
        "accuracy": [0.3, 0.6, 0.9],
        "validation_cost": [2.0, 1.5, 1.2],
        "validation_accuracy": [0.3, 0.5, 0.7],
        "seconds": [0.1] * 3,
    }
    run = Run(None, epochs, 10, 100, "numpy")
    run.history.update(history)
    run.epoch, run.step, run.cost, run.accuracy = 2, 10, 0.5, 0.9
    return run


def shown(live=True, terminal=True, width=80, height=30):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, height=height)
    bar, run = Bar(console, ["data: some"], live=live), finished()
    bar.on_train_begin(run)
    bar.on_block_end(run)
    bar.on_epoch_end(run)
    bar.on_train_end(run)
    return out.getvalue()


def test_curves_stay_on_a_terminal_that_has_room():
    assert "t: training" in shown()
    assert "⣀" in shown()
    for options in ({"live": False}, {"terminal": False}, {"height": 15}, {"width": 30}):
        assert "t: training" not in shown(**options)


def test_an_epoch_fits_a_narrow_terminal_and_is_whole_elsewhere():
    line = "epoch 3/3  cost 0.5000  accuracy  90.0 %  validation"
    assert f"{line} 1.2000, 70.0 %" in shown()
    for options in ({"width": 120}, {"terminal": False}):
        assert f"{line} cost 1.2000  accuracy  70.0 %  1,000 samples/s" in shown(**options)


def test_the_curves_fit_the_terminal():
    out = io.StringIO()
    run = finished()
    for width in (40, 80, 200):
        Console(file=out, force_terminal=True, color_system=None, width=width).print(
            Curves(run.history, run.epochs)
        )
        assert max(map(len, out.getvalue().splitlines())) <= width


def command(tmp_path, **options):
    arguments = ["digits", "--hidden", "8", "--epochs", "3", "--out", str(tmp_path / "run")]
    return subprocess.run(
        [sys.executable, "-m", "bpnet", "train", *arguments],
        check=True, timeout=120, **options,
    )  # fmt: skip


def test_a_pipe_gets_plain_lines(tmp_path):
    out = command(tmp_path, capture_output=True, text=True).stdout
    assert "\x1b" not in out
    assert "t: training" not in out
    assert [line.split()[0] for line in out.splitlines()] == [
        "data:", "network:", "backend:", "epoch", "epoch", "epoch", "run:"
    ]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_curves(tmp_path):
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    hidden = {"COLUMNS", "LINES", "NO_COLOR"}
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment["TERM"] = "xterm-256color"
    command(tmp_path, stdout=follower, stderr=follower, stdin=follower, env=environment)
    os.close(follower)
    out = b""
    try:
        while chunk := os.read(leader, 65536):
            out += chunk
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    os.close(leader)
    text = out.decode()
    assert "t: training" in text
    assert "\x1b[38;5;33m" in text
    assert text.rstrip().splitlines()[-1].startswith("run: ") or "run: " in text[-300:]
