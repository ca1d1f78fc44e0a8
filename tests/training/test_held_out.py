"""A data set's own validation part judges the epochs, unless something else is said."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import bpnet
from bpnet.distributed import simulate
from bpnet.errors import InputError
from bpnet.training import checkpoints

GENERATOR = np.random.default_rng(4)
X, Y = GENERATOR.normal(size=(60, 5)), np.arange(60) % 3
HELD = (GENERATOR.normal(size=(21, 5)), np.arange(21) % 3)
OTHER = (GENERATOR.normal(size=(12, 5)), np.arange(12) % 3)
DATA = bpnet.data.Dataset(X, Y, validation=HELD)
JUDGED = {"validation_cost", "validation_accuracy"}


def network(seed=1):
    return bpnet.Network([5, 4, 3], hidden="tanh", seed=seed)


def run(data, nets=None, **options):
    nets = nets or network()
    return bpnet.train(nets, data, epochs=3, batch_size=20, backend="numpy", **options)


def curve(history):
    return {name: values for name, values in history.items() if name in JUDGED}


def test_the_epochs_are_judged_by_it():
    actual, net = run(DATA), network()
    said = run((X, Y), net, validation=HELD)
    assert curve(actual) == curve(said)
    end = bpnet.evaluate(net, HELD, backend="numpy", dtype="float32")
    assert end["cost"] == pytest.approx(actual["validation_cost"][-1], rel=1e-6)
    assert end["accuracy"] == actual["validation_accuracy"][-1]


def test_what_is_said_is_done_instead():
    assert not curve(run(DATA, validation=None))
    assert curve(run(DATA, validation=OTHER)) == curve(run((X, Y), validation=OTHER))
    other = bpnet.data.Dataset(*OTHER)
    assert curve(run(DATA, validation=other)) == curve(run((X, Y), validation=OTHER))


@pytest.mark.parametrize("data", [(X, Y), bpnet.data.Dataset(X, Y)], ids=["pair", "data set"])
def test_nothing_is_judged_where_nothing_was_held_out(data):
    assert not curve(run(data))


def test_a_set_is_judged_by_it_each_network_as_alone():
    histories = run(DATA, [network(1), network(2)])
    for seed, history in zip((1, 2), histories, strict=True):
        alone = run(DATA, network(seed))
        for name in JUDGED:
            np.testing.assert_allclose(history[name], alone[name], rtol=1e-6)


def test_folds_judge_by_their_own_rows():
    folds = [(np.arange(40), np.arange(40, 60)), (np.arange(20, 60), np.arange(20))]
    actual = run(DATA, [network(1), network(2)], folds=folds)
    said = run((X, Y), [network(1), network(2)], folds=folds)
    assert [curve(history) for history in actual] == [curve(history) for history in said]
    with pytest.raises(InputError, match="validation was given too; leave one out"):
        run(DATA, [network(1), network(2)], folds=folds, validation=HELD)


def test_early_stopping_and_metrics_take_it():
    stopping = bpnet.EarlyStopping(1)
    history = run(DATA, callbacks=[stopping], metrics="f1")
    assert stopping.best == min(history["validation_cost"])
    assert len(history["validation_f1"]) == len(history["cost"])
    with pytest.raises(InputError, match="is computed on validation examples; give validation"):
        run(DATA, validation=None, metrics="f1")


def test_ranks_are_judged_by_it():
    want = curve(run(DATA, shards=8))
    assert set(want) == JUDGED
    actual, _ = simulate(2, lambda ranks: curve(run(DATA, communicator=ranks)))
    assert actual == [want, want]


def test_a_checkpoint_knows_it(tmp_path):
    run(DATA, checkpoint=tmp_path / "a")
    other = bpnet.data.Dataset(X, Y, validation=OTHER)
    with pytest.raises(InputError, match=f"validation = '{checkpoints.fingerprint(*HELD)}', not"):
        run(other, checkpoint=tmp_path / "a", resume=True)
    with pytest.raises(InputError, match="not None; resume it as it was begun"):
        run(DATA, checkpoint=tmp_path / "a", resume=True, validation=None)
    net = network()
    run((X, Y), net, checkpoint=tmp_path / "a", resume=True, validation=HELD)
    alone = network()
    run(DATA, alone)
    assert_array_equal(net.weights[0], alone.weights[0])


@pytest.mark.parametrize("validation", ["own", False, 0.2, X])
@pytest.mark.parametrize("several", [False, True])
def test_what_cannot_be_validation_is_refused_before_any_work(validation, several):
    net = network()
    with pytest.raises(InputError, match=r"^validation is .*; give a pair \(X, y\) or a bpnet.dat"):
        run(DATA, [net] if several else net, validation=validation)
    assert_array_equal(net.weights[0], network().weights[0])
