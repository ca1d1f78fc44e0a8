"""Targets that the network's outputs cannot tell are refused in a line that names the cure."""

import logging

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bpnet
from bpnet.errors import InputError

GENERATOR = np.random.default_rng(3)
X = GENERATOR.normal(size=(40, 4))
AMOUNTS = GENERATOR.normal(size=40)
TWO = np.arange(40) % 2
SIX = np.arange(40) % 6
SIGMOID = "output='sigmoid' for two classes"


def train(outputs, y, *, task=None, several=False, output=None, **options):
    net = bpnet.Network([4, 5, outputs], output=output)
    before = net.weights[0].copy()
    data = (X, y) if task is None else bpnet.data.Dataset(X, y, task=task)
    try:
        bpnet.train([net] if several else net, data, epochs=1, backend="numpy", **options)
    except InputError:
        assert_array_equal(net.weights[0], before)
        raise


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    ("outputs", "y", "options", "said"),
    [
        (1, TWO, {}, f"the targets are 0 or 1, and what .* was not said; give {SIGMOID}, or 'iden"),
        (1, TWO.astype(bool), {}, "the targets are 0 or 1, and what .* was not said"),
        (1, TWO * 2.0 - 1, {}, "the targets are -1 or 1, and what .* was not said"),
        (1, TWO[:, None].tolist(), {}, "the targets are 0 or 1, and what .* was not said"),
        (1, np.where(TWO, "yes", "no"), {}, f"y has dtype <U3 .*; give numbers, or .*{SIGMOID}"),
        (1, np.where(TWO, "yes", "no"), {"output": "identity"}, f"give numbers, or .*{SIGMOID}"),
        (1, TWO, {"task": "classify"}, f"are classes and .* one output, Identity; give {SIGMOID}"),
        (1, SIX, {"task": "classify", "output": "tanh"}, "one output, Tanh; .*one output for each"),
        (3, np.eye(3)[SIX % 3] * 5, {}, "y ranges from 0 to 5; .*give the network output='identit"),
        (3, GENERATOR.normal(size=(40, 3)), {}, "from .*; for amounts give .*output='identity'"),
        (3, AMOUNTS, {}, "y has 40 classes .* 3 outputs; match them, or for amounts .*one o"),
        (3, GENERATOR.random((40, 3)), {}, "must sum to 1, or use sigmoid outputs, or iden"),
        (3, AMOUNTS, {"task": "regress", "output": "identity"}, "one amount .*3 .*'classify'"),
    ],
)  # fmt: skip
def test_a_mismatch_names_its_cure_before_any_work(outputs, y, options, said, several):
    with pytest.raises(InputError, match=said) as error:
        train(outputs, y, several=several, **options)
    assert "\n" not in str(error.value)


def test_few_whole_numbers_for_one_output_are_told_of(caplog):
    with caplog.at_level(logging.WARNING, "bpnet"):
        train(1, SIX)
    (record,) = caplog.records
    assert record.getMessage() == (
        "the targets have 6 different whole numbers and the network one output: they are taken for "
        "amounts; for classes give it 6 outputs, else say output='identity'"
    )


@pytest.mark.parametrize(
    ("outputs", "y", "options"),
    [
        (1, AMOUNTS, {}),
        (1, np.arange(40), {}),
        (1, TWO, {"output": "identity"}),
        (1, SIX, {"output": "identity"}),
        (1, TWO, {"output": "sigmoid"}),
        (1, TWO, {"cost": "hinge"}),
        (1, TWO, {"task": "regress"}),
        (1, SIX, {"task": "regress"}),
        (3, SIX % 3, {}),
        (3, SIX % 3, {"task": "classify", "output": "identity"}),
        (3, np.eye(3)[SIX % 3], {"task": "regress"}),
        (2, GENERATOR.normal(size=(40, 2)), {"task": "regress", "output": "identity"}),
    ],
)
def test_what_fits_or_was_said_is_trained_without_a_word(outputs, y, options, caplog):
    with caplog.at_level(logging.WARNING, "bpnet"):
        train(outputs, y, **options)
    assert not caplog.records


def test_the_guess_does_what_it_says():
    """One output, nothing said: amounts, which a linear network finds to rounding."""
    y = X @ [1.0, -2.0, 0.5, 3.0] + 0.25
    net = bpnet.Network([4, 1])
    bpnet.train(net, (X, y), optimizer="lbfgs", batch_size=None, epochs=60, dtype="float64",
                backend="numpy")  # fmt: skip
    np.testing.assert_allclose(net.weights[0], [[1.0, -2.0, 0.5, 3.0]], rtol=1e-4)


def test_the_finder_refuses_the_same():
    with pytest.raises(InputError, match="was not said; give output='sigmoid'"):
        bpnet.find_learning_rate(bpnet.Network([4, 5, 1]), (X, TWO), backend="numpy")


def test_streamed_targets_too(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", TWO.astype(np.float64))
    data = bpnet.data.stream(f"{tmp_path}/x.npy,{tmp_path}/y.npy")
    with pytest.raises(InputError, match=r"give output='sigmoid' for two classes"):
        bpnet.train(bpnet.Network([4, 5, 1]), (data.x, data.y), backend="numpy")
