"""The recipe for tables: what it works out of the rows, and sets that are trained by it."""

import dataclasses

import numpy as np
import pytest

import bpnet
from bpnet.training import tables

QUICK = dataclasses.replace(bpnet.TableRecipe(), steps=60, least_epochs=2)


def data(m=203, seed=0):
    X = np.random.default_rng(seed).normal(size=(m, 3))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def nets(count, hidden=8):
    return [bpnet.Network([3, hidden, 2], seed=seed) for seed in range(count)]


@pytest.mark.parametrize(
    ("m", "batch", "epochs"),
    [
        (20, 16, 500),  # two steps an epoch would make 1000 epochs of 2000 steps
        (320, 16, 100),
        (1024, 64, 125),
        (100_000, 256, 10),
    ],
)
def test_batch_and_epochs_follow_the_rows(m, batch, epochs):
    actual = bpnet.TableRecipe(steps=2000, batches=16, least_epochs=10, most_epochs=500).options(m)
    assert (actual["batch_size"], actual["epochs"]) == (batch, epochs)


def test_patience_is_a_share_of_the_epochs_and_options_that_are_given_stay():
    actual = bpnet.TableRecipe(patience=0.5).options(900, batch_size=30, epochs=12)
    assert (actual["batch_size"], actual["epochs"], actual["patience"]) == (30, 12, 6)


def test_folds_are_of_one_size_and_hold_no_row_out_twice():
    y = np.asarray([0] * 160 + [1] * 43)
    actual = tables.bags(y, 5, 3, stratify=True)
    held = np.concatenate([rows for _, rows in actual])
    assert {len(rows) for _, rows in actual} == {40}
    assert len(np.unique(held)) == 200
    for rows, others in actual:
        assert sorted([*rows, *others]) == list(range(203))
        assert abs(y[others].sum() - 8.5) <= 1
    assert tables.bags(y[:9], 5, 3, stratify=True) is None


def test_seeds_differ_and_the_first_is_the_runs_own():
    assert tables.seeds(7, 3) == [7, 7 + 2**32, 7 + 2**33]
    assert len({*tables.seeds(0, 8), *tables.seeds(1, 8)}) == 16
    assert max(tables.seeds(2**64 - 1, 3)) < 2**64


def test_members_are_stopped_by_rows_of_their_own_and_are_what_train_makes_of_the_same_options():
    X, y = data()
    by_name, by_hand = nets(4), nets(4)
    histories = bpnet.train(by_name, (X, y), QUICK, backend="numpy", seed=5)
    folds = tables.bags(y, 4, 5, stratify=True)
    actual = QUICK.options(len(folds[0][0]))
    again = bpnet.train(
        by_hand, (X, y), optimizer=bpnet.optimizers.AdamW(actual["learning_rate"]),
        schedule=actual["schedule"], epochs=actual["epochs"], batch_size=actual["batch_size"],
        seed=[5 + (k << 32) for k in range(4)], folds=folds, backend="numpy",
        callbacks=[bpnet.EarlyStopping(actual["patience"])],
    )  # fmt: skip
    assert [h["validation_cost"] for h in histories] == [h["validation_cost"] for h in again]
    for one, other in zip(by_name, by_hand, strict=True):
        assert np.array_equal(one.predict(X), other.predict(X))
    costs = histories[0]["validation_cost"]
    judged = bpnet.evaluate(by_name[0], (X[folds[0][1]], y[folds[0][1]]))["cost"]
    assert judged == pytest.approx(min(costs), rel=1e-5)  # the best epoch's weights


def test_one_network_is_stopped_by_its_validation_rows():
    X, y = data()
    net = nets(1)[0]
    history = bpnet.train(net, (X, y), QUICK, validation=data(50, 1), backend="numpy", epochs=40)
    judged = bpnet.evaluate(net, data(50, 1))["cost"]
    assert judged == pytest.approx(min(history["validation_cost"]), rel=1e-5)
    assert len(bpnet.train(nets(1)[0], (X, y), QUICK, backend="numpy", epochs=3)["cost"]) == 3


def test_a_users_stopping_and_folds_come_first():
    X, y = data()
    mine = bpnet.EarlyStopping(1)
    rows = np.arange(203)
    folds = [(rows[:150], rows[150:]), (rows[50:200], rows[:50])]
    histories = bpnet.train(
        nets(2), (X, y), QUICK, folds=folds, callbacks=[mine], backend="numpy", epochs=30
    )
    for history in histories:
        costs = history["validation_cost"]
        worse = next((i for i, c in enumerate(costs) if i and c >= min(costs[:i])), 29)
        assert len(costs) == worse + 1


def test_every_backend_gives_the_same_model_to_rounding(backend):
    if "float64" not in backend.dtypes():
        pytest.skip("rounding of float32 grows over the steps")
    X, y = data()
    actual = []
    for where in ("numpy", backend):
        members = nets(3)
        bpnet.train(members, (X, y), QUICK, backend=where, dtype="float64")
        actual.append(bpnet.Ensemble(members).predict(X))
    np.testing.assert_allclose(*actual, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bpnet.TableRecipe(members=0), "members is 0"),
        (lambda: bpnet.TableRecipe(patience=2.0), "patience is 2"),
        (lambda: bpnet.train(nets(1)[0], data(), "tabel"), "recipe is 'tabel'"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(bpnet.InputError, match=message):
        make()
