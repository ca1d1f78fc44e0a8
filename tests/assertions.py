"""Assertions and helpers of many tests."""

from collections.abc import Callable
from typing import Any

import pytest

from bpnet import backends
from bpnet.check.report import difference
from bpnet.errors import InputError


def assert_close(actual: Any, desired: Any, bound: float, backend: backends.Backend) -> None:
    """Assert that an array lies on a backend and has the expected values.

    Parameters
    ----------
    actual : array of the backend
        Computed values. An array of another library or device fails, whatever its values are.
    desired : NumPy array or number, of the same shape
        Expected values.
    bound : float
        Largest :func:`difference` allowed.
    backend : Backend
        Backend on which ``actual`` must lie.
    """
    own = backends.of(actual)
    assert own == backend, f"the array is of {own.spec}, not of {backend.spec}"
    error = difference(backend.to_numpy(actual), desired)
    # not (error > bound), which a nan would pass
    assert error <= bound, f"relative difference {error:.3g}, bound {bound:.3g}"


def error_message(
    call: Callable[..., Any], *arguments: Any, kind: type[Exception] = InputError, **keywords: Any
) -> str:
    """Whole message of the error that a call raises."""
    with pytest.raises(kind) as error:
        call(*arguments, **keywords)
    return str(error.value)
