"""Columns of a file of predictions: what each is called, and what stands in it."""

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
