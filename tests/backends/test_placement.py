"""A GPU for each process of a machine."""

import pytest

from bpnet import backends
from bpnet.backends import libraries, placement, registry
from bpnet.backends.base import DeviceInfo
from bpnet.backends.selection import Selection
from bpnet.cli import ranks as command


class Card:
    """A backend by its specification, as far as placement looks at one."""

    def __init__(self, spec):
        self.spec, self.name = spec, spec.split(":")[0]


@pytest.fixture
def cards(monkeypatch):
    """A machine with two GPUs."""

    class Adapter:
        def devices(self):
            return [DeviceInfo(spec, "") for spec in ("torch:cuda:0", "torch:cuda:1", "torch:cpu")]

    chosen = Selection(Card("torch:cuda:0"), "")
    monkeypatch.setattr(placement, "select", lambda asked: chosen)
    monkeypatch.setattr(libraries, "adapter", lambda name: Adapter())
    monkeypatch.setattr(registry, "get", Card)


@pytest.mark.parametrize("number", range(5))
def test_processes_take_turns(cards, number):
    assert placement.for_rank("torch", None, number).spec == f"torch:cuda:{number % 2}"
    assert placement.for_rank(None, None, number).spec == f"torch:cuda:{number % 2}"


@pytest.mark.parametrize(
    ("asked", "device"), [("torch:cuda:0", None), ("torch", 0), (backends.get("numpy"), None)]
)
def test_what_is_named_is_used(cards, asked, device):
    assert placement.for_rank(asked, device, 1) is asked


def test_without_a_gpu_nothing_is_placed():
    assert placement.for_rank("numpy", None, 3) == "numpy"


def test_a_resume_does_not_put_all_ranks_on_rank_0s_gpu():
    class Two:
        size = 2

    assert command.resumed_backend(Two, "cupy:0") == "cupy"
    assert command.resumed_backend(Two, "torch:cpu") == "torch:cpu"
    assert command.resumed_backend(None, "cupy:1") == "cupy:1"
