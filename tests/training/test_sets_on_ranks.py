"""A set of networks divided over ranks: the same bits for any number of these."""

import threading
from collections import defaultdict

import numpy as np
import pytest

import bpnet
from bpnet.distributed import simulate
from bpnet.distributed.simulated import Simulated
from bpnet.errors import InputError
from bpnet.training import members

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 6)).astype("f4")
Y = np.asarray(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
COUNT = 19
OPTIONS = {
    "epochs": 3, "l2": [0.1 * (i % 3) for i in range(COUNT)], "validation": (X[:50], Y[:50]),
    "metrics": "f1", "batch_size": 16, "dropout": 0.1, "seed": list(range(COUNT)),
}  # fmt: skip


def networks(count=COUNT):
    return [bpnet.Network([6, 5, 3], hidden="relu", seed=s) for s in range(count)]


def on_ranks(size, make=networks, data=(X, Y), **options):
    def job(ranks):
        nets = make()
        actual = bpnet.train(nets, data, communicator=ranks, **{**OPTIONS, **options})
        return nets, actual

    return simulate(size, job)[0]


def content(nets, histories):
    """All that a set gave but for the time it took, as bytes and plain data."""
    arrays = [a.tobytes() for net in nets for layer in net.parameters for a in layer]
    told = [{k: v for k, v in h.items() if k != "seconds"} for h in histories]
    names = [(None if n.classes is None else n.classes.tolist(), n.scale) for n in nets]
    return arrays, told, names, histories.stacks, list(histories.diverged)


@pytest.fixture(scope="module")
def on_one():
    ((nets, histories),) = on_ranks(1)
    return nets, histories


@pytest.mark.parametrize("size", [2, 3, 4, 8])
def test_every_number_of_ranks_gives_the_same_bits_on_each(size, on_one):
    for nets, histories in on_ranks(size):
        assert content(nets, histories)[:3] == content(*on_one)[:3]
        assert sorted(histories.stacks) == sorted(on_one[1].stacks)


def test_they_are_those_of_a_set_without_ranks_to_rounding(on_one):
    nets = networks()
    expected = bpnet.train(nets, (X, Y), **OPTIONS)
    for net, other in zip(nets, on_one[0], strict=True):
        for a, b in zip(net.weights, other.weights, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)
    for one, other in zip(expected, on_one[1], strict=True):
        np.testing.assert_allclose(one["validation_f1"], other["validation_f1"], atol=0.05)
        np.testing.assert_allclose(one["cost"], other["cost"], rtol=1e-5)


def test_there_may_be_more_ranks_than_networks():
    options = {"l2": 0.1, "seed": 0}
    ((one, first),) = on_ranks(1, lambda: networks(3), **options)
    for nets, histories in on_ranks(4, lambda: networks(3), **options):
        assert content(nets, histories)[:3] == content(one, first)[:3]


def test_folds_go_with_their_networks():
    folds = [(np.arange(i, 90), np.arange(90 + i, 120)) for i in range(COUNT)]
    options = {"folds": folds, "validation": None}
    ((one, first),) = on_ranks(1, **options)
    for nets, histories in on_ranks(2, **options):
        assert content(nets, histories)[:3] == content(one, first)[:3]
    assert len({tuple(h["validation_f1"]) for h in first}) > 3


def test_one_that_diverges_is_told_on_every_rank():
    def make():
        nets = networks()
        nets[7].weights[0] = np.full((5, 6), 1e38)
        return nets

    for nets, histories in on_ranks(2, make):
        assert list(histories.diverged) == [7]
        assert "training diverged at step 1" in str(histories.diverged[7])
        np.testing.assert_array_equal(nets[7].weights[0], np.full((5, 6), 1e38))


def test_where_all_diverge_every_rank_says_so():
    def job(ranks):
        with pytest.raises(bpnet.Diverged):
            bpnet.train(
                networks(4), (X, Y), communicator=ranks,
                optimizer=bpnet.optimizers.SGD(1e35), epochs=2,
            )  # fmt: skip
        return True

    assert simulate(2, job)[0] == [True, True]


@pytest.mark.parametrize("change", [
    {"l2": 0.3}, {"validation": (X[:40], Y[:40])}, {"epochs": 2},
], ids=lambda change: next(iter(change)))  # fmt: skip
def test_ranks_that_are_asked_for_something_else_are_refused(change):
    def job(ranks):
        own = change if ranks.rank else {}
        bpnet.train(networks(), (X, Y), communicator=ranks, **{**OPTIONS, **own})

    with pytest.raises(InputError, match=f"rank 1 has other {next(iter(change))} than rank 0"):
        simulate(2, job)


def test_all_ranks_begin_with_the_weights_of_rank_0():
    def job(ranks):
        nets = [bpnet.Network([6, 5, 3], seed=s + ranks.rank) for s in range(4)]
        return nets, bpnet.train(nets, (X, Y), communicator=ranks, epochs=2)

    ((one, first),) = simulate(1, job)[0]
    for nets, histories in simulate(2, job)[0]:
        assert content(nets, histories)[:3] == content(one, first)[:3]


@pytest.mark.parametrize(("makes", "what"), [
    ((lambda: networks(4), lambda: networks(5)), "number of networks"),
    ((lambda: networks(1), lambda: networks(1)[0]), "options"),  # a set of one, and one
])  # fmt: skip
def test_other_networks_are_refused(makes, what):
    def job(ranks):
        bpnet.train(makes[ranks.rank](), (X, Y), communicator=ranks)

    with pytest.raises(InputError, match=f"rank 1 has other {what} than rank 0"):
        simulate(2, job)


def test_what_is_refused_on_all_ranks_leaves_their_weights_alone():
    def job(ranks):
        nets = [bpnet.Network([6, 5, 3], seed=s + ranks.rank) for s in range(4)]
        before = [net.weights[0].copy() for net in nets]
        with pytest.raises(InputError, match="validation y has 7 entries"):
            bpnet.train(nets, (X, Y), communicator=ranks, validation=(X[:9], Y[:7]))
        return all(np.array_equal(n.weights[0], w) for n, w in zip(nets, before, strict=True))

    assert simulate(2, job)[0] == [True, True]


def test_a_checkpoint_beside_ranks_is_refused(tmp_path):
    def job(ranks):
        bpnet.train(networks(4), (X, Y), communicator=ranks, checkpoint=tmp_path / "x")

    with pytest.raises(InputError, match=r"checkpoint of a set .* and communicator was given too"):
        simulate(2, job)
    assert list(tmp_path.iterdir()) == []


def test_ranks_end_where_one_cannot_go_on():
    """It says why by itself; the others do not wait for a set that it will not train."""

    def job(ranks):
        if ranks.rank == 1:
            ranks.agree(2)
            return None
        with pytest.raises(SystemExit) as end:
            bpnet.train(networks(), (X, Y), communicator=ranks, **OPTIONS)
        return end.value.code

    assert simulate(2, job)[0] == [2, None]


def test_a_rank_may_train_for_longer_than_the_others_wait_for_a_word(monkeypatch):
    """Only what they exchange when all is trained has no limit."""
    waits = defaultdict(list)  # of each rank, which is a thread
    exchange = Simulated.exchange

    def noted(self, partner, send, receive, stage=0):
        waits[threading.get_ident()].append(self.timeout)
        exchange(self, partner, send, receive, stage)

    monkeypatch.setattr(Simulated, "exchange", noted)

    def job(ranks):
        bpnet.train(networks(4), (X, Y), communicator=ranks, epochs=1, optimizer=Marked())
        return ranks.timeout

    class Marked(bpnet.optimizers.SGD):
        def update(self, *args, **options):
            waits[threading.get_ident()].append("step")
            return super().update(*args, **options)

    assert simulate(2, job, timeout=7.0)[0] == [7.0, 7.0]
    assert len(waits) == 2
    for seen in waits.values():
        first = seen.index("step")
        assert set(seen[:first]) == {7.0}
        after = [wait for wait in seen[first:] if wait != "step"]
        assert len(after) >= 2  # ranks tell how much they have, then what
        assert min(after) > 1e8


class Interrupt(bpnet.Callback):
    """Interrupts the training of one network, which one rank alone trains."""

    def on_epoch_end(self, run):
        run.stop("interrupted")


def test_an_interrupt_of_one_rank_is_one_of_all():
    def job(ranks):
        nets = networks(8)
        callbacks = [[Interrupt()] if i == 0 else [] for i in range(8)]
        with pytest.raises(KeyboardInterrupt):
            bpnet.train(nets, (X, Y), communicator=ranks, epochs=3, callbacks=callbacks)
        return [net.weights[0].tobytes() for net in nets]

    first, second = simulate(2, job)[0]
    assert first == second


@pytest.mark.parametrize("extra", range(5))
def test_bytes_of_any_length_are_exchanged_as_they_are(extra):
    contents = [b"\0\1\2\xff" * 3 + b"\0" * extra, b"z" * extra, b"\xff" * 7]

    def job(ranks):
        return members._exchanged(ranks, contents[ranks.rank])

    assert simulate(3, job)[0] == [contents] * 3
