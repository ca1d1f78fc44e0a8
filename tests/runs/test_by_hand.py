"""Runs without training: settings as TOML, what data are told as, what a start and results say."""

import math
import os
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.data import Dataset
from bpnet.data.columns import Column, Columns
from bpnet.errors import InputError
from bpnet.runs import configuration, folder, predictions, record, results, warm_start
from bpnet.runs import data as run_data
from bpnet.runs.data import EvaluationSet

X = np.arange(24.0).reshape(12, 2)
Y = np.arange(12) % 3


def said(make, *arguments, **named):
    """The refusal of a call, whole."""
    with pytest.raises(InputError) as refused:
        make(*arguments, **named)
    return str(refused.value)


def columns(kind="integer", targets=(), task="classify"):
    classes = (0, 1, 2) if task == "classify" else ()
    several = {"mean": (0.0,) * len(targets), "std": (1.0,) * len(targets)} if targets else {}
    return Columns(
        (Column("a", "number"), Column("b", "text", categories=("x", "y"))), (), "y", kind, task,
        classes, targets=targets, **several,
    )  # fmt: skip


TABLES = {
    "data": {"source": 'a "b" \\ c\n', "target": None, "validation": 0.1, "stream": True},
    "training": {"metrics": ["f1", "auc"], "l2": 1e-300, "epochs": 3, "quiet": False},
    "network": {"hidden": [], "named": {"a": 1, "b": [1.5]}},
}


def test_settings_come_back_from_their_file():
    text = configuration.to_toml(TABLES)
    found = configuration.from_toml(text)
    assert found["data"] == {n: v for n, v in TABLES["data"].items() if v is not None}
    assert found["training"] == TABLES["training"]
    assert found["network"] == TABLES["network"]
    assert tomllib.loads(text)["training"]["quiet"] is False
    assert "\x7f" not in configuration.to_toml({"data": {"source": "a\x7fb"}})
    odd = os.fsdecode(b"caf\xe9.csv")
    held = configuration.to_toml({"data": {"source": odd, "list": [odd, "b"]}})
    assert configuration.from_toml(held)["data"]["source"] == odd


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"data": None}, "config.toml has no table [data]"),
        ({"network": 3}, "config.toml has no table [network]"),
        ({"data": {}}, "config.toml has no data.source"),
        ({"data": {"source": 3}}, "config.toml has data.source = '3', which is of the wrong type"),
        ({"data": {"source": "x", "seed": 1.5}},
         "config.toml has data.seed = '1.5', which is of the wrong type"),
        ({"data": {"source": "x", "stream": 1}},
         "config.toml has data.stream = '1', which is of the wrong type"),
        ({"source": {"examples": 3}}, "config.toml has no source.fingerprint"),
        ({"source": {"examples": 3, "fingerprint": "a", "more": 1}},
         "config.toml has source.more, which this bpnet does not know"),
        ({"sweep": {"seeds": ["a"]}},
         "config.toml has sweep.seeds = \"['a']\", which is of the wrong type"),
        ({"data": {"source": "x", "target": "y"}}, "columns.json is missing"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(change, text):
    config = {"data": {"source": "x"}, "training": {}, "network": {}, **change}
    assert said(configuration.check, config, None, with_columns=True) == text
    fine = {"data": {"source": "x"}, "training": {}, "network": {}}
    configuration.check(fine, None, with_columns=True)
    named = {**fine, "data": {"source": "x", "target": "y"}}
    configuration.check(named, None, with_columns=False)
    configuration.check(named, columns(), with_columns=True)


@pytest.mark.parametrize(
    ("given", "rate"),
    [("find", "find"), (" FIND ", "find"), ("0.5", 0.5), (1e-3, 1e-3), ("1e-2", 0.01)],
)
def test_a_learning_rate_or_find(given, rate):
    assert configuration._rate(given, "") == rate
    assert said(configuration._rate, "fast", "") == (
        "--learning-rate is 'fast'; give a number, or find"
    )


@pytest.mark.parametrize(
    ("stream", "shuffle", "buffer", "found"),
    [(False, "auto", None, {}), (True, "auto", None, True), (True, "full", 9, True)],
)
def test_options_of_streams(stream, shuffle, buffer, found):
    wanted = {"stream": True, "shuffle": shuffle, "buffer": buffer} if found else {}
    assert run_data.streaming(stream, shuffle, buffer) == wanted
    for given in (("full", None), ("auto", 9)):
        assert said(run_data.streaming, False, *given) == (
            "--shuffle and --buffer are of data that is not in memory; give --stream too"
        )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "12 examples of 2 values"),
        ({"validation": (X[:2], Y[:2])}, "12 examples of 2 values, 2 for validation"),
        ({"validation": (X[:2], Y[:2]), "test": (X[:3], Y[:3])},
         "12 examples of 2 values, 2 for validation, 3 for test"),
        ({"columns": columns()}, "12 examples of 2 columns, 2 values"),
    ],
)  # fmt: skip
def test_sizes(options, text):
    assert run_data.size_line(Dataset(X, Y, **options)) == text


