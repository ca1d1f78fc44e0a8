"""Base class of networks and ensembles: it encodes rows of a table, and decides by the outputs."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.arguments import checked
from bpnet.core import metrics
from bpnet.core.activations import Activation, Sigmoid
from bpnet.core.namespace import namespace_of
from bpnet.data import Columns, raw
from bpnet.errors import InputError

_log = logging.getLogger("bpnet")


class BaseModel:
    """Base of models, whose outputs stand for a class, labels or amounts.

    Attributes
    ----------
    sizes : list of int
        Neurons of each layer, input first.
    output : Activation
        Activation of the output layer.
    classes : array, (n,), or None
        Names of the classes.
    labels : bool
        Whether each output is a label of its own, so that several can be true.
    columns : Columns or None
        Encodings of the columns of a table.
    """

    if TYPE_CHECKING:  # a network has them itself, an ensemble from its first member

        @property
        def sizes(self) -> list[int]:
            """Neurons of each layer, input first."""

        @property
        def output(self) -> Activation:
            """Activation of the output layer."""

        @property
        def classes(self) -> Any:
            """Names of the classes."""

        @property
        def labels(self) -> bool:
            """Whether each output is a label of its own, so that several can be true."""

        @property
        def scale(self) -> float | None:
            """Factor of integer inputs, or None."""

        @property
        def columns(self) -> Columns | None:
            """Encodings of the columns of a table, or None."""

    @checked
    def encode(self, rows: Any) -> np.ndarray[Any, Any]:
        """Encode rows of a table that has the columns of the training table.

        A cell that cannot be used is replaced; a warning for each column counts such cells.

        Parameters
        ----------
        rows : frame of pandas or polars, dict, list of dict, str or Path
            Columns by their names, in any order; further columns are ignored. Or a file's name.

        Returns
        -------
        numpy array of float32, (m, n_0)
            Inputs of :meth:`predict`.

        Raises
        ------
        InputError
            If the model was not trained with a table, or a column or cell cannot be used.
        """
        if self.columns is None:
            msg = "the network was not trained on a table; give an array of inputs to predict"
            raise InputError(msg)
        x, notes = raw.encoded(rows, self.columns)
        for note in notes:
            _log.warning("%s", note)
        return x

    def answer(self, a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the answers for rows of a table from outputs ``a``: class names, or amounts."""
        if self.columns is None or self.columns.task != "regress":
            return self.decide(a)
        # decoding is in float64, and the answer keeps the dtype of the outputs
        amounts = self.columns.decode_target(a).astype(a.dtype)
        return amounts[:, 0] if amounts.shape[1] == 1 else amounts

    def decide(self, a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the class of each row of outputs ``a``, (m, n_L), as :meth:`classify` does."""
        if self.columns is not None and self.columns.task == "regress":
            raise InputError("the model predicts amounts and has no classes; use predict")
        numbers: np.ndarray[Any, Any] = class_numbers(self, a, xp=namespace_of(a))
        return numbers if self.classes is None else np.asarray(self.classes)[numbers]


def class_numbers(network: BaseModel, a: Array, *, xp: Namespace) -> Array:
    """Return the class number, (m,), or the labels, (m, n_L), of each row of outputs ``a``."""
    # several sigmoids without class names are labels, which do not exclude one another
    several = isinstance(network.output, Sigmoid) and network.classes is None
    one = network.sizes[-1] == 1
    kind: metrics.Kind = "threshold" if one or network.labels or several else "class"
    numbers = metrics.decide(a, kind, metrics.middle(network.output), xp=xp)
    return numbers[:, 0] if one else numbers
