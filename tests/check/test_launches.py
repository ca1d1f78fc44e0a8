"""Launches of a watched run: what a device computes, and no question about a dtype."""

import numpy as np

from bpnet.backends.numpy import NumPy
from bpnet.check.watch import Watch


def test_questions_are_no_launches():
    watch = Watch(NumPy())
    a = watch.asarray(np.ones(3, np.float32))
    watch.isdtype(a.dtype, "real floating")
    watch.result_type(a, watch.float32)
    assert [call.name for call in watch.calls[1:]] == ["isdtype", "result_type"]
    assert watch.launches() == 0
    watch.exp(a)
    assert a + a is not None
    assert watch.launches() == 2
