"""Arrays whose bytes are in the order of another machine, as some files have them."""

import numpy as np
import pytest

from bpnet import backends


@pytest.mark.parametrize("kind", [">f4", "<f4", ">i4", "<i4", ">f2"])
def test_what_arrives_is_in_the_order_of_this_machine(kind, backend):
    x = np.asarray([[1.0, -2.0], [3.0, 4.0]]).astype(kind)
    host = backend.to_numpy(backend.asarray(x))
    assert host.dtype.isnative
    np.testing.assert_array_equal(host, x.astype(np.float64))
    assert backends.get("numpy").asarray(x).dtype.isnative
