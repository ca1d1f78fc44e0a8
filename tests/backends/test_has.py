"""Which dtypes a device is said to have: those that it can make an array of."""

import types

import numpy as np
import pytest

from bpnet.backends.numpy import NumPy


def broken(**dtypes):
    """A backend whose device makes no array of any dtype, for a reason of its own."""

    def zeros(shape, dtype, device):
        raise RuntimeError("the device is gone")

    class Broken(NumPy):
        xp = types.SimpleNamespace(zeros=zeros, **dtypes)

        def _from_host(self, x, *, copy):
            return zeros(x.shape, x.dtype, self.device)

    return Broken(device=object())


def test_a_dtype_that_the_device_refuses_or_the_library_lacks_is_missing():
    assert not broken(float16=np.float16).has("float16")
    assert not broken().has("float32")


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_a_dtype_of_every_device_is_not_said_to_be_missing(dtype):
    """What is wrong with the device shows itself, not as a dtype that the device lacks."""
    backend = broken(**{dtype: np.dtype(dtype)})
    assert backend.has(dtype)
    with pytest.raises(RuntimeError, match="the device is gone"):
        backend.asarray(np.ones(2, dtype))


def test_a_dtype_is_tried_on_the_backends_own_device():
    devices = []

    class Own(NumPy):
        xp = types.SimpleNamespace(
            float16=np.float16, zeros=lambda shape, dtype, device: devices.append(device)
        )

    assert Own(device="second").has("float16")
    assert devices == ["second"]