@pytest.mark.parametrize(
    ("y", "task", "held", "asked", "lines"),
    [
        (Y, "classify", None, {}, ["target: the targets, 3 classes; "
                                   "--task regress takes them for amounts"]),
        (Y, "classify", None, {"task": "classify"}, ["target: the targets, 3 classes"]),
        (X[:, 0], "regress", None, {}, ["target: the targets, amounts (regression); "
                                        "--task classify takes them for classes"]),
        (np.eye(3)[Y], "classify", None, {}, ["target: the targets, rows of 3 labels"]),
        (Y, "classify", columns("text"), {}, ["target: 'y', 3 classes"]),
        (Y.astype(str), "classify", columns("integer"), {}, ["target: 'y', 3 classes"]),
        (Y, "classify", columns(), {}, ["target: 'y', 3 classes; "
                                        "--task regress takes them for amounts"]),
        (X, "regress", columns("real", ("y", "z"), "regress"), {},
         ["target: 'y', amounts (regression)"]),
    ],
)  # fmt: skip
def test_what_is_told_of_the_target(y, task, held, asked, lines):
    data = Dataset(X, y, task=task, columns=held)
    assert run_data.target_line(data, {"source": "t.csv", **asked}) == lines
    assert run_data.target_line(data, {"source": "digits", **asked}) == []


def test_the_heading_has_no_note_on_what_its_table_of_columns_says():
    taken = ("column  taken as", "id      left out: it names the rows", "a       number")
    left_out = "column '{}' is left out: it names the rows".format
    notes = (left_out("id"), left_out("far down"), "2 rows left out: the target is missing")
    data = Dataset(X, Y, name="t", taken=taken, notes=notes)
    assert run_data.heading(data, {"source": "t.csv"})[1:6] == [
        *taken, f"note: {notes[1]}", f"note: {notes[2]}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "held", "asked", "found"),
    [
        ("regress", 2, [], ["r2", "mae", "rmse"]), ("regress", 2, ["mae", "mse"],
                                                    ["r2", "mae", "rmse", "mse"]),
        ("regress", 1, ["mae"], ["mae"]), ("regress", None, [], []),
        ("classify", 2, ["f1", "f1"], ["f1"]), ("classify", None, ["f1"], ["f1"]),
    ],
)  # fmt: skip
def test_metrics_of_a_task(task, held, asked, found):
    part = None if held is None else (X[:held], X[:held, 0])
    data = Dataset(X, X[:, 0], task=task, validation=part)
    assert run_data.metrics_for(data, asked) == found


@pytest.mark.parametrize(
    ("y", "task", "output", "sizes", "sigma"),
    [
        (Y, "classify", None, [2, 5, 3], "Softmax"), (Y, "classify", "tanh", [2, 5, 3], "Tanh"),
        (Y % 2, "classify", None, [2, 5, 2], "Softmax"),
        (Y % 2, "classify", "sigmoid", [2, 5, 1], "Sigmoid"),
        (Y, "classify", "sigmoid", [2, 5, 3], "Sigmoid"),
        (X[:, 0], "regress", None, [2, 5, 1], "Identity"),
        (X, "regress", None, [2, 5, 2], "Identity"),
        (np.eye(4)[Y], "classify", "sigmoid", [2, 5, 4], "Sigmoid"),
    ],
)  # fmt: skip
def test_the_network_that_fits(y, task, output, sizes, sigma):
    net = run_data.network_for(Dataset(X, y, task=task), [5], output=output, seed=3, hidden="tanh")
    assert net.sizes == sizes
    assert type(net.output).__name__ == sigma
    np.testing.assert_array_equal(
        net.weights[0], bpnet.Network(sizes, hidden="tanh", output=output, seed=3).weights[0]
    )


