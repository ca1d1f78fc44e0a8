"""What the options of ``bpnet.train`` do that say where a network learns, with whom and when."""

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

import bpnet
from bpnet.backends.numpy import NumPy
from bpnet.backends.trace import replay
from bpnet.data import batches
from bpnet.distributed import Communicator, simulate
from bpnet.training import fastest
from bpnet.training.member import Member
from tests.training.effects import seen, stays, vector
from tests.training.modes import MODES, M

SETS = [MODES["stack"], MODES["turn"]]


@contextmanager
def chosen(name):
    """The backend that ``"fastest"`` is told to be the fastest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fastest, "_measure", lambda *_: {name: 1.0})
        yield


def backend(mode):
    strict = "array_api_strict:CPU_DEVICE"
    with chosen(strict):
        given = {} if mode is MODES["fastest"] else {"backend": strict}
        kinds = set(seen(mode, lambda z: type(z).__module__.split(".")[0], **given))
    assert kinds == {"array_api_strict"}


def device(mode):
    given = {"backend": "array_api_strict", "device": "device1"}
    assert {text for text in seen(mode, lambda z: str(z.device), **given) if "device1" in text}


def dtype(mode):
    def look(z):
        return str(z.dtype)

    assert set(seen(mode, look, dtype="float32")) == {"float32"}
    assert set(seen(mode, look)) == {"float64"}


def blas(_z=None):
    """Threads of each BLAS in the process."""
    pools = ThreadpoolController().select(user_api="blas").lib_controllers
    return frozenset(pool.num_threads for pool in pools)


def threads(mode):
    with threadpool_limits(2, user_api="blas"):
        before = blas()
        assert set(seen(mode, blas, threads=2)) == {before}
        assert set(seen(mode, blas, threads=1)) == {frozenset([1] * bool(before))}
        assert blas() == before


def precision(mode):
    """Asked of the backend for as long as it computes; NumPy itself has but one."""
    with pytest.raises(bpnet.InputError, match=r"numpy has no tf32.*precision"):
        mode.train(precision="tf32")
    now = [None]

    @contextmanager
    def told(self, asked):
        now[0] = asked
        yield
        now[0] = None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NumPy, "precision", told)
        assert set(seen(mode, lambda z: now[0], precision="tf32")) == {"tf32"}
        assert set(seen(mode, lambda z: now[0])) == {None}


def compiled(mode):
    """Without it NumPy writes no step down to replay it; what is cut into parts it never does."""
    with pytest.raises(bpnet.InputError, match="compiled"):
        mode.train(compiled=True)
    given = {"batch_size": 4} if mode.descends else {}
    tapes = []
    for asked in (None, False):
        written, calls = [], []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replay, "scan", lambda *_, into=written, **__: into.append(1))
            patch.setattr(batches, "_CHUNK", 4 * 6)  # of L-BFGS, which takes all in such pieces
            calls = seen(mode, compiled=asked, **given)
        assert len(calls) >= M // 4
        tapes.append(len(written))
    assert (tapes[0] > 0) == (mode not in (MODES["ranks"], MODES["shards"]))
    assert tapes[1] == 0


def checkpoint(mode, folder):
    (*_, trained) = mode.train(epochs=2, checkpoint=folder)
    (*_, newest) = sorted(Path(folder).glob("*.safetensors"))
    held = bpnet.storage.checkpoint.latest(Path(folder)).arrays
    last = max(int(name.split()[0]) for name in held)  # the last network of a set
    steps = 8 if mode is MODES["turn"] else 2  # of 4 networks, one after another
    assert newest.stem == f"step-00000000000{steps}"
    W, _ = held[f"{last} parameters"][0]
    assert np.array_equal(W.T, trained.end.weights[0])


def resume(mode, folder):
    straight = mode.train(epochs=3)
    mode.train(epochs=1, checkpoint=folder)
    again = mode.train(epochs=3, checkpoint=folder, resume=True)
    for one, other in zip(straight, again, strict=True):
        assert np.array_equal(vector(one.end), vector(other.end))
        assert one.history["cost"] == other.history["cost"]


class Calls(bpnet.Callback):
    """What was called."""

    def __init__(self):
        self.names = []

    def on_train_begin(self, run):
        self.names.append("begin")

    def on_block_end(self, run):
        self.names.append("block")

    def on_epoch_end(self, run):
        self.names.append("epoch")

    def on_train_end(self, run):
        self.names.append("end")


def callbacks(mode):
    calls = Calls()
    runs = len(mode.train(callbacks=[calls], epochs=2))
    expected = {"begin": 1, "block": 2, "epoch": 2, "end": 1}
    assert {name: calls.names.count(name) for name in expected} == {
        name: count * runs for name, count in expected.items()
    }


def communicator(mode):
    if mode in SETS:  # each rank trains two of the four networks, and tells them to the other
        taken, own = [], Member.numbers

        def numbers(self, *steps):
            taken.append((threading.get_ident(), id(self)))
            return own(self, *steps)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Member, "numbers", numbers)
            actual, _ = simulate(2, lambda ranks: mode.train(communicator=ranks, epochs=3))
        of_rank = Counter(thread for thread, _ in set(taken))
        assert sorted(of_rank.values()) == [2, 2]
        for pair in zip(*actual, mode.train(epochs=3), strict=True):
            ends = [vector(trained.end) for trained in pair]
            assert np.array_equal(ends[0], ends[1])
            np.testing.assert_allclose(ends[0], ends[2], rtol=0, atol=1e-12)
        return
    actual, traffic = simulate(2, lambda ranks: mode.train(communicator=ranks, epochs=3))
    assert [t.sums for t in traffic] == [3, 3]
    expected = vector(replace(mode, usual={}).train(epochs=3)[0].end)
    for (trained,) in actual:
        np.testing.assert_allclose(vector(trained.end), expected, rtol=0, atol=1e-12)


def reduce(mode):
    """Each rank takes its share of a batch as a whole, and the library adds up as it likes."""
    sums = []
    usual = Communicator.allreduce

    def told(self, buffer):
        sums.append(self.rank)
        usual(self, buffer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Communicator, "allreduce", told)
        assert max(seen(mode, reduce="fast")) == M // 2
        assert sorted(sums) == [0, 1]
        assert max(seen(mode)) == M // 8
        assert len(sums) == 2
    stays(mode, reduce="fast")


def shards(mode):
    assert max(seen(mode, shards=16)) == M // 16
    stays(mode, shards=16)
