"""Resets, copies and boundaries of training: faults that whole runs hide."""

import json

import numpy as np
import pytest

import bpnet
from bpnet.core import activations
from bpnet.errors import InputError
from bpnet.storage import checkpoint, checksummed
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import checkpoints, divergence, scores, targets
from bpnet.training.callbacks import Run
from bpnet.training.targets import Targets

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(40, 5)), np.arange(40) % 3


def network(seed=0, **options):
    return bpnet.Network([5, 6, 3], seed=seed, **options)


def train(net, data=(X, Y), **options):
    return bpnet.train(net, data, **{"backend": "numpy", "dtype": "float64", **options})


class Leave(bpnet.Callback):
    def on_epoch_end(self, run):
        if run.epoch == 1:
            run.stop("enough")


def test_a_member_that_leaves_a_large_stack_takes_its_own_arrays_along(backend):
    """With eight the stack goes on in the same memory; two steps at a time are not replayed."""
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    options = {"backend": backend, "dtype": dtype, "batch_size": None}
    alone = network(3)
    train(alone, epochs=2, **options)
    nets = [network(i) for i in range(8)]
    callbacks = [[Leave()] if i == 3 else [] for i in range(8)]
    train(nets, epochs=6, callbacks=callbacks, **options)
    bound = 1e-10 if dtype == "float64" else 1e-4
    for a, b in zip(nets[3].weights, alone.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=bound)


def test_a_little_better_is_not_better_for_who_asks_for_more():
    """The cost falls all the time, by less than what is asked for."""
    stopping = bpnet.EarlyStopping(patience=3, metric="cost", least=0.5)
    history = train(network(), epochs=30, callbacks=[stopping])
    assert np.all(np.diff(history["cost"]) < 0)
    assert (stopping.best_epoch, len(history["cost"])) == (0, 4)


GROWS = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "f1", "auc", "top_5", "r2"), True),
    **dict.fromkeys(("cost", "log_loss", "mse", "mae", "rmse"), False),
}


@pytest.mark.parametrize("name", sorted({*GROWS, *scores.CLASSES, *scores.NUMBERS} - {"top_K"}))
@pytest.mark.parametrize("prefix", ["", "validation_"])
def test_which_way_a_metric_shall_go(name, prefix):
    assert scores.grows(prefix + name) is GROWS[name]


def test_the_best_epoch_by_an_error_is_the_one_with_the_smallest():
    pytest.importorskip("sklearn")
    net = bpnet.Network([5, 8, 1], hidden="sigmoid", output="identity", seed=0)
    target = X[:, :1] + np.random.default_rng(5).normal(size=(40, 1)) / 2
    stopping = bpnet.EarlyStopping(patience=50, metric="validation_mae")
    history = bpnet.train(
        net, (X[:20], target[:20]), validation=(X[20:], target[20:]), metrics="mae", epochs=20,
        backend="numpy", optimizer=bpnet.optimizers.Adam(0.02), callbacks=[stopping],
    )  # fmt: skip
    values = history["validation_mae"]
    assert values.index(min(values)) not in (0, values.index(max(values)))
    assert stopping.best == min(values)


def test_outputs_that_are_no_probabilities_are_decided_at_0():
    """A hinge's outputs of 0.3 say the second class."""
    pytest.importorskip("sklearn")
    expected = Targets(np.asarray([[1.0], [1.0], [0.0], [0.0]]), kind="threshold", classes=None)
    a = np.asarray([[0.3], [0.4], [-0.2], [0.2]])
    assert scores.compute(("accuracy",), expected, a, activations.Identity()) == {"accuracy": 0.75}
    assert scores.compute(("accuracy",), expected, a, activations.Sigmoid()) == {"accuracy": 0.5}


def test_weights_of_the_examples_have_the_mean_1():
    """So that halves hold them, whatever their unit."""
    expected = Targets(Y, kind="class", classes=None)
    made = targets.weigh(np.arange(1.0, 41.0) * 1e-9, None, expected, 40)
    assert made.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(made, np.arange(1.0, 41.0) / 20.5)


@pytest.mark.parametrize("cells", [1, 3])
def test_a_block_whose_parameters_end_without_being_numbers_is_marked(backend, cells):
    """One array of several is enough."""
    with backend.session("float32"):
        put = lambda a: backend.asarray(np.asarray(a, np.float32), dtype="float32")  # noqa: E731
        bad = np.ones((2, 2), np.float32)
        bad.reshape(-1)[:cells] = np.nan
        sums = (put([1.0, 2.0]), put([3.0, 4.0]))
        parameters = ((put(np.ones((2, 2))), put([1.0, 1.0])), (put(bad), put([1.0, 1.0])))
        costs, counts = divergence.mark(sums, parameters, backend)
        costs, counts = backend.to_numpy(costs), backend.to_numpy(counts)
    assert costs[0] == 1.0
    assert np.isnan(costs[1])
    assert counts.tolist() == [3.0, 4.0]


class Watch(bpnet.Callback):
    block_size = 1

    def __init__(self):
        self.seen = []

    def on_block_end(self, run):
        self.seen.append((run.cost, run.accuracy))


