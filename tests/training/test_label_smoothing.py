"""Label smoothing: the cost of smoothed targets in training, of those given in validation."""

import json
import tomllib

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from bpnet.errors import InputError

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.arange(60) % 3
ROWS = np.eye(3)[Y]
USUAL = {"optimizer": "sgd", "epochs": 3, "batch_size": 20, "dtype": "float64"}


def net(output="softmax", n=3):
    return bpnet.Network([4, 5, n], hidden="tanh", output=output, seed=0)


def learned(y, output="softmax", n=3, **options):
    network = net(output, n)
    history = bpnet.train(network, (X, y), **{**USUAL, **options})
    return network.weights[0], history["cost"]


@pytest.mark.parametrize("micro", [None, 7])
@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_classes_are_those_rows_that_the_formula_gives(backend, cost, micro):
    """With n classes (1 - s) y + s/n, which a network can be given as rows, too."""
    options = {"cost": cost, "backend": backend, "dtype": "float32", "micro_batch": micro}
    expected = learned(0.7 * ROWS + 0.1, **options)
    actual = learned(Y, label_smoothing=0.3, **options)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("n", [1, 3])
def test_labels_that_do_not_exclude_each_other_go_half_way(n):
    """With yes or no (1 - s) y + s/2: the cost is the binary one of 0.9 and 0.1."""
    y = ROWS[:, :n]
    network = net("sigmoid", n)
    a = network.predict(X)
    soft = 0.8 * y + 0.1
    expected = -(soft * np.log(a) + (1 - soft) * np.log(1 - a)).sum(axis=1).mean()
    options = {**USUAL, "epochs": 1, "batch_size": None}
    history = bpnet.train(network, (X, y), label_smoothing=0.2, **options)
    assert history["cost"][0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("options", [{"shards": 4}, {"optimizer": "lbfgs", "batch_size": None}])
def test_it_is_so_in_shards_and_with_lbfgs(options):
    actual, expected = (
        learned(Y, label_smoothing=0.3, **options),
        learned(0.7 * ROWS + 0.1, **options),
    )
    np.testing.assert_allclose(actual[1], expected[1], rtol=1e-9)


def test_validation_and_accuracy_are_of_the_targets_as_they_are():
    network = net()
    pair = (X[:20], Y[:20])
    history = bpnet.train(network, (X, Y), validation=pair, label_smoothing=0.5, **USUAL)
    judged = bpnet.evaluate(network, pair)
    assert history["validation_cost"][-1] == pytest.approx(judged["cost"], rel=1e-12)
    assert history["validation_accuracy"][-1] == judged["accuracy"]


def test_each_network_of_a_set_may_have_its_own():
    shares = [0.0, 0.3, 0.3, 0.6] * 2
    nets = [net() for _ in shares]
    histories = bpnet.train(nets, (X, Y), label_smoothing=shares, **USUAL)
    assert max(histories.stacks) > 1
    for one, history, share in zip(nets, histories, shares, strict=True):
        weights, cost = learned(Y, label_smoothing=share)
        np.testing.assert_allclose(one.weights[0], weights, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(history["cost"], cost, rtol=1e-9)


REFUSED = {
    "numbers": ({"y": X[:, :3], "output": "identity"}, "label_smoothing is 0.1, of labels of soft"),
    "another output": (
        {"y": ROWS[:, :1], "output": "tanh", "n": 1, "cost": "hinge"}, "and the output is Tanh()",
    ),
    "all of it": ({"label_smoothing": 1}, "label_smoothing is 1; give a number from 0 to below 1"),
    "less than none": ({"label_smoothing": -0.1}, "label_smoothing is -0.1; give a number from 0"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("several", [False, True])
def test_what_cannot_be_is_refused_by_name(options, said, several):
    asked = {"y": Y, "output": "softmax", "n": 3, "label_smoothing": 0.1, **options}
    network = net(asked.pop("output"), asked.pop("n"))
    with pytest.raises(InputError) as refusal:
        bpnet.train([network] if several else network, (X, asked.pop("y")), epochs=1, **asked)
    assert said in str(refusal.value)


def test_a_run_is_taken_up_with_the_share_that_it_was_begun_with(tmp_path):
    whole, _ = learned(Y, label_smoothing=0.2, epochs=4)
    learned(Y, label_smoothing=0.2, epochs=2, checkpoint=tmp_path)
    with pytest.raises(InputError, match=r"has label_smoothing = 0\.2, not 0\.0"):
        learned(Y, epochs=4, checkpoint=tmp_path, resume=True)
    actual, _ = learned(Y, label_smoothing=0.2, epochs=4, checkpoint=tmp_path, resume=True)
    np.testing.assert_array_equal(actual, whole)


QUICK = ("--hidden", "6", "--epochs", "2", "--backend", "numpy", "--quiet")


def test_the_command_line_its_files_and_sweeps_have_it_by_the_declaration(tmp_path, capsys):
    run, swept = tmp_path / "run", tmp_path / "swept"
    asked = ["train", *QUICK, "--label-smoothing", "0.2", "--out", str(run)]
    assert main(asked) == 0
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["training"]["label_smoothing"] == 0.2
    data = bpnet.data.load("digits", validation=0.1, seed=0)
    network = bpnet.Network([64, 6, 10], hidden="relu", output="softmax", seed=0)
    bpnet.train(network, data, epochs=2, validation=data.validation, label_smoothing=0.2)
    np.testing.assert_array_equal(bpnet.load(run).weights[0], network.weights[0])
    model = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").unlink()
    assert main(["train", "--resume", str(run), "-q"]) == 0
    assert (run / "model.safetensors").read_bytes() == model
    asked = ["sweep", *QUICK, "--label-smoothing", "0,0.3", "--out", str(swept)]
    assert main(asked) == 0
    ranked = json.loads((swept / "sweep.json").read_text())["configurations"]
    assert sorted(row["label_smoothing"] for row in ranked) == [0.0, 0.3]
    assert main(["train", *QUICK, "--label-smoothing", "2", "--out", str(tmp_path / "no")]) == 2
    assert "label_smoothing is 2.0; give a number from 0 to below 1" in capsys.readouterr().err
