"""PyTorch's way of bringing blocks to a GPU, as far as calls show it: no GPU has run this."""

import types

import numpy as np
import pytest

from bpnet.backends import torch as adapter

torch = pytest.importorskip("torch")


class Sent:
    """A tensor that writes down what is done with it."""

    def __init__(self, values, log):
        self.values, self.log = values, log

    def pin_memory(self):
        self.log.append(f"pinned {self.values.dtype}")
        return self

    def to(self, where, non_blocking=False):
        self.log.append(f"to {where}" if non_blocking else f"as {where}")
        return self

    def record_stream(self, stream):
        self.log.append(f"kept for {stream}")


class Stream:
    def __init__(self, device):
        self.device = device

    def record_event(self):
        return types.SimpleNamespace(synchronize=lambda: None)


def test_memory_that_is_still_read_is_kept_and_float64_stays_on_the_host(monkeypatch):
    log, cuda = [], torch.device("cuda:1")
    monkeypatch.setattr(adapter.Torch, "has", lambda self, dtype: True)
    monkeypatch.setattr(torch, "from_numpy", lambda x: Sent(x, log))
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: stream_of(log))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"the steps on {device}")
    adapter._copies.cache_clear()
    wait = adapter.Torch(device=cuda).send(np.arange(3.0), dtype="float32")
    assert log == ["pinned float32", "copies", "to cuda:1", "as torch.float32"]
    wait()
    assert log[-1] == "kept for the steps on cuda:1"
    adapter._copies.cache_clear()


class stream_of:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("copies")

    def __exit__(self, *error):
        pass