def test_the_accuracy_within_an_epoch_counts_examples_whatever_they_weigh():
    watch = Watch()
    w = np.linspace(0.1, 5.0, 40)
    net = network()
    history = train(net, epochs=1, batch_size=None, sample_weight=w, callbacks=[watch],
                    optimizer=bpnet.optimizers.SGD(1e-30))  # fmt: skip
    right = float(np.mean(net.predict(X).argmax(axis=1) == Y))
    assert history["accuracy"] == [right]
    assert watch.seen[-1][1] == right


def test_a_checkpoint_by_steps_is_written_at_exactly_so_many(tmp_path):
    writer = bpnet.Checkpoint(tmp_path, epochs=0, steps=10)
    written = []
    writer._write = lambda run: written.append(run.at)
    writer._at = 5
    run = Run(network(), 3, 40, 40, "numpy")
    for step in (14, 15, 16):
        run.step = step
        writer.on_block_end(run)
    assert written == [15, 16]


def test_a_checkpoint_by_minutes_is_written_after_60_seconds_each(tmp_path, monkeypatch):
    writer = bpnet.Checkpoint(tmp_path, epochs=0, minutes=2.0)
    now, written = [0.0], []
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    writer._write = lambda run: written.append(now[0])
    for now[0] in (2.0, 119.0, 120.0):
        writer.on_block_end(Run(network(), 3, 40, 40, "numpy", step=1))
    assert written == [120.0]


def test_sparse_data_with_other_columns_are_other_data():
    sparse = pytest.importorskip("scipy.sparse")
    rows = sparse.csr_array(np.diag(np.arange(1.0, 6.0))[:, [0, 1, 2, 3, 4]])
    swapped = sparse.csr_array(np.diag(np.arange(1.0, 6.0))[:, [1, 0, 2, 3, 4]])
    assert rows.data.tolist() == swapped.data.tolist()
    assert checkpoints.fingerprint(rows) != checkpoints.fingerprint(swapped)


def edited(path, old, new):
    """The file with other text in its header, of the same length."""
    content = path.read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def test_a_shape_that_is_edited_does_not_fit_the_hash(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(checksummed.encode("{}", {"a": np.arange(6.0).reshape(2, 3)}))
    checksummed.read(path)
    edited(path, b'"shape":[2,3]', b'"shape":[3,2]')
    with pytest.raises(ValueError, match="SHA-256 does not fit"):
        checksummed.read(path)


def test_the_hash_of_a_file_stays_what_it_was_in_the_first_version():
    """Written out by hand: files that exist must be read for ever."""
    array = np.arange(6, dtype="<f4").reshape(2, 3)
    import hashlib

    expected = hashlib.sha256(b"text" + b"\0a\0<f4\0(2, 3)\0" + array.tobytes()).hexdigest()
    assert checksummed.digest("text", {"a": array}) == expected


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_checkpoint_holds_no_json_that_is_none(tmp_path, number):
    snapshot = Snapshot({"parameters": (), "state": ()}, {"at": 0, "asked": {"l2": 0.25}})
    path = checkpoint.write(tmp_path, snapshot)
    held = checksummed.read(path)
    text = json.dumps(json.loads(held.text)).replace("0.25", number)
    path.write_bytes(checksummed.encode(text, dict(held.tensors)))
    with pytest.raises(InputError, match=f"holds {number}"):
        checkpoint.read(path)


def test_the_finder_goes_on_to_4_times_the_lowest_cost():
    """The bowl (w - 3)^2 / 2: the mean over the last 64 examples is the first that is above."""
    from bpnet.training import finder

    seen = []
    usual = finder._costs

    def watched(*given):
        costs, broken_off = usual(*given)
        seen.extend(costs)
        return costs, broken_off

    x = np.where(np.arange(64) % 2, 1.0, -1.0)[:, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finder, "_costs", watched)
        patch.setattr(finder, "_LOOK", 1)
        bpnet.find_learning_rate(
            bpnet.Network([1, 1], output="identity", init="zeros"), (x, 3 * x), dtype="float64",
            optimizer="sgd", batch_size=16, low=1e-3, high=100.0,
        )  # fmt: skip
    means = np.convolve(seen, np.full(4, 1 / 4), "valid")
    above = np.flatnonzero(means > 4 * np.minimum.accumulate(means))
    assert above.tolist() == [len(means) - 1]


def test_a_resumed_run_goes_on_with_the_learning_rate_that_it_had(tmp_path):
    """Killed behind the last block of an epoch, before its end."""

    class Killed(Exception):
        pass

    class Kill(bpnet.Callback):
        block_size = 1

        def on_block_end(self, run):
            if (run.epoch, run.step) == (2, run.steps):
                raise Killed

    options = {"epochs": 4, "batch_size": 8, "schedule": "cosine"}
    expected = train(network(), **options)
    every = bpnet.Checkpoint(tmp_path, epochs=0, steps=1)
    with pytest.raises(Killed):
        train(network(), callbacks=[Kill()], checkpoint=every, **options)
    actual = train(network(), checkpoint=tmp_path, resume=True, **options)
    assert actual["learning_rate"] == expected["learning_rate"]
    assert len(set(expected["learning_rate"])) == 4
