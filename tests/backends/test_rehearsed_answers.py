"""Libraries that answer wrongly without an array, or that lose arrays of no rows."""

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import routes
from bpnet.errors import InputError
from tests.strangers import Converted, Dlpack, Library


class SaysYes(Library):
    def isdtype(self, dtype, kind):
        return True


class LosesNothing(Library):
    """Its way by DLPack refuses what is empty, as some libraries do."""

    def from_dlpack(self, x):
        if not np.from_dlpack(x).size:
            msg = "no elements"
            raise ValueError(msg)
        return self.box(np.array(np.from_dlpack(x)))

    def asarray(self, x, **options):
        if isinstance(x, np.ndarray):
            msg = "give lists"
            raise TypeError(msg)
        return super().asarray(x, **options)


def test_a_wrong_answer_about_a_dtype_is_refused():
    with pytest.raises(InputError, match="isdtype gives True, wanted False"):
        backends.get(SaysYes("mylib", Dlpack, Converted))


def test_a_way_that_loses_arrays_of_no_rows_is_not_taken():
    library = LosesNothing("mylib", Dlpack, Converted)
    some = routes._send_dlpack(library, np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(some.a, np.ones((2, 3)))
    actual = routes.find(library, "float32")
    assert actual.upload is not routes._send_dlpack
    for rows in (0, 2):
        x = np.ones((rows, 3), np.float32)
        sent = actual.upload(library, x)
        assert tuple(sent.shape) == (rows, 3)
        np.testing.assert_array_equal(actual.download(sent), x)
