"""The data of a run: its lines, metrics, network, and the rows of an evaluation."""

import numpy as np
import pytest

import bpnet
from bpnet.data import Dataset
from bpnet.runs import data as run_data
from tests.assertions import error_message
from tests.runs.tables import columns

X = np.arange(24.0).reshape(12, 2)

Y = np.arange(12) % 3


@pytest.mark.parametrize(
    ("stream", "shuffle", "buffer", "streams"),
    [(False, "auto", None, {}), (True, "auto", None, True), (True, "full", 9, True)],
)
def test_options_of_streams(stream, shuffle, buffer, streams):
    expected = {"stream": True, "shuffle": shuffle, "buffer": buffer} if streams else {}
    assert run_data.streaming(stream, shuffle, buffer) == expected
    for options in (("full", None), ("auto", 9)):
        assert error_message(run_data.streaming, False, *options) == (
            "--shuffle and --buffer are for streamed data; give --stream too"
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
    ("y", "task", "encodings", "settings", "lines"),
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
def test_lines_on_the_target(y, task, encodings, settings, lines):
    data = Dataset(X, y, task=task, columns=encodings)
    assert run_data.target_line(data, {"source": "t.csv", **settings}) == lines
    assert run_data.target_line(data, {"source": "digits", **settings}) == []


def test_the_heading_has_no_note_on_what_its_table_of_columns_says():
    taken = ("column  taken as", "id      left out: it names the rows", "a       number")
    left_out = "column '{}' is left out: it names the rows".format
    notes = (left_out("id"), left_out("far down"), "2 rows left out: the target is missing")
    data = Dataset(X, Y, name="t", taken=taken, notes=notes)
    assert run_data.heading(data, {"source": "t.csv"})[1:6] == [
        *taken, f"note: {notes[1]}", f"note: {notes[2]}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "rows", "metrics", "expected"),
    [
        ("regress", 2, [], ["r2", "mae", "rmse"]), ("regress", 2, ["mae", "mse"],
                                                    ["r2", "mae", "rmse", "mse"]),
        ("regress", 1, ["mae"], ["mae"]), ("regress", None, [], []),
        ("classify", 2, ["f1", "f1"], ["f1"]), ("classify", None, ["f1"], ["f1"]),
    ],
)  # fmt: skip
def test_metrics_of_a_task(task, rows, metrics, expected):
    part = None if rows is None else (X[:rows], X[:rows, 0])
    data = Dataset(X, X[:, 0], task=task, validation=part)
    assert run_data.metrics_for(data, metrics) == expected


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


VALIDATION, TEST = (X[:4], Y[:4]), (X[4:7], Y[4:7])


@pytest.mark.parametrize(
    ("parts", "training", "what", "name", "size"),
    [
        ({"test": TEST}, {}, "t, test split", "test", 3),
        ({"test": TEST, "test_share": 0.1, "validation": VALIDATION}, {},
         "t, held-out examples (test)", "test", 3),
        ({"validation": VALIDATION}, {}, "t, held-out examples", "validation", 4),
        ({"validation": VALIDATION}, {"patience": 3}, "t, held-out examples", "validation", 4),
    ],
)  # fmt: skip
def test_the_rows_on_which_a_run_is_evaluated(parts, training, what, name, size):
    data = Dataset(X, Y, scale=None, notes=("odd",), **parts)
    part = run_data.held_out({"data": {}, "training": training}, data, "t")
    assert part.title.startswith(what)
    assert (part.name, len(part.data.x)) == (name, size)
    if name == "validation":
        assert ("chose the epoch" in part.note) == bool(training)
        swept = run_data.held_out({"data": {}, "training": training, "sweep": {}}, data, "t")
        assert "these rows chose the options of the sweep" in swept.note
        assert ("and the epoch" in swept.note) == bool(training)
    assert part.data.notes == (() if what == "t, test split" else ("in all rows of t: odd",))


def test_a_run_without_held_out_rows_needs_other_data():
    assert error_message(run_data.held_out, {"data": {}, "training": {}}, Dataset(X, Y), "t") == (
        "t has no test part and the run held nothing out; give other data to evaluate it on"
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
    message = error_message(run_data._check_unchanged, config, change(), "cure")
    assert message.startswith("t.csv has changed since the run was trained on it: ")
    assert text in message
    assert message.endswith("the held-out rows are not known; cure")
    run_data._check_unchanged({"data": {"source": "t.csv"}}, change(), "cure")  # an older run
    whole = run_data.identity(Dataset(X, Y, validation=VALIDATION, test=TEST))
    assert whole["examples"] == 19
