"""Backend and results of the paper's experiments."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.backends import Backend

Host = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Results:
    """Results of an experiment.

    Parameters
    ----------
    curves : dict of numpy arrays
        Arrays that the figures show.
    numbers : dict of float
        Numbers that the text cites.
    """

    curves: dict[str, Host]
    numbers: dict[str, float]


@dataclass(frozen=True)
class Lab:
    """A backend in the widest dtype that it has.

    Parameters
    ----------
    backend : Backend
        Where everything is computed.
    """

    backend: Backend

    @property
    def dtype(self) -> str:
        """The widest floating dtype."""
        return self.backend.dtypes()[0]

    def put(self, values: Any) -> Array:
        """Return a new array on the backend."""
        # a copy, as an update may write to the arrays that it is given
        return self.backend.asarray(np.asarray(values, np.float64), dtype=self.dtype, copy=True)

    def get(self, values: Array) -> Host:
        """Return the values on the host, in float64."""
        return np.asarray(self.backend.to_numpy(values), np.float64)
