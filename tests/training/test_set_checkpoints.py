"""A set of networks that is stopped or killed goes on to the same bits."""

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.storage import checkpoint
from bpnet.training import blocks

SIZES = [6, 8, 7, 3]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 6)).astype("f4")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
HELD = X[:60], Y[:60]
OPTIONS = {
    "epochs": 5, "batch_size": 32, "validation": HELD, "optimizer": "adam",
    "dropout": [0.0, 0.1, 0.2, 0.1, 0.3], "l2": 0.1, "seed": [3, 1, 4, 1, 5],
}  # fmt: skip


def networks(count=5, **options):
    return [bpnet.Network(SIZES, hidden="relu", output="softmax", seed=s, **options)
            for s in range(count)]  # fmt: skip


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """So that a set can be killed in the middle of an epoch."""
    monkeypatch.setattr(blocks, "_STEPS", 2)


class Stop(Exception):
    pass


class Killed(bpnet.Callback):
    """Ends the process, as it were, after so many blocks of all networks together."""

    def __init__(self, after):
        self.left = after

    def on_block_end(self, run):
        self.left -= 1
        if self.left == 0:
            raise Stop


def same(nets, others):
    return all(
        np.array_equal(a, b)
        for one, other in zip(nets, others, strict=True)
        for arrays, more in zip(one.parameters, other.parameters, strict=True)
        for a, b in zip(arrays, more, strict=True)
    )


def without_times(histories):
    return [{k: v for k, v in one.items() if k != "seconds"} for one in histories]


def killed_and_resumed(folder, after, make=networks, data=(X, Y), **options):
    """Networks and histories of a set that was killed and taken up, and of one that was not."""
    options = {**OPTIONS, **options}
    stopping = [bpnet.EarlyStopping(2), Killed(0)]
    nets, others = make(), make()
    expected = bpnet.train(nets, data, callbacks=stopping, **options)
    writer = bpnet.Checkpoint(folder, steps=3)
    with pytest.raises(Stop):
        bpnet.train(
            make(), data, checkpoint=writer, callbacks=[bpnet.EarlyStopping(2), Killed(after)],
            **options,
        )  # fmt: skip
    actual = bpnet.train(
        others, data, checkpoint=folder, resume=True, callbacks=stopping, **options
    )
    assert same(nets, others)
    assert without_times(actual) == without_times(expected)
    assert [net.classes is None for net in others] == [net.classes is None for net in nets]
    assert all(np.array_equal(a.classes, b.classes) for a, b in zip(nets, others, strict=True))
    return actual


@pytest.mark.parametrize("after", [1, 9, 26, 60])
def test_killed_and_resumed_it_ends_with_the_same_bits(backend, tmp_path, after):
    killed_and_resumed(tmp_path, after, backend=backend, dtype=backend.dtypes()[0])


@pytest.mark.parametrize("after", [2, 40])
@pytest.mark.parametrize("options", [
    {"micro_batch": 8},
    {"batch_size": [16, 16, 32, 32, 32], "epochs": [3, 3, 3, 5, 5]},
    {"optimizer": ["sgd", "adam", "adam", "sgd", "momentum"], "clip_norm": 1.0},
    {"validation": None, "folds": [(range(i, 150), range(150, 180)) for i in range(5)]},
    {"sample_weight": np.linspace(0.5, 1.5, 200), "metrics": "f1"},
], ids=["one after another", "several groups", "optimizers", "folds", "weights"])  # fmt: skip
def test_whatever_the_set_is(tmp_path, after, options):
    killed_and_resumed(tmp_path, after, **options)


def test_batch_normalization_keeps_its_averages(tmp_path):
    killed_and_resumed(tmp_path, 7, make=lambda: networks(norm="batch"))


def test_one_that_diverged_stays_so(tmp_path):
    def make():
        nets = networks()
        nets[2].weights[0] = np.full((8, 6), 1e38)
        return nets

    actual = killed_and_resumed(tmp_path, 45, make=make)
    assert list(actual.diverged) == [2]
    assert "training diverged at step 1 of epoch 1" in str(actual.diverged[2])


