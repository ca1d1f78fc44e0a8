"""What a network and an ensemble share: a table's rows encoded, and outputs told as answers."""

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


class Answering:
    """Base of models, whose outputs are classes, labels or amounts.

    Attributes
    ----------
    sizes : list of int
        Neurons of each layer, input first.
    output : Activation
        Of the output layer.
    classes : array, (n,), or None
        Names of the classes.
    labels : bool
        Whether each output is right or wrong by itself.
    columns : Columns or None
        What was learned of a table's columns.
    """

    if TYPE_CHECKING:  # each model has them in its own way

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
            """Whether each output is right or wrong by itself."""

        @property
        def scale(self) -> float | None:
            """What integer inputs are multiplied by."""

        @property
        def columns(self) -> Columns | None:
            """What was learned of a table's columns."""

    @checked
    def encode(self, rows: Any) -> np.ndarray[Any, Any]:
        """Inputs for rows of a table like the one that the model was trained with.

        What is put in place of cells that cannot be used is told as a warning, a line a column.

        Parameters
        ----------
        rows : frame of pandas or polars, dict, list of dict, str or Path
            Columns by their names, in any order, others beside them; or a file's name.

        Returns
        -------
        numpy array of float32, (m, n_0)
            What :meth:`predict` gives the outputs a^L of.

        Raises
        ------
        InputError
            If the model was not trained with a table, or a column or cell cannot be used.
        """
        if self.columns is None:
            msg = "the network knows no columns of a table; give an array of its inputs to predict"
            raise InputError(msg)
        x, notes = raw.encoded(rows, self.columns)
        for note in notes:
            _log.warning("%s", note)
        return x

    def answer(self, a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Answers of outputs ``a``, (m, n_L), to a table's rows: class names, or amounts."""
        if self.columns is None or self.columns.task != "regress":
            return self.decide(a)
        amounts = self.columns.decode_target(a).astype(a.dtype)
        return amounts[:, 0] if amounts.shape[1] == 1 else amounts

    def decide(self, a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Class of each row of outputs ``a``, (m, n_L), as :meth:`classify` says."""
        found: np.ndarray[Any, Any] = class_numbers(self, a, xp=namespace_of(a))
        return found if self.classes is None else np.asarray(self.classes)[found]


def class_numbers(network: Answering, a: Array, *, xp: Namespace) -> Array:
    """Class number or labels of each row of a network's outputs ``a``, of any library."""
    several = isinstance(network.output, Sigmoid) and network.classes is None
    one = network.sizes[-1] == 1
    kind: metrics.Kind = "threshold" if one or network.labels or several else "class"
    found = metrics.decide(a, kind, metrics.middle(network.output), xp=xp)
    return found[:, 0] if one else found
