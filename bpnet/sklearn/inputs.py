"""Examples and targets as scikit-learn checks them; arrays on a device stay there."""

from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils import _safe_indexing, column_or_1d
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

import bpnet
from bpnet import backends
from bpnet.backends import Backend, libraries
from bpnet.data import batches
from bpnet.errors import InputError
from bpnet.training import Place


def is_foreign(X: Any) -> bool:
    """Whether X is an array that scikit-learn would copy to the host."""
    owner = libraries.owner(X)
    return owner is not None and owner.name != "numpy"


def rows(X: Any, numbers: Any) -> Any:
    """Return the rows of these numbers from examples of any kind."""
    if not is_foreign(X):
        return _safe_indexing(X, numbers)
    owner: Any = libraries.owner(X)
    # the standard has `take` for this; not every library indexes with an array
    return owner.xp.take(X, owner.asarray(numbers, dtype=owner.index_dtype), axis=0)


def choose(estimator: Any, X: Any) -> Backend:
    """Return the backend that an estimator names, or that holds ``X``."""
    if Place(backend=estimator.backend).is_fastest:
        msg = 'backend="fastest" is tried out by bpnet.train alone; name a backend, or leave it out'
        raise InputError(msg)
    like = X if is_foreign(X) else None
    return backends.select(estimator.backend, estimator.device, like=like).backend


def float_dtype(estimator: Any, X: Any, backend: Backend) -> str:
    """Return the dtype that an estimator names, or that of ``X`` if it is a narrow float."""
    if estimator.dtype is not None:
        return str(estimator.dtype)
    kept = str(getattr(X, "dtype", "float64")).rpartition(".")[2]
    if kept in {"float32", "float16", "bfloat16"}:
        # half precision is used only where the estimator names it
        return "float32"
    # a device may have no float64
    return "float64" if "float64" in backend.dtypes() else "float32"


def examples(estimator: Any, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
    """Return ``X`` and ``y``, checked and on the host, or ``X`` as it is on its device.

    With ``reset`` the number of features is stored; else it is compared with that of the fit.
    """
    numeric = is_regressor(estimator)
    if is_foreign(X):
        X = device_examples(estimator, X, choose(estimator, X), reset=reset)
        y = bpnet.to_numpy(y) if is_foreign(y) else y
        kind = "numeric" if numeric else None
        y = check_array(y, ensure_2d=False, input_name="y", estimator=estimator, dtype=kind)
        # the check takes NumPy arrays, and X is on a device
        check_consistent_length(np.empty(X.shape[0]), y)
    else:
        # of a list scikit-learn keeps float32, and makes float64 of everything else
        kinds: dict[Any, Any] = {None: [np.float64, np.float32], "float64": np.float64}
        X, y = validate_data(
            estimator, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=numeric,
            dtype=kinds.get(estimator.dtype, np.float32), reset=reset,
        )  # fmt: skip
    one_column = y.ndim == 2 and y.shape[1] == 1
    return X, column_or_1d(y, warn=True) if one_column else y


def device_examples(estimator: Any, X: Any, backend: Backend, *, reset: bool) -> Any:
    """Return ``X`` on its backend, after its numbers and its width are checked."""
    dtype = float_dtype(estimator, X, backend)
    with backend.session(dtype):
        X = batches.examples(X, None, backend=backend, dtype=dtype)
    if reset:
        estimator.n_features_in_ = int(X.shape[1])
        # names of a frame in an earlier fit do not belong to this array
        vars(estimator).pop("feature_names_in_", None)
    elif int(X.shape[1]) != estimator.n_features_in_:
        msg = f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
        raise ValueError(f"{msg}{estimator.n_features_in_} features as input.")
    return X
