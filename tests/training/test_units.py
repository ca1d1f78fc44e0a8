"""What is told of a run is in the target's unit, the right way round, and a mean."""

import numpy as np
import pytest

import bpnet
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import find_learning_rate


@pytest.fixture
def prices(tmp_path):
    """A table of prices around 40,000, which are standardized."""
    random = np.random.default_rng(0)
    a = random.normal(size=60)
    y = 40_000 + 9_000 * a + random.normal(0, 500, 60)
    lines = ["a,price", *(f"{p:.6f},{q:.2f}" for p, q in zip(a, y, strict=True))]
    (tmp_path / "prices.csv").write_text("\n".join(lines) + "\n")
    return bpnet.data.load(tmp_path / "prices.csv", target="price", validation=0.25)


@pytest.mark.parametrize("count", [1, 4])
def test_validation_metrics_are_in_the_unit_of_the_target(prices, count):
    nets = [bpnet.Network([1, 4, 1], output="identity", seed=seed) for seed in range(count)]
    actual = bpnet.train(
        nets if count > 1 else nets[0], prices, epochs=2, validation=prices.validation,
        metrics=["mae", "mse"], backend="numpy",
    )  # fmt: skip
    x, y = prices.validation
    for net, history in zip(nets, actual if count > 1 else [actual], strict=True):
        said = prices.columns.decode_target(net.predict(x)[:, 0])
        missed = said - prices.columns.decode_target(y)
        assert history["validation_mae"][-1] == pytest.approx(np.abs(missed).mean(), rel=1e-4)
        assert history["validation_mse"][-1] == pytest.approx((missed**2).mean(), rel=1e-4)


@pytest.mark.parametrize("count", [1, 2])
def test_a_pair_of_encoded_rows_is_evaluated_in_the_unit_of_the_target(prices, count):
    nets = [bpnet.Network([1, 4, 1], output="identity", seed=seed) for seed in range(count)]
    bpnet.train(nets, prices, epochs=2, backend="numpy")
    model = bpnet.Ensemble(nets) if count > 1 else nets[0]
    x, y = prices.validation
    decoded = prices.columns.decode_target
    missed = decoded(np.mean([net.predict(x) for net in nets], axis=0)[:, 0]) - decoded(y)
    figures = bpnet.evaluate(model, (x, y), metrics="mse", backend="numpy")
    assert figures["mae"] == pytest.approx(np.abs(missed).mean(), rel=1e-4)
    assert figures["mse"] == pytest.approx((missed**2).mean(), rel=1e-4)


def test_a_model_of_amounts_has_no_classes(prices):
    net = bpnet.Network([1, 4, 1], output="identity", seed=0)
    bpnet.train(net, prices, epochs=1, backend="numpy")
    for model in (net, bpnet.Ensemble([net, net])):
        with pytest.raises(InputError, match="predicts amounts and has no classes; use predict"):
            model.classify({"a": [0.5]})


def test_r2_is_of_what_varies_in_the_targets():
    x, y = np.asarray([[0.0], [1.0], [2.0], [3.0]]), np.asarray([0.0, 1.0, 4.0, 5.0])
    net = bpnet.Network([1, 1], output="identity", init=[([[1.0]], [1.0])])
    # said 1, 2, 3, 4: missed 1 + 1 + 1 + 1, and around the mean 2.5: 6.25 + 2.25 + 2.25 + 6.25
    assert bpnet.evaluate(net, (x, y), backend="numpy")["r2"] == pytest.approx(1 - 4 / 17)


@pytest.mark.parametrize("size", [32, None])
def test_the_costs_of_a_search_are_means_over_the_examples(size):
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 5))
    y = x @ [1.0, -2.0, 0.5, 0.0, 3.0] + random.normal(0, 0.3, 200)
    net = bpnet.Network([5, 1], output="identity", seed=0)
    first = draws.order(0, 0, 200)[:size] if size else np.arange(200)
    expected = 0.5 * np.mean((net.predict(x)[:, 0] - y)[first] ** 2)
    actual = find_learning_rate(
        net, (x, y), high=100.0, optimizer="sgd", batch_size=size, seed=0, backend="numpy"
    )
    assert actual.costs[0] == pytest.approx(expected, rel=1e-5)


def test_a_checkpoint_that_knows_fewer_settings_is_taken_up(tmp_path):
    """What an older bpnet did not know cannot have been another."""
    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2

    def train(**options):
        net = bpnet.Network([2, 3, 2], seed=0)
        options = {"checkpoint": tmp_path, "backend": "numpy", **options}
        return bpnet.train(net, (x, y), batch_size=5, **options)

    train(epochs=1)
    actual = checkpoint.latest(tmp_path)
    asked = {name: value for name, value in actual.numbers["asked"].items() if name != "precision"}
    assert len(asked) == len(actual.numbers["asked"]) - 1
    checkpoint.write(tmp_path, Snapshot(actual.arrays, {**actual.numbers, "asked": asked}))
    assert len(train(epochs=2, resume=True)["cost"]) == 2
    with pytest.raises(bpnet.InputError, match=r"has l2 = 0\.0, not 1\.0"):
        train(epochs=3, resume=True, l2=1.0)
