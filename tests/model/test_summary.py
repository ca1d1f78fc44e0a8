"""The summary of a network, as text and drawn."""

import re
from itertools import pairwise

import pytest

import bpnet


def test_parameters_are_counted():
    """30 * 20 + 20 of the first layer, two of each neuron normalized and two kept, 20 * 5 + 5."""
    net = bpnet.Network([30, 20, 5], norm="batch")
    summary = net.summary()
    assert (summary.learned, summary.fixed) == (30 * 20 + 20 + 2 * 20 + 20 * 5 + 5, 2 * 20)
    assert summary.learned + summary.fixed == sum(
        a.size for arrays in net.parameters for a in arrays
    )
    assert (summary.bytes, summary.activations) == (8 * (summary.learned + 40), 8 * (20 + 20 + 5))
    rows = [line.split() for line in repr(summary).splitlines()[1:-1]]
    assert rows == [
        ["layer", "kind", "outputs", "activation", "parameters"], ["0", "input", "30"],
        ["1", "Dense", "20", "Identity", "620"], ["2", "BatchNorm", "20", "ReLU", "80"],
        ["3", "Dense", "5", "Softmax", "105"],
    ]  # fmt: skip
    assert summary.totals == (
        "765 parameters, 40 running averages, 6.4 kB in float64; "
        "360 bytes of activations an example"
    )


def test_dropout_has_its_rate():
    layers = [bpnet.layers.Dense(4, 3, "tanh"), bpnet.layers.Dropout(0.25)]
    net = bpnet.Network([*layers, bpnet.layers.Dense(3, 2, "softmax")])
    assert "2  Dropout        3  0.25 dropped" in repr(net.summary())


@pytest.mark.parametrize("sizes", [[3, 2], [4, 8, 9, 1], [784, 128, 10]])
def test_a_page_has_a_drawing_and_the_table(sizes):
    page = bpnet.Network(sizes)._repr_html_()
    shown = [min(n, 8) for n in sizes]
    left_out = sum(n > 8 for n in sizes)
    assert page.count("<circle") == sum(shown) - left_out
    assert page.count("<line") == sum(a * b for a, b in pairwise(shown))
    assert page.count("<tr>") == len(sizes) + 1
    width, height = map(int, re.search(r'width="(\d+)" height="(\d+)"', page).groups())
    for x, y in re.findall(r'<(?:circle c|text )x="([\d.]+)" c?y="([\d.]+)"', page):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height