HELD, TEST = (X[:4], Y[:4]), (X[4:7], Y[4:7])


@pytest.mark.parametrize(
    ("parts", "training", "what", "name", "size"),
    [
        ({"test": TEST}, {}, "t, test split", "test", 3),
        ({"test": TEST, "test_share": 0.1, "validation": HELD}, {},
         "t, held-out examples (test)", "test", 3),
        ({"validation": HELD}, {}, "t, held-out examples", "validation", 4),
        ({"validation": HELD}, {"patience": 3}, "t, held-out examples", "validation", 4),
    ],
)  # fmt: skip
def test_the_part_that_a_run_is_judged_on(parts, training, what, name, size):
    data = Dataset(X, Y, scale=None, notes=("odd",), **parts)
    part = run_data.held_out({"data": {}, "training": training}, data, "t")
    assert part.title.startswith(what)
    assert (part.name, len(part.data.x)) == (name, size)
    if name == "validation":
        assert ("chose the epoch" in part.note) == bool(training)
        swept = run_data.held_out({"data": {}, "training": training, "sweep": {}}, data, "t")
        assert "options" in swept.note or "sweep" in swept.note or swept.note != part.note
    assert part.data.notes == (() if what == "t, test split" else ("in all rows of t: odd",))


def test_a_run_that_held_nothing_out_needs_other_data():
    assert said(run_data.held_out, {"data": {}, "training": {}}, Dataset(X, Y), "t") == (
        "t has no test part and the run held nothing out; give other data to judge it on"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda: Dataset(X[:11], Y[:11]), "it had 12 examples and has 11, so that"),
        (lambda: Dataset(X[::-1], Y[::-1]), "its rows are others, or in another order, so that"),
        (lambda: Dataset(X, Y[::-1]), "its rows are others, or in another order, so that"),
    ],
)
def test_data_that_have_changed_since_are_noticed(change, text):
    config = {"data": {"source": "t.csv"}, "source": run_data.identity(Dataset(X, Y))}
    run_data._check_unchanged(config, Dataset(X, Y), "cure")
    found = said(run_data._check_unchanged, config, change(), "cure")
    assert found.startswith("t.csv has changed since the run was trained on it: ")
    assert text in found
    assert found.endswith("what was held out is not known; cure")
    run_data._check_unchanged({"data": {"source": "t.csv"}}, change(), "cure")  # an older run
    whole = run_data.identity(Dataset(X, Y, validation=HELD, test=TEST))
    assert whole["examples"] == 19


FOUND = {
    "cost": 0.5, "accuracy": 0.75, "interval": {"accuracy": (0.5, 0.875)},
    "baseline": {"accuracy": 0.25, "answer": "no"},
}  # fmt: skip


def test_lines_of_results_end_with_what_counts():
    part = EvaluationSet(Dataset(X, Y), "t", "test")
    assert results.lines(FOUND, part) == [
        "test cost: 0.5000",
        "baseline: accuracy 25.0 %, by always predicting 'no'",
        "95 % interval of the accuracy: 50.0 % to 87.5 %",
        "test accuracy: 75.0 %",
    ]
    amounts = {
        "cost": 0.5, "r2": 0.25, "mae": 12345.6, "rmse": 0.123456,
        "interval": {"r2": (0, 0.5), "mae": (1e4, 2e4), "rmse": (0.1, 0.2)},
        "baseline": {"r2": 0.0, "mae": 3.0, "rmse": 4.0, "answer": "the mean"},
    }  # fmt: skip
    assert results.lines(amounts, part) == [
        "test cost: 0.5000",
        "baseline: R2 0.0000, MAE 3, RMSE 4, by always predicting the mean",
        "test RMSE: 0.12346 (95 %: 0.1 to 0.2)",
        "test MAE: 12,346 (95 %: 10,000 to 20,000)",
        "95 % interval of the R2: 0.0000 to 0.5000",
        "test R2: 0.2500",
    ]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("accuracy", 0.98765, "98.8 %"), ("mae", 9999.9, "9999.9"), ("mae", 1e4, "10,000"),
     ("rmse", -2e4, "-20,000"), ("mse", 0.1234567, "0.12346"), ("r2", 0.123456, "0.1235")],
)  # fmt: skip
def test_figures_as_text(name, value, text):
    assert results.value_text(name, value) == text


