"""What a benchmark measures, on which data, and how it tells of it: by hand, without a clock."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.bench import breakeven, cells, crossings, measure, profile
from bpnet.bench.cells import Cell, Job
from bpnet.bench.measure import Timing
from bpnet.bench.profile import Share
from bpnet.cli import bench as command
from bpnet.cli import main
from bpnet.errors import InputError
from bpnet.pages.drawing import LIGHT


def timing(backend, width, batch, rate, **more):
    return Timing(backend, Cell((width,), batch), 1000, 1000 / rate, **more)


def test_without_numpy_the_first_backend_is_the_one_to_be_ahead_of():
    actual = [timing("b", 16, 10, 100), timing("a", 16, 10, 200), timing("c", 16, 10, 50)]
    assert crossings(actual) == [
        "batch 10: a is ahead of b at every width", "batch 10: c is ahead of b at none"
    ]  # fmt: skip


def test_each_batch_size_has_a_sentence_smallest_first():
    actual = [timing("numpy", 16, k, 100) for k in (10, 128)]
    actual += [timing("a", 16, 128, 200), timing("a", 16, 10, 50)]
    actual.append(Timing("a", Cell((64,), 10), error="no"))  # says nothing of a width
    assert crossings(actual) == [
        "batch 10: a is ahead of numpy at none", "batch 128: a is ahead of numpy at every width"
    ]  # fmt: skip


def test_a_panel_for_each_batch_size_and_a_line_for_each_backend(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    actual = [timing("numpy", w, k, w + k) for k in (128, 10) for w in (64, 16)]
    actual += [timing("a", 16, 10, 7), Timing("a", Cell((64,), 10), error="no")]
    actual += [timing("a", 64, 10, 700), timing("a", 256, 10, 900)]
    seen = {}

    def save(path, draw, title, about, size):
        from matplotlib.figure import Figure

        seen.update(figure=Figure(), title=title, about=about, size=size)
        draw(seen["figure"], LIGHT)
        return path

    monkeypatch.setattr(breakeven, "save", save)
    assert breakeven.plot(actual, tmp_path / "x.png", ["made up"]) == tmp_path / "x.png"
    assert (seen["title"], seen["about"]) == ("Break-even of backends with numpy", ["made up"])
    assert seen["size"] == (8.0, 4.0)
    left, right = seen["figure"].axes
    assert [axes.get_title() for axes in (left, right)] == ["batch 10", "batch 128"]
    rings = [line for line in left.get_lines() if line.get_markerfacecolor() == "none"]
    assert [ring.get_xydata().tolist() for ring in rings] == [[[64, pytest.approx(700)]]]
    lines = {line.get_label(): line.get_xydata().tolist() for line in left.get_lines()}
    assert lines["numpy"] == [[16, pytest.approx(26)], [64, pytest.approx(74)]]
    assert lines["a"] == [[w, pytest.approx(r)] for w, r in ((16, 7), (64, 700), (256, 900))]
    assert [len(line.get_xdata()) for line in right.get_lines()] == [2, 0]
    assert [text.get_text() for text in left.get_xticklabels()] == ["16", "64", "256"]
    assert (left.get_xlabel(), left.get_ylabel()) == (
        "width of the hidden layer",
        "samples a second",
    )
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")


def test_the_grid_is_every_width_in_every_batch_size():
    actual = {(cell.hidden, cell.batch_size) for cell in cells.grid()}
    assert actual == {((w,), k) for w in (16, 64, 256, 1024) for k in (10, 128, 1024)}
    assert cells.grid((3,), (5, 7)) == (Cell((3,), 5), Cell((3,), 7))


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (Job((), seconds=86_400.5), r"seconds is 86400\.5; .* up to 86400"),
        (Job((), seconds=-1.0), "seconds is -1"),
        (Job((), seconds=float("nan")), "seconds is nan"),
        (Job((), rows=-3), "rows is -3"),
        (Job((Cell((4,), -1),)), "batch size is -1"),
    ],
)
def test_bounds(job, text):
    with pytest.raises(InputError, match=text):
        cells.check(job)


def test_what_lies_on_a_bound_is_taken():
    cells.check(Job((Cell((1,), 0), Cell((4,), 1)), "digits", rows=2, seconds=86_400.0))
    cells.check(Job((), seconds=1e-9))


@pytest.mark.parametrize(
    ("batch", "rows", "size"),
    [(0, None, 50), (1, None, 50), (327, None, 16_350), (328, None, 16_384), (10, 7, 7),
     (10, 900, 500), (16_385, None, 16_385)],
)  # fmt: skip
def test_generated_rows(batch, rows, size):
    actual = cells.data_of(Job((), inputs=3, rows=rows), Cell((4,), batch))
    assert actual.x.shape == (size, 3)
    assert actual.x.dtype == np.uint8
    assert actual.scale == 1 / 255
    assert actual.y.tolist() == [i % 10 for i in range(size)]


def test_rows_of_a_source_are_its_first_as_it_has_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "".join(f"{i},{i * i},{i / 7}\n" for i in range(30)))
    whole = bpnet.data.load(path, target="b", validation=0.0)
    actual = cells.data_of(Job((), str(path), "b", rows=5), Cell((4,), 8))
    np.testing.assert_array_equal(actual.x, whole.x[:5])
    np.testing.assert_array_equal(actual.y, whole.y[:5])
    assert (actual.task, actual.scale) == (whole.task, whole.scale)
    assert len(cells.data_of(Job((), str(path), "c"), Cell((4,), 8)).x) == 30
    assert cells.network_of(Job((), str(path), "b"), Cell((4, 2), 8)).sizes == [2, 4, 2, 1]


@pytest.mark.parametrize(("batch", "given"), [(0, None), (16, 16)])
def test_a_cell_is_trained_as_it_says(monkeypatch, batch, given):
    seen = {}

    def train(network, data, **options):
        seen.update(options, network=network, data=data)
        return {"seconds": [9.0, 1.0, 2.0, 4.0]}

    monkeypatch.setattr(measure, "train", train)
    job = Job((), "digits", rows=40, seconds=2.0)
    cell = Cell((5, 3), batch, "adam", "float64")
    actual = measure.measure(bpnet.backends.get("numpy"), job, cell)
    assert seen["batch_size"] == given
    assert (seen["optimizer"], seen["dtype"], seen["backend"].name) == ("adam", "float64", "numpy")
    assert seen["network"].sizes == [64, 5, 3, 10]
    assert len(seen["data"].x) == actual.samples == 40
    assert (actual.first, actual.epochs, actual.epoch) == (9.0, 3, 2.0)
    assert actual.spread == (4.0 - 1.0) / 2 / 2.0  # half the distance of the quartiles
    assert actual.rate == 20.0
    assert Timing("numpy", cell).rate == 0.0
    data = json.loads(json.dumps(actual, default=lambda o: o.__dict__))
    assert Timing.from_dict(data) == actual


@pytest.mark.parametrize(
    ("seconds", "times", "stops"),
    [
        (2.0, [10.0, 11.9, 12.1, 12.2], 2),
        (2.0, [10.0, 12.1, 12.2], 2),  # two epochs at least, besides the first
        (2.0, [10.0, 11.0, 12.0, 12.5], 3),
    ],
)
def test_time_begins_after_the_first_epoch(monkeypatch, seconds, times, stops):
    clock = measure._Clock(seconds)
    now = iter(times)
    stopped = []
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(now))
    for epoch in range(len(times)):
        clock.on_epoch_end(SimpleNamespace(epoch=epoch, stop=stopped.append))
        if stopped:
            break
    assert (epoch, stopped) == (stops, ["time is up"])


@pytest.mark.parametrize(
    ("name", "part"),
    [("matmul", "matrix products"), ("__matmul__", "matrix products"), ("take", "gather"),
     ("take_along_axis", "elementwise and sums"), ("exp", "elementwise and sums"),
     ("isdtype", "inspection")],
)  # fmt: skip
def test_calls_belong_to_parts(name, part):
    from bpnet.bench.profile import _part

    assert _part(name) == part


def test_a_profile_is_of_one_epoch_and_python_is_the_rest(monkeypatch):
    from importlib import import_module

    module = import_module("bpnet.bench.profile")
    watches = []

    def seconds(backend, on, job, cell):
        if on is backend:
            return [9.0, 3.0, 1.0]
        on.module.spent = {"matrix products": [1.0, 1.0, 2.0, 2.0] * 2, "gather": [0.2] * 4}
        watches.append(on)
        return [100.0]

    monkeypatch.setattr(module, "_seconds", seconds)
    actual = profile(bpnet.backends.get("numpy"), Job(()), Cell((4,), 8))
    assert actual == [
        Share("matrix products", 3.0, 2), Share("gather", 0.2, 1), Share("Python", 0.0, 0)
    ]  # fmt: skip


def test_lines_of_the_command(capsys):
    actual = timing("torch:cpu", 16, 10, 2000, spread=0.123, first=1.5, epochs=7)
    assert command._line(actual).split() == [
        "torch:cpu", "16", "10", "0.5000", "2,000", "12%", "7", "1.50", "s"
    ]  # fmt: skip
    several = Timing("numpy", Cell((512, 256), 0), error="no float64")
    assert command._line(several) == f"{'numpy':<12}{'512-256':<10}{0:>6}  failed: no float64"
    assert len(command._HEAD) == len(command._line(actual))


def test_a_failed_cell_is_told_by_the_status(monkeypatch, capsys):
    from bpnet import bench

    rows = [timing("numpy", 128, 128, 100)]
    monkeypatch.setattr(bench, "run", lambda names, job: iter(rows))
    assert main(["bench", "--backend", "numpy"]) == 0
    rows.append(Timing("numpy", Cell((128,), 128), error="no"))
    assert main(["bench", "--backend", "numpy"]) == 1
    assert main(["bench", "--backend", "numpy", "--json"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 + 3 + 1  # a heading once, and one line of JSON


def test_the_command_hands_its_options_on(monkeypatch, tmp_path, capsys):
    from bpnet import bench

    seen, drawn = [], []

    def run(names, job):
        seen.append((names, job))
        return iter(
            [timing(name, 16, 10, rate) for name, rate in zip(names, (100, 200), strict=False)]
        )

    monkeypatch.setattr(bench, "run", run)
    monkeypatch.setattr(bench, "plot", lambda actual, path, about: drawn.append(about[0]))
    monkeypatch.setattr(bpnet.backends, "available", lambda: ["numpy", "array_api_strict"])
    options = [
        "digits", "--hidden", "9,7", "--batch-size", "5", "--optimizer", "adam",
        "--dtype", "float64", "--rows", "11", "--seconds", "0.25", "--target", "x",
    ]  # fmt: skip
    assert main(["bench", *options]) == 0
    cell = Cell((9, 7), 5, "adam", "float64")
    assert seen.pop() == (["numpy"], Job((cell,), "digits", "x", rows=11, seconds=0.25))
    picture = tmp_path / "p.png"
    both = ["--backend", "numpy, array_api_strict", "--plot", str(picture)]
    capsys.readouterr()
    assert main(["bench", "--seconds", "9", *both]) == 0
    names, job = seen.pop()
    assert names == ["numpy", "array_api_strict"]
    assert (job.cells, job.seconds, job.source) == (cells.grid(), 0.5, None)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "batch 10: array_api_strict is ahead of numpy at every width", f"picture: {picture}"
    ]  # fmt: skip
    assert main(["bench", "--seconds", "0.1", *both]) == 0
    assert seen.pop()[1].seconds == 0.1
    assert drawn == ["made-up data"] * 2


def test_a_profile_is_printed_by_share(monkeypatch, capsys):
    from bpnet import bench

    parts = [Share("matrix products", 1.5, 1200), Share("Python", 0.5, 0)]
    monkeypatch.setattr(bench, "profile", lambda *_: parts)
    assert main(["bench", "--profile"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["numpy:", "an", "epoch", "of", "2.0000", "s"],
        ["matrix", "products", "1.5000", "s", "75%", "1,200", "calls"],
        ["Python", "0.5000", "s", "25%"],
    ]
    assert main(["bench", "--profile", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1] == {"name": "Python", "seconds": 0.5, "calls": 0}
