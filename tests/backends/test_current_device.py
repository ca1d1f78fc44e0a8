"""Which device a name alone stands for: the one that its library is set to."""

import pytest

from bpnet import backends
from bpnet.backends import registry
from bpnet.backends.cupy import CuPy
from bpnet.errors import InputError


def test_a_name_follows_the_library_and_a_number_does_not(monkeypatch):
    monkeypatch.setattr(registry, "_open", lambda name, device: CuPy(device=int(device or 0)))
    for current in (0, 1, 3):
        monkeypatch.setattr(CuPy, "current", lambda self, current=current: CuPy(device=current))
        assert backends.get("cupy") == CuPy(device=current)
        assert backends.get("cupy:0") == backends.get("cupy", 0) == CuPy(device=0)
        assert backends.get("cupy:2") == CuPy(device=2)


@pytest.mark.parametrize("device", ["cpu", "cpu:0", "CPU:0"])
def test_numpy_has_one_device_by_both_of_its_names(device):
    assert backends.get("numpy", device) == backends.get(f"numpy:{device}") == backends.get("numpy")
    with pytest.raises(InputError, match="numpy has no device 'cpu:1'"):
        backends.get("numpy:cpu:1")