def test_ctrl_c_leaves_a_checkpoint_that_goes_on(tmp_path):
    class Interrupt(bpnet.Callback):
        def on_block_end(self, run):
            if run.epoch == 2:
                run.stop("interrupted")

    nets, others = networks(), networks()
    expected = bpnet.train(nets, (X, Y), **OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        bpnet.train(others, (X, Y), checkpoint=tmp_path, callbacks=[Interrupt()], **OPTIONS)
    others = networks()
    actual = bpnet.train(others, (X, Y), checkpoint=tmp_path, resume=True, **OPTIONS)
    assert same(nets, others)
    assert without_times(actual) == without_times(expected)


def test_a_set_that_is_finished_is_not_trained_again(tmp_path):
    nets, others = networks(), networks()
    expected = bpnet.train(nets, (X, Y), checkpoint=tmp_path, **OPTIONS)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    actual = bpnet.train(others, (X, Y), checkpoint=tmp_path, resume=True, **OPTIONS)
    assert same(nets, others)
    assert actual == expected
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


@pytest.mark.parametrize(("change", "message"), [
    ({"l2": 0.2}, r"has l2 = \[0.1, 0.1, 0.1, 0.1, 0.1\], not \[0.2, "),
    ({"seed": 7}, "has seed"),
    ({"validation": (X[:50], Y[:50])}, "has validation"),
])  # fmt: skip
def test_another_set_is_refused(tmp_path, change, message):
    bpnet.train(networks(), (X, Y), checkpoint=tmp_path, **{**OPTIONS, "epochs": 1})
    options = {**OPTIONS, "epochs": 1, **change}
    with pytest.raises(InputError, match=message):
        bpnet.train(networks(), (X, Y), checkpoint=tmp_path, resume=True, **options)


def test_the_checkpoint_of_one_network_is_not_that_of_a_set(tmp_path):
    one = {"epochs": 1, "batch_size": 32}
    bpnet.train(networks(1)[0], (X, Y), checkpoint=tmp_path, **one)
    with pytest.raises(InputError, match=r"the run in .* has "):
        bpnet.train(networks(1), (X, Y), checkpoint=tmp_path, resume=True, **one)
    bpnet.train(networks(1), (X, Y), checkpoint=tmp_path / "set", **one)
    with pytest.raises(InputError, match=r"the run in .* has "):
        bpnet.train(networks(1)[0], (X, Y), checkpoint=tmp_path / "set", resume=True, **one)


@pytest.mark.parametrize("damage", [
    lambda actual: actual.numbers.pop("networks"),
    lambda actual: actual.numbers["networks"]["0"].pop("done"),
    lambda actual: actual.numbers["networks"]["0"].update(error=3),
    lambda actual: actual.numbers["networks"].update({"9": actual.numbers["networks"]["0"]}),
    lambda actual: actual.numbers["networks"].update({"x": actual.numbers["networks"]["0"]}),
    lambda actual: actual.numbers["networks"].update({"-1": actual.numbers["networks"]["0"]}),
    lambda actual: actual.numbers["networks"].update({"00": actual.numbers["networks"]["0"]}),
    lambda actual: actual.arrays.pop("3 parameters"),
    lambda actual: actual.arrays.pop("0 state"),
    lambda actual: actual.arrays.update({"1 parameters": actual.arrays["0 parameters"][:2]}),
])  # fmt: skip
def test_a_checkpoint_that_says_something_else_is_one_clear_error(tmp_path, damage):
    with pytest.raises(Stop):
        bpnet.train(
            networks(), (X, Y), checkpoint=bpnet.Checkpoint(tmp_path, steps=1),
            callbacks=[Killed(9)], **OPTIONS,
        )  # fmt: skip
    actual = checkpoint.latest(tmp_path)
    damage(actual)
    checkpoint.write(tmp_path, actual)
    nets = networks()
    with pytest.raises(InputError, match=r"the checkpoint .*start another( run)?$"):
        bpnet.train(nets, (X, Y), checkpoint=tmp_path, resume=True, **OPTIONS)
    assert same(nets, networks())


class Leaves(bpnet.Callback):
    """Ends the run of one network by itself after its first epoch."""

    def __init__(self, network):
        self.network = network

    def on_epoch_end(self, run):
        if run.network is self.network and run.epoch == 0:
            run.stop("it is good enough")


class Interrupts(bpnet.Callback):
    """Ctrl-C at the end of a block of the third epoch."""

    def on_block_end(self, run):
        if run.epoch == 2:
            run.stop("interrupted")


@pytest.mark.parametrize("who", [0, 2, 4])
def test_ctrl_c_after_one_of_them_has_ended_by_itself(tmp_path, who):
    """It has ended, and the others have not, whichever of them it is."""
    options = {**OPTIONS, "dropout": 0.1}
    nets, others, again = networks(), networks(), networks()
    expected = bpnet.train(nets, (X, Y), callbacks=[Leaves(nets[who])], **options)
    with pytest.raises(KeyboardInterrupt):
        bpnet.train(
            others, (X, Y), checkpoint=tmp_path, callbacks=[Leaves(others[who]), Interrupts()],
            **options,
        )  # fmt: skip
    actual = bpnet.train(again, (X, Y), checkpoint=tmp_path, resume=True, **options)
    assert same(nets, again)
    for one, other in zip(actual, expected, strict=True):
        # a logarithm of NumPy's at the end of an array may have another last bit, and so a cost
        np.testing.assert_allclose(one["cost"], other["cost"], rtol=1e-6)
        assert one["accuracy"] == other["accuracy"]
    assert [len(history["cost"]) for history in actual] == [1 if i == who else 5 for i in range(5)]
    assert actual.stacks == expected.stacks == [5]


def test_one_that_ended_by_itself_before_the_others_began_has_ended(tmp_path):
    nets, others = networks(), networks()
    with pytest.raises(Stop):  # in the second epoch of the other four
        bpnet.train(
            nets, (X, Y), checkpoint=tmp_path, callbacks=[Leaves(nets[0]), Killed(22)], **OPTIONS
        )
    held = checkpoint.latest(tmp_path).numbers["networks"]
    assert {i: own["done"] for i, own in held.items()} == {i: i == "0" for i in "01234"}
    actual = bpnet.train(others, (X, Y), checkpoint=tmp_path, resume=True, **OPTIONS)
    assert [len(history["cost"]) for history in actual] == [1, 5, 5, 5, 5]


def written(monkeypatch):
    """What is written, (step of the set, numbers), while the test goes on."""
    seen, write = [], checkpoint.write

    def note(folder, taken):
        seen.append((taken.numbers["at"], taken.numbers["networks"]))
        return write(folder, taken)

    monkeypatch.setattr(checkpoint, "write", note)
    return seen


def test_a_checkpoint_is_of_the_step_at_which_the_set_is(tmp_path, monkeypatch):
    """Seven steps an epoch: an older one has no higher number, so what is newest is taken up."""
    seen = written(monkeypatch)
    options = {**OPTIONS, "dropout": 0.1}
    with pytest.raises(KeyboardInterrupt):
        bpnet.train(networks(), (X, Y), checkpoint=tmp_path, callbacks=[Interrupts()], **options)
    assert [at for at, _ in seen] == [7, 14, 16]
    held = checkpoint.latest(tmp_path).numbers["networks"]
    assert [(run["epoch"], run["step"]) for run in held.values()] == [(2, 2)] * 5


def test_checkpoints_of_a_set_come_after_every_so_many_epochs(tmp_path, monkeypatch):
    seen = written(monkeypatch)
    writer = bpnet.Checkpoint(tmp_path, epochs=2)
    bpnet.train(networks(), (X, Y), checkpoint=writer, **{**OPTIONS, "dropout": 0.1})
    held = [(at, {run["epoch"] for run in networks.values()}) for at, networks in seen]
    assert held == [(14, {2}), (28, {4}), (35, {5})]


def test_where_a_part_has_ended_the_next_is_counted_from_behind_it(tmp_path, monkeypatch):
    """Killed between the two, and in the second: the steps go on from those of the first."""
    seen = written(monkeypatch)
    with pytest.raises(Stop):  # the first network alone takes 5 epochs of 4 blocks
        bpnet.train(networks(), (X, Y), checkpoint=tmp_path, callbacks=[Killed(21)], **OPTIONS)
    assert [at for at, _ in seen] == [7, 14, 21, 28, 35]
    options = {**OPTIONS, "checkpoint": tmp_path, "resume": True}
    with pytest.raises(Stop):
        bpnet.train(networks(), (X, Y), callbacks=[Killed(22)], **options)
    assert [at for at, _ in seen[5:]] == [42]
    assert checkpoint.latest(tmp_path).numbers["at"] == 42
    nets, others = networks(), networks()
    expected = bpnet.train(nets, (X, Y), **OPTIONS)
    actual = bpnet.train(others, (X, Y), **options)
    assert same(nets, others)
    assert actual.stacks == expected.stacks == [1, 4]


def test_more_epochs_may_be_asked_for_of_a_set(tmp_path, monkeypatch):
    """The first network alone, then the other four: seven steps an epoch, counted on."""
    seen = written(monkeypatch)
    nets, others = networks(), networks()
    expected = bpnet.train(nets, (X, Y), **OPTIONS)
    kept = {**OPTIONS, "checkpoint": bpnet.Checkpoint(tmp_path)}
    bpnet.train(networks(), (X, Y), **{**kept, "epochs": 3})
    assert [at for at, _ in seen] == [7, 14, 21, 28, 35, 42]
    del seen[:]
    actual = bpnet.train(others, (X, Y), resume=True, **kept)
    assert same(nets, others)
    assert without_times(actual) == without_times(expected)
    assert actual.stacks == expected.stacks == [1, 4]
    assert [at for at, _ in seen] == [49, 56, 63, 70]
    assert all(own["done"] and own["epoch"] == 5 for own in seen[-1][1].values())


def test_networks_that_ended_at_different_epochs_go_on_from_their_own(tmp_path):
    options = {**OPTIONS, "dropout": 0.1, "backend": "numpy", "dtype": "float64"}
    nets, others, again = networks(), networks(), networks()
    expected = bpnet.train(nets, (X, Y), **{**options, "epochs": 7})
    leaves = [Leaves(others[2])]
    bpnet.train(others, (X, Y), checkpoint=tmp_path, callbacks=leaves, **options)
    longer = {**options, "epochs": 7, "checkpoint": tmp_path, "resume": True}
    actual = bpnet.train(again, (X, Y), **longer)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one["cost"], other["cost"], rtol=1e-9)
    for a, b in zip(again, nets, strict=True):
        np.testing.assert_allclose(a.weights[0], b.weights[0], rtol=0, atol=1e-9)


def test_the_best_parameters_of_a_set_that_is_finished_are_put_back(tmp_path):
    """Early stopping gives back those of its best epoch, which are not the last ones."""
    options = {**OPTIONS, "epochs": 40, "optimizer": bpnet.optimizers.Adam(0.1)}
    stopping = lambda: [bpnet.EarlyStopping(2, metric="validation_cost")]  # noqa: E731
    nets, others = networks(), networks()
    bpnet.train(nets, (X, Y), checkpoint=tmp_path, callbacks=stopping(), **options)
    last = checkpoint.latest(tmp_path)
    assert not all(
        np.array_equal(last.arrays[f"{i} parameters"][0][0], last.arrays[f"{i} result"][0][0])
        for i in range(5)
    )
    bpnet.train(others, (X, Y), checkpoint=tmp_path, resume=True, callbacks=stopping(), **options)
    assert same(nets, others)