@pytest.mark.parametrize(
    ("options", "layout"),
    [
        ({"hidden": "tanh"}, {"hidden": [4, 5], "activation": "tanh", "output": "softmax",
                              "norm": None}),
        ({"hidden": ["tanh", "leaky-relu"], "norm": "batch", "output": "sigmoid"},
         {"hidden": [4, 5], "activation": ["identity", "identity"], "output": "sigmoid",
          "norm": "batch"}),
    ],
)  # fmt: skip
def test_the_layout_of_a_network_to_begin_with(options, layout):
    found = warm_start.layout(bpnet.Network([3, 4, 5, 2], **options))
    if "norm" in options:  # which has the activations
        del found["activation"], layout["activation"]
    assert found == layout


def test_a_network_to_begin_with_fits_the_data():
    first = bpnet.Network([2, 5, 3], hidden="tanh", seed=8)
    asked = {"output": "softmax", "norm": None, "init": "auto", "seed": 0, "hidden": [5],
             "activation": "tanh"}  # fmt: skip
    start = warm_start.WarmStart((first,), None, ("hidden",))
    assert warm_start.make_network(start, Dataset(X, Y), asked) is first
    assert said(warm_start.make_network, start, Dataset(X[:, :1], Y), asked) == (
        "the trained network has 2 inputs, and the data need 1; "
        "give data like that run's, or another init"
    )
    assert said(warm_start.make_network, start, Dataset(X, Y % 2), asked) == (
        "the trained network has 3 outputs, and the data need 2; "
        "give data like that run's, or another init"
    )
    text = said(warm_start.make_network, start, Dataset(X, Y), {**asked, "hidden": [4]})
    assert text.startswith("layer 1 of the trained network is dense 2 to 5 tanh, not dense 2 to 4 ")
    assert text.endswith("leave --hidden out")
    assert warm_start.make_network(warm_start.WarmStart(), Dataset(X, Y), asked).sizes == [2, 5, 3]


@pytest.mark.parametrize("init", ["auto", "he", "he-normal", "he_normal", "zeros"])
def test_names_of_first_weights_are_no_runs(init, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / init).mkdir()
    assert warm_start.WarmStart.of({"init": init}, ()).networks == ()
    assert said(warm_start.WarmStart.of, {"init": "runs/gone"}, ()) == (
        "there is no run at runs/gone; give the folder that `bpnet train` printed"
    )


def test_folders_that_runs_may_have(tmp_path):
    assert folder.choose(tmp_path / "new", "digits") == tmp_path / "new"
    (tmp_path / "full").mkdir()
    assert folder.choose(tmp_path / "full", "digits") == tmp_path / "full"
    (tmp_path / "full" / ".model.safetensors.1.partial").touch()  # of a killed process
    (tmp_path / "full" / ".lock").touch()
    assert folder.choose(tmp_path / "full", "digits") == tmp_path / "full"
    (tmp_path / "full" / "x").touch()
    assert said(folder.choose, tmp_path / "full", "digits") == (
        f"{tmp_path / 'full'} is not an empty folder; give --out another name"
    )
    (tmp_path / "full" / "sweep.json").touch()
    assert said(folder.choose, tmp_path / "full", "digits") == (
        f"{tmp_path / 'full'} is that of a sweep; go on with: bpnet sweep --resume "
        f"{tmp_path / 'full'}; or give --out another name"
    )


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a/b.csv", "b"), ("-", "stdin"), ("digits", "digits"), ("x.tar.gz", "x.tar")],
)
def test_folders_that_are_named_by_data_and_time(name, stem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = folder.choose(None, name)
    assert found.parent.name == "runs"
    assert found.name.startswith(f"{stem}-20")


@pytest.mark.parametrize(
    ("text", "fine"),
    [('{"cost": [1.0, 2]}', True), ('{"cost": [1.0], "accuracy": [0.5]}', True), ("{}", False),
     ('{"cost": [1.0], "accuracy": []}', False), ('{"accuracy": [1.0]}', False),
     ('{"cost": [1e300]}', False), ('{"cost": [9e299]}', True), ('{"cost": ["1"]}', False),
     ('{"cost": 3}', False), ('{"cost": [true]}', False)],
)  # fmt: skip
def test_histories(tmp_path, text, fine):
    (tmp_path / "history.json").write_text(text)
    if fine:
        assert "cost" in record.read_history(tmp_path)
    else:
        assert said(record.read_history, tmp_path).startswith(
            f"{tmp_path / 'history.json'} is missing or damaged ("
        )


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "0.00001"), (9e-6, "9e-06"), (123456.7, "123456.7"), (1e16, "1e+16"), (0.1, "0.1"),
     (-2.5e-5, "-0.000025"), (math.nan, "nan"), (0.0, "0.0"), (1e15, "1000000000000000.0")],
)  # fmt: skip
def test_cells_of_predictions_are_as_people_write_them(value, text):
    assert predictions._cells(np.asarray([value], np.float32)) == [text]
    assert predictions._cells(np.asarray([value])) == [value] or math.isnan(value)


