"""Limits of what goes to a device."""

import numpy as np
import pytest

from bpnet import backends
from bpnet.errors import InputError


@pytest.mark.parametrize("value", [-(2**40), 2**40, -(2**31) - 1, 2**31])
def test_an_integer_that_the_device_has_no_type_for_is_refused_at_both_ends(value):
    pytest.importorskip("array_api_strict")
    narrow = backends.get("array_api_strict:no_x64")
    with pytest.raises(InputError, match="has no int64, and the values do not fit int32"):
        narrow.asarray(np.asarray([0, value]))


@pytest.mark.parametrize("value", [-(2**31), 2**31 - 1])
def test_one_that_fits_is_taken_as_it_is(value):
    pytest.importorskip("array_api_strict")
    narrow = backends.get("array_api_strict:no_x64")
    assert narrow.to_numpy(narrow.asarray(np.asarray([0, value]))).tolist() == [0, value]
