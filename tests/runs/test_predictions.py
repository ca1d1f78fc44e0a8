"""Columns of a file of predictions: what each is called, and what stands in it."""

import math

import numpy as np
import pytest

import bpnet
from bpnet.runs import predictions

ONE, TWO = np.asarray([[0.25], [0.875]]), np.asarray([[0.25, 0.75], [0.875, 0.125]])


@pytest.mark.parametrize(
    ("output", "classes", "outputs", "lines"),
    [
        ("sigmoid", ["no", "yes"], ONE, ["class,p_no,p_yes", "no,0.75,0.25", "yes,0.125,0.875"]),
        ("softmax", ["no", "yes"], TWO, ["class,p_no,p_yes", "yes,0.25,0.75", "no,0.875,0.125"]),
        ("identity", ["no", "yes"], ONE - 0.5, ["class,score_yes", "no,-0.25", "yes,0.375"]),
        ("identity", ["no", "yes"], TWO, ["class,score_no,score_yes", "yes,0.25,0.75",
                                          "no,0.875,0.125"]),
        ("identity", None, ONE, ["prediction", "0.25", "0.875"]),
        ("identity", None, TWO, ["prediction_0,prediction_1", "0.25,0.75", "0.875,0.125"]),
    ],
)  # fmt: skip
def test_columns_are_in_the_order_of_the_classes(tmp_path, output, classes, outputs, lines):
    net = bpnet.Network([3, outputs.shape[1]], output=output)
    net.classes = classes
    path = tmp_path / "out.csv"
    pieces = [outputs[:1], outputs[1:]]  # the head is written once
    assert predictions.write(path, net, iter(pieces), None) == 2
    assert path.read_text().splitlines() == lines


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
    cells = predictions._named(net, np.asarray(a), None)
    assert {name: np.asarray(v).tolist() for name, v in cells.items()} == piece
