"""What tests assert of arrays of any backend."""

from typing import Any

from bpnet import backends
from bpnet.check.report import difference


def assert_close(actual: Any, desired: Any, bound: float, backend: backends.Backend) -> None:
    """An array lies on a backend and has the wanted values.

    Parameters
    ----------
    actual : array of the backend
        What was computed. An array of another library or device fails, however right it is.
    desired : NumPy array or number, of the same shape
        What is right.
    bound : float
        Largest :func:`difference` allowed.
    backend : Backend
        Where ``actual`` must be.
    """
    found = backends.of(actual)
    assert found == backend, f"the array is of {found.spec}, wanted {backend.spec}"
    error = difference(backend.to_numpy(actual), desired)
    # not (error > bound), which a nan would pass
    assert error <= bound, f"relative difference {error:.3g}, bound {bound:.3g}"