@pytest.mark.parametrize(
    ("sizes", "output", "classes", "a", "piece"),
    [
        ([2, 2], "softmax", ["n", "y"], [[0.25, 0.75]],
         {"class": ["y"], "p_n": [0.25], "p_y": [0.75]}),
        ([2, 1], "sigmoid", ["n", "y"], [[0.25]], {"class": ["n"], "p_n": [0.75], "p_y": [0.25]}),
        ([2, 1], "tanh", ["n", "y"], [[0.25]], {"class": ["y"], "score_y": [0.25]}),
        ([2, 2], "tanh", ["n", "y"], [[0.5, 0.25]],
         {"class": ["n"], "score_n": [0.5], "score_y": [0.25]}),
        ([2, 1], "identity", None, [[1.5]], {"prediction": [1.5]}),
        ([2, 2], "identity", None, [[1.5, 2.0]], {"prediction_0": [1.5], "prediction_1": [2.0]}),
    ],
)  # fmt: skip
def test_columns_of_predictions(sizes, output, classes, a, piece):
    net = bpnet.Network(sizes, output=output)
    net.classes = classes
    found = predictions._named(net, np.asarray(a), None)
    assert {name: np.asarray(v).tolist() for name, v in found.items()} == piece


def test_each_page_of_the_recorder_is_of_its_run(tmp_path):
    held = record.Recorder(
        tmp_path / "run", {"data": {"source": "x"}, "training": {}, "network": {}}
    )
    run = SimpleNamespace(
        backend="numpy", threads=3, compiled=False, epochs=2, epoch=0, history={"cost": [0.5]},
        stopped=None, network=bpnet.Network([2, 3]), pull=lambda: None,
    )  # fmt: skip
    held.on_train_begin(run)
    config = configuration.from_toml((tmp_path / "run" / "config.toml").read_text())
    assert config["machine"]["backend"] == "numpy"
    assert config["machine"]["threads"] == 3
    assert "compiled" not in config["machine"]
    held.on_epoch_end(run)
    assert record.read_history(tmp_path / "run") == {"cost": [0.5]}
    run.stopped = "SIGTERM"
    held.on_train_end(run)
    assert (tmp_path / "run" / "checkpoints").is_dir()
    assert (tmp_path / "run" / "model.safetensors").is_file()
    run.stopped = None
    held.on_train_end(run)
    assert not (tmp_path / "run" / "checkpoints").exists()
    held.discard()
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / ".lock").exists()
    other = record.Recorder(tmp_path / "run", held.config)
    assert said(other.on_train_begin, run) == (
        f"another run has taken {tmp_path / 'run'} meanwhile; give --out another name"
    )


def test_a_run_that_comes_to_nothing_leaves_nothing(tmp_path):
    held = record.Recorder(tmp_path / "a" / "run", {"data": {"source": "x"}}, columns())
    run = SimpleNamespace(backend="numpy", threads=None, compiled=True)
    held.on_train_begin(run)
    assert (tmp_path / "a" / "run" / "columns.json").is_file()
    held.discard()
    assert list(tmp_path.iterdir()) == []
