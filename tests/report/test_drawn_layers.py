"""Layers, first weights and examples of a report, read off the axes and the pixels."""

from dataclasses import replace

import numpy as np
import pytest

import bpnet
from bpnet.pages.drawing import image
from bpnet.report import layers
from tests.report.drawn import BLUE, ORANGE, classified, labels, lines, recorded, rgb, weighted
from tests.report.test_figures import subject

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("figures")


def test_layers_have_their_median_and_two_bands(figures):
    made = layers._over_time(replace(subject(), records=recorded(2, [1, 5, 9])))
    first, second = figures["layers-activations"].axes
    assert (first.get_title(), second.get_title()) == ("layer 1: 2 to 3", "layer 2, output: 3 to 1")
    assert lines(first)[0][1] == [(1.0, 2.0), (5.0, 2.0), (9.0, 2.0)]
    assert lines(second)[0][1] == [(1.0, 4.0), (5.0, 4.0), (9.0, 4.0)]
    spans = [
        (band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max())
        for band in second.collections
    ]
    assert spans == [(0.0, 8.0), (2.0, 6.0)]
    assert second.get_xlabel() == "epoch"
    scales = {name: figure.axes[0].get_yscale() for name, figure in figures.items()}
    assert scales == {
        "layers-activations": "linear", "layers-gradients": "log", "layers-updates": "log",
        "layers-silent": "linear",
    }  # fmt: skip
    tables = [figure.table for figure in made.blocks]
    quantiles = ["5 %", "25 %", "50 %", "75 %", "95 %"]
    assert tables[0].head == ["layer", "epoch", *quantiles, "zero"]
    assert tables[0].rows[-1] == ["2", "9", "0", "2", "4", "6", "8", "50.0\xa0%"]
    assert tables[1].rows[0] == ["1", "1", "0.1", "0.2", "0.4", "0.8", "1.6", "50.0\xa0%"]
    assert tables[2].head == ["layer", "epoch", *quantiles]
    assert [row[:2] for row in tables[2].rows] == [[l, e] for l in "12" for e in "159"]
    assert "layer 1 from 2 to 2, layer 2 from 4 to 4" in made.blocks[0].picture.alt
    assert made.lead.endswith("the light one nine tenths.")


def test_silent_units_are_drawn_as_a_line_a_layer_in_percent(figures):
    records = [*recorded(2, [1]), *recorded(2, [2], silent=0.375)]
    figure = layers._zeros(replace(subject(), records=records), [0, 1])
    (axes,) = figures["layers-silent"].axes
    assert lines(axes) == [
        ("layer 1", [(1.0, 0.25), (2.0, 0.375)], "-", BLUE),
        ("layer 2", [(1.0, 0.5), (2.0, 0.75)], "--", ORANGE),
    ]
    assert labels(axes) == ("epoch", "activations that are zero")
    assert axes.yaxis.get_major_formatter()(0.5) == "50 %"
    wanted = "layer 1 from 25.0\xa0% to 37.5\xa0%, layer 2 from 50.0\xa0% to 75.0\xa0%"
    assert wanted in figure.picture.alt


@pytest.mark.parametrize(("depth", "said"), [(10, ""), (11, " 10 of 11 layers are shown.")])
def test_of_many_layers_spread_ones_are_drawn(figures, depth, said):
    net = bpnet.Network([2] * (depth + 1), seed=0)
    made = layers._over_time(replace(subject(), network=net, records=recorded(depth, [1])))
    column = figures["layers-updates"].axes
    assert len(column) == 10
    assert column[0].get_title() == "layer 1: 2 to 2"
    assert column[-1].get_title() == f"layer {depth}, output: 2 to 2"
    assert lines(column[0])[0][1] == [(0.9, 0.03), (1.1, 0.03)]  # a band needs two
    assert made.lead.endswith(f"nine tenths.{said}")


def test_first_weights_are_drawn_by_neuron_those_with_most_weight_first(figures):
    made = layers._weights(weighted())
    axes, bar = figures["first-layer-weights"].axes
    sheet = axes.images[0].get_array()
    pixels = np.linspace(-1, 0.5, 4).reshape(2, 2)
    for place, n in enumerate((3, 2, 1)):
        np.testing.assert_allclose(sheet[:2, 3 * place : 3 * place + 2], n * pixels)
    assert sheet.mask[2].all()
    assert sheet.mask[:, 2].all()
    low, high = axes.images[0].get_clim()
    assert -low == high == pytest.approx(np.quantile(np.abs(np.outer([1, 2, 3], pixels)), 0.995))
    assert axes.images[0].get_cmap()(0.0)[:3] == pytest.approx(rgb(BLUE))
    assert axes.images[0].get_cmap()(1.0)[:3] == pytest.approx(rgb(ORANGE))
    assert bar.get_xlabel() == "weight"
    table = made.blocks[0].table
    assert table.head == ["neuron", "norm", "least", "largest"]
    assert table.rows[0] == ["3", f"{3 * np.linalg.norm(pixels):.4g}", "-3", "1.5"]
    assert "all neurons" in made.blocks[0].caption
    assert "the 48 of 49 neurons" in layers._weights(weighted(49)).blocks[0].caption
    assert "all neurons" in layers._weights(weighted(48)).blocks[0].caption
    assert "2 by 2" in made.blocks[0].picture.alt


def test_weights_of_colors_are_around_gray(figures):
    made = layers._weights(weighted(9, (2, 3, 3)))
    (axes,) = figures["first-layer-weights"].axes
    sheet = axes.images[0].get_array()
    assert sheet.shape == (2 * 3, 8 * 4, 4)  # two lines of eight, a gap after each
    limit = np.quantile(np.abs(np.outer(np.arange(1, 10), np.linspace(-1, 0.5, 18))), 0.995)
    first = np.clip(0.5 + 9 * np.linspace(-1, 0.5, 18).reshape(2, 3, 3) / (2 * limit), 0, 1)
    np.testing.assert_allclose(sheet[:2, :3, :3], first)
    assert set(sheet[:2, :3, 3].ravel()) == {1.0}
    assert set(sheet[2].ravel()) == {0.5, 0.0}
    assert "Gray is a weight of zero" in made.blocks[0].caption


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((8, 8), (8, 8)), ((8, 8, 1), (8, 8)), ((8, 8, 3), (8, 8, 3)), ((8, 8, 2), None),
     ((2, 2), (2, 2)), ((1, 8), None), ((8, 1), None), ((8,), None), ((4, 4, 4, 3), None)],
)  # fmt: skip
def test_examples_that_are_pictures(shape, shown):
    run = classified([[1.0, 0.0, 0.0]], [0])
    run.evaluation.data.shape = shape
    assert run.shape == shown


@pytest.mark.parametrize(("side", "wide"), [(8, 96), (95, 190), (96, 96), (100, 100)])
def test_pixels_are_enlarged_until_they_can_be_seen(side, wide):
    picture = image("x", "an example", np.zeros((side, 2)), (0, 1))
    assert (picture.height, picture.width) == (wide, 2 * wide // side)
    assert (picture.name, picture.alt, picture.svg) == ("x", "an example", "")


def test_the_darkest_is_the_low_limit(figures):
    from io import BytesIO

    from matplotlib.image import imread

    pixels = np.asarray([[0.0, 128.0], [255.0, 300.0]])
    shades = imread(BytesIO(image("x", "", pixels, (0, 255)).png))[::48, ::48, 0]
    assert shades.ravel() == pytest.approx([0, 128 / 255, 1, 1], abs=1 / 255)
