"""Early stopping, and the best epoch restored, against a run that was watched."""

import json

import numpy as np
import pytest

import bpnet
from bpnet.cli import main


def noisy(m=80):
    """Few examples with wrong labels among them: the validation cost falls, then rises."""
    random = np.random.default_rng(3)
    y = random.integers(0, 2, m)
    X = random.normal(size=(m, 10)) + 0.6 * np.eye(2, 10)[y]
    return X, y


class Keep(bpnet.Callback):
    """The parameters after every epoch."""

    def __init__(self):
        self.parameters = []

    def on_epoch_end(self, run):
        run.pull()
        self.parameters.append([a.copy() for pair in run.network.parameters for a in pair])


def run(*callbacks, epochs=60, **options):
    X, y = noisy()
    net = bpnet.Network([10, 30, 2], hidden="tanh", seed=0)
    history = bpnet.train(
        net,
        (X[:40], y[:40]),
        validation=(X[40:], y[40:]),
        epochs=epochs,
        batch_size=8,
        optimizer=bpnet.optimizers.Adam(0.01),
        callbacks=callbacks,
        **{"backend": "numpy", **options},
    )
    return net, history


def arrays(net):
    return [a for pair in net.parameters for a in pair]


def test_the_run_ends_and_the_best_epoch_comes_back(backend):
    keep, stopping = Keep(), bpnet.EarlyStopping(patience=4)
    net, history = run(keep, stopping, backend=backend)
    costs = history["validation_cost"]
    best = int(np.argmin(costs))
    assert (stopping.best, stopping.best_epoch) == (costs[best], best)
    assert len(costs) == best + 1 + 4 < 60
    for actual, expected in zip(arrays(net), keep.parameters[best], strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert not np.array_equal(arrays(net)[0], keep.parameters[-1][0])


def test_without_restore_the_last_epoch_stays():
    keep = Keep()
    net, _ = run(keep, bpnet.EarlyStopping(patience=4, restore=False))
    for actual, expected in zip(arrays(net), keep.parameters[-1], strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_accuracy_shall_grow_and_a_little_better_is_not_better():
    stopping = bpnet.EarlyStopping(patience=3, metric="validation_accuracy")
    _, history = run(stopping)
    values = history["validation_accuracy"]
    assert stopping.best == max(values)
    assert stopping.best_epoch == int(np.argmax(values))
    demanding = bpnet.EarlyStopping(patience=3, least=100.0)
    _, history = run(demanding)
    assert (demanding.best_epoch, len(history["cost"])) == (0, 4)


def test_a_callback_serves_another_run():
    stopping = bpnet.EarlyStopping(patience=4)
    (first, _), (second, _) = run(stopping), run(stopping)
    for a, b in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(a, b)


def test_training_cost_is_watched_where_there_is_no_validation():
    stopping = bpnet.EarlyStopping(patience=2)
    X, y = noisy()
    net = bpnet.Network([10, 2], seed=0)
    history = bpnet.train(net, (X, y), epochs=5, backend="numpy", callbacks=[stopping])
    assert stopping.best == min(history["cost"])


class Figure(bpnet.Callback):
    """A figure of the user's own in the history, of which the first values are not a number."""

    def on_epoch_end(self, run):
        values = [np.nan, np.nan, 0.5, 0.7, 0.6, 0.6, 0.6]
        run.history.setdefault("f", []).append(values[run.epoch])


def test_any_number_is_better_than_none():
    stopping = bpnet.EarlyStopping(patience=2, metric="f")
    run(Figure(), stopping, epochs=7)
    assert (stopping.best, stopping.best_epoch) == (0.7, 3)


def test_what_is_not_in_the_history_is_refused():
    with pytest.raises(
        bpnet.InputError, match="watches 'f1', which the history lacks; it has cost"
    ):
        run(bpnet.EarlyStopping(metric="f1"))
    with pytest.raises(bpnet.InputError, match="patience is 0"):
        bpnet.EarlyStopping(0)
    with pytest.raises(bpnet.InputError, match="least is -1"):
        bpnet.EarlyStopping(least=-1)


def test_the_command_saves_the_best_epoch(tmp_path, capsys):
    out = tmp_path / "run"
    options = ["--patience", "2", "--epochs", "200", "--learning-rate", "0.02", "--out", str(out)]
    assert main(["train", "digits", "--hidden", "8", "--quiet", *options]) == 0
    costs = json.loads((out / "history.json").read_text())["validation_cost"]
    best = int(np.argmin(costs))
    assert len(costs) == best + 3 < 200
    assert f"the model is that of epoch {best + 1}, the best" in capsys.readouterr().out
    data = bpnet.data.load("digits", validation=0.1)
    net = bpnet.load(out)
    again = bpnet.evaluate(net, data.validation, backend="numpy", dtype="float32")
    assert again["cost"] == pytest.approx(costs[best], rel=1e-5)
    assert "patience = 2" in (out / "config.toml").read_text()


def test_options_of_the_command_reach_the_run(tmp_path, capsys):
    out = tmp_path / "run"
    options = ["--schedule", "cosine", "--class-weight", "balanced", "--l1", "1", "--epochs", "4"]
    more = ["--max-norm", "0.4", "--clip-norm", "1", "--quiet", "--out", str(out)]
    assert main(["train", "digits", "--hidden", "8", *options, *more]) == 0
    rates = json.loads((out / "history.json").read_text())["learning_rate"]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-4
    W = bpnet.load(out).weights[0]
    assert np.linalg.norm(W, axis=1).max() <= 0.4 + 1e-6
    assert main(["train", "--schedule", "cosin", "--out", str(tmp_path / "no")]) == 2
    assert main(["train", "--class-weight", "odd", "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()
    capsys.readouterr()
