"""What tests assert of arrays of any backend."""

from typing import Any

import numpy as np

from bpnet import backends


def difference(actual: Any, desired: Any) -> float:
    """Norm of the difference over the norm of what is desired, or alone where that is 0."""
    a, d = np.asarray(actual, np.float64), np.asarray(desired, np.float64)
    assert a.shape == d.shape, f"shape {a.shape}, wanted {d.shape}"
    size = float(np.linalg.norm(d))
    return float(np.linalg.norm(a - d)) / (size or 1.0)


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
