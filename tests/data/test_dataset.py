"""What users build by hand."""

import array_api_strict as xp
import numpy as np
import pytest

from bpnet.data import Dataset
from bpnet.errors import InputError


def test_lists_become_arrays() -> None:
    data = Dataset([[1, 2], [3, 4]], ["cat", "dog"])
    assert data.x.shape == (2, 2)
    assert data.y.tolist() == ["cat", "dog"]


def test_lists_held_out_become_arrays() -> None:
    data = Dataset([[1, 2], [3, 4]], [0, 1], test=([[5, 6]], [1]))
    assert data.test is not None
    assert data.test[0].shape == (1, 2)


def test_arrays_of_any_library_are_left_as_they_are() -> None:
    x, y = xp.zeros((3, 2)), xp.zeros(3)
    data = Dataset(x, y, scale=1 / 255)
    assert data.x is x
    assert data.y is y


X = np.zeros((3, 4), np.uint8)
Y = np.array([0, 1, 0])
BAD = {
    "pictures": ((X.reshape(3, 2, 2), Y), {}, "one example a row"),
    "one axis": ((np.zeros(3), Y), {}, "one example a row"),
    "lengths": ((X, Y[:2]), {}, r"y of shape \(2,\) does not fit 3 examples"),
    "three axes of y": ((X, np.zeros((3, 1, 1))), {}, "does not fit"),
    "test width": ((X, Y), {"test": (X[:, :3], Y)}, "test x has 3 columns"),
    "validation length": ((X, Y), {"validation": (X, Y[:1])}, "validation y of shape"),
    "scale nan": ((X, Y), {"scale": float("nan")}, "scale is nan"),
    "scale zero": ((X, Y), {"scale": 0}, "scale is 0"),
    "scale text": ((X, Y), {"scale": "1/255"}, "scale is '1/255'"),
    "scale true": ((X, Y), {"scale": True}, "scale is True; give a positive number such as 1/255"),
    "task": ((X, Y), {"task": "auto"}, "task 'auto'"),
    "shape": ((X, Y), {"shape": (3, 3)}, r"shape \(3, 3\) does not hold 4"),
    "validation alone": ((X, Y), {"validation": X}, r"validation is ndarray: give a pair"),
    "ragged": (([[1, 2], [3]], [0, 1]), {}, "rows of one length"),
}


@pytest.mark.parametrize(("arguments", "options", "message"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_is_refused(
    arguments: tuple[object, object], options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Dataset(*arguments, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
