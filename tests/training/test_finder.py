"""The learning-rate finder: it finds the edge of what a bowl stands, and leaves the network."""

import numpy as np
import pytest

import bpnet
from bpnet import plots
from bpnet.backends import numpy
from bpnet.errors import InputError


def line(m=64):
    """Numbers whose cost is a bowl of curvature 1: one weight, inputs of +-1, no noise."""
    x = np.where(np.arange(m) % 2, 1.0, -1.0)[:, None]
    return x, 3 * x


def network():
    return bpnet.Network([1, 1], output="identity", init="zeros")


def find(**options):
    sgd = bpnet.optimizers.SGD(0.1)
    options = {"optimizer": sgd, "batch_size": 16, "low": 1e-3, "high": 100.0, **options}
    return bpnet.find_learning_rate(network(), line(), dtype="float64", **options)


def test_the_cost_rises_beyond_twice_the_inverse_curvature():
    actual = find()
    lowest = actual.rates[np.argmin(actual.costs)]
    # descent on a bowl of curvature 1 shrinks the error below eta = 2 and grows it above
    assert 0.3 < lowest < 4
    assert actual.suggestion == pytest.approx(lowest / 10)
    assert len(actual.rates) == len(actual.costs) < 200
    steps = np.diff(np.log(actual.rates))
    np.testing.assert_allclose(steps, np.log(1e5) / 199)


def test_the_network_is_left_alone_and_every_backend_sees_the_same(backend):
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = (X[:, 0] > 0).astype(int)
    net = bpnet.Network([3, 4, 2], hidden="sigmoid", seed=0)
    before = net.weights[0].copy()
    actual = [
        bpnet.find_learning_rate(net, (X, y), steps=60, batch_size=10, backend=on, dtype=dtype)
        for on in ("numpy", backend)
    ]
    np.testing.assert_array_equal(net.weights[0], before)
    n = min(len(f.costs) for f in actual)
    np.testing.assert_allclose(actual[0].costs[:n], actual[1].costs[:n], rtol=1e-3)


def test_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    path = plots.learning_rates(find(), tmp_path / "rates.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(
        InputError, match=r"does not end as a picture does .*; use .png, .svg or .pdf"
    ):
        plots.learning_rates(find(), tmp_path / "rates.xyz")
    with pytest.raises(InputError, match="give a folder that is there"):
        plots.learning_rates(find(), tmp_path / "no" / "rates.png")


def test_a_plot_has_the_costs_and_the_suggestion():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    rates = find()
    axes = rates.plot()
    try:
        curve, suggestion, lowest = axes.lines
        assert curve.get_xdata().tolist() == rates.rates.tolist()
        assert curve.get_ydata().tolist() == rates.costs.tolist()
        assert {*suggestion.get_xdata()} == {rates.suggestion}
        assert lowest.get_ydata().tolist() == [rates.costs.min()]
        assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "learning rate")
    finally:
        pyplot.close(axes.figure)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"low": 0.0}, "give 0 < low < high and at least 20 steps"),
        ({"low": 1.0, "high": 0.5}, "give 0 < low < high"),
        ({"steps": 5}, "at least 20 steps"),
        ({"optimizer": "lbfgs"}, "lbfgs finds its own rate"),
        ({"low": 50.0, "high": 1e3}, "the cost is lowest at the first rate, 50; give a lower one"),
    ],
)
def test_bad_requests(options, match):
    with pytest.raises(InputError, match=match):
        find(**options)


def test_whether_steps_are_compiled_goes_by_those_of_the_sweep(monkeypatch):
    """A library compiles where there are many steps, and the sweep has few."""
    counts = []
    compiling = numpy.NumPy.compiling

    def noted(backend, compiled, steps):
        counts.append(steps)
        return compiling(backend, compiled, steps)

    monkeypatch.setattr(numpy.NumPy, "compiling", noted)
    find(steps=90)
    assert counts == [90]


@pytest.mark.parametrize("held", [False, True])
def test_a_first_cost_that_is_no_number_is_told(held):
    """The square of 1e30 is none in float32."""
    X, y = np.ones((64, 2), np.float32), np.full(64, 1e30, np.float32)
    y[::2] = -1e30
    net = bpnet.Network([2, 1], output="identity", seed=0)
    with pytest.raises(bpnet.Diverged):
        bpnet.find_learning_rate(net, (X, y), validation=(X, y) if held else None)
