"""What the figures draw, beside what their words say of them."""

import re

import numpy as np
import pytest

from bpnet.paper import figures
from bpnet.paper.experiments import Results


def test_solid_lines_are_positive_weights_dashed_ones_negative_thick_ones_large():
    pytest.importorskip("matplotlib")
    curves = {"a1": np.zeros(5), "a2": np.zeros(4), "a3": np.zeros(1)}
    curves |= {"W2": np.full((4, 5), 0.5), "W3": np.full((1, 4), 0.5)}
    curves["W2"][1, 2], curves["W2"][3, 0] = -2.0, 1.0
    (picture,) = figures.network(Results(curves, {}))
    assert "Solid lines are positive weights, dashed ones negative, thick ones large" in picture.alt
    styles = re.findall(r'<path d="M[^"]*"[^>]*style="(fill: none;[^"]*)"', picture.svg)
    widths = [float(re.search(r"stroke-width: ([\d.]+)", style)[1]) for style in styles]
    assert len(styles) == 5 * 4 + 4
    (dashed,) = [i for i, style in enumerate(styles) if "stroke-dasharray" in style]
    assert widths[dashed] == max(widths) == 3.2
    assert sorted(widths)[-2:] == [1.8, 3.2]
    assert len({style for i, style in enumerate(styles) if widths[i] < 1.8}) == 1
