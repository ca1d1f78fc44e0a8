"""NCCL's ranks, on a library that stands in for it: simulated ranks carry what it would carry."""

import numpy as np
import pytest

from bpnet import backends, distributed
from bpnet.backends import nccl as library
from bpnet.distributed import NCCL, simulate
from bpnet.errors import BackendUnavailable, InputError
from tests.distributed import jobs


class Stand:
    """``cupyx.distributed.NCCLBackend`` with its methods and their arguments, over ranks."""

    def __init__(self, ranks):
        self.ranks, self.calls = ranks, []

    def all_reduce(self, in_array, out_array, op="sum", stream=None):
        assert op == "sum"
        self.calls.append("all_reduce")
        out_array[...] = in_array
        self.ranks.allreduce(out_array)

    def broadcast(self, in_out_array, root=0, stream=None):
        assert root == 0
        self.calls.append("broadcast")
        self.ranks.broadcast(in_out_array)

    def send(self, array, peer, stream=None):
        self.calls.append("send")
        self.ranks.exchange(peer, array, array[:0])

    def recv(self, out_array, peer, stream=None):
        self.calls.append("recv")
        self.ranks.exchange(peer, out_array[:0], out_array)

    def send_recv(self, in_array, out_array, peer, stream=None):
        self.calls.append("send_recv")
        self.ranks.exchange(peer, in_array, out_array)


class Group(library.Group):
    """A group whose stream is always done, or never."""

    done = True

    def finished(self, timeout):
        return self.done


def over(ranks, done=True):
    stand = Stand(ranks)
    group = Group(stand)
    group.done = done
    return NCCL(ranks, group), stand


@pytest.fixture(autouse=True)
def numpys(monkeypatch):
    """Buffers of NumPy in place of CuPy's."""
    monkeypatch.setattr(NCCL, "library", "numpy")


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_what_is_sent_is_counted_in_bytes(kind):
    def job(ranks):
        made, _ = over(ranks)
        actual = np.empty(3, kind)
        made.exchange(1 - ranks.rank, np.full(3, ranks.rank, kind), actual)
        made.exchange(1 - ranks.rank, actual[:0], actual[:0])
        return actual.tolist(), made.traffic.messages, made.traffic.bytes

    size = 3 * np.dtype(kind).itemsize
    assert simulate(2, job)[0] == [([1.0] * 3, 1, size), ([0.0] * 3, 1, size)]


@pytest.mark.parametrize("reduce", ["ordered", "fast"])
def test_training_over_nccl_is_training_over_the_host(reduce):
    def host(ranks):
        return jobs.train(ranks, reduce=reduce, epochs=1)[0]

    def device(ranks):
        made, stand = over(ranks)
        actual = jobs.train(made, reduce=reduce, epochs=1)[0]
        return actual, set(stand.calls), made.traffic.sums

    want = simulate(2, host)[0]
    for (got, calls, sums), expected in zip(simulate(2, device)[0], want, strict=True):
        assert got == expected
        assert calls == ({"send_recv"} if reduce == "ordered" else {"all_reduce"})
        assert sums == 11


def test_an_odd_number_of_ranks_sends_and_receives_by_turns():
    def job(ranks):
        made, stand = over(ranks)
        buffer = np.full(3, float(ranks.rank))
        made.sum(buffer)
        made.broadcast(buffer)
        return buffer.tolist(), stand.calls

    results, _ = simulate(3, job)
    assert [buffer for buffer, _ in results] == [[3.0] * 3] * 3
    assert results[2][1] == ["send", "recv", "broadcast"]


def test_a_stream_that_does_not_end_ends_the_ranks():
    def job(ranks):
        made, _ = over(ranks, done=False)
        jobs.train(made)

    with pytest.raises(ConnectionError, match="another rank did not answer within 300 s"):
        simulate(2, job)


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(NCCL, "library", "cupy")

    def job(ranks):
        jobs.train(over(ranks)[0], backend="numpy")

    with pytest.raises(InputError, match=r"arrays of cupy and the backend is numpy; use backend="):
        simulate(2, job)


def test_without_a_gpu_it_is_refused():
    if "cupy" in backends.available():
        pytest.skip("there is a GPU")
    with pytest.raises(BackendUnavailable, match=r"backend 'cupy.*' can't be used"):
        distributed.nccl(distributed.Single())
