"""Network: the layers and their parameters, NumPy arrays on the host."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from bpnet import backends
from bpnet._typing import Array
from bpnet.arguments import accepted, checked
from bpnet.backends import dtypes
from bpnet.core.activations import Activation
from bpnet.core.initializers import Initializer
from bpnet.core.layers import Dense
from bpnet.data import Columns, batches, labels, raw
from bpnet.data.dataset import checked_scale
from bpnet.errors import InputError
from bpnet.model import assembly
from bpnet.model.base import BaseModel
from bpnet.model.parameter_view import ParameterView
from bpnet.model.saving import save_network
from bpnet.model.summary import Summary, summary


@checked
class Network(BaseModel):
    """A feedforward network.

    The defaults are those of ``bpnet train``. The paper's own network has ``hidden="sigmoid"`` and
    ``output="sigmoid"``, and is trained with ``optimizer="sgd"`` and ``cost="quadratic"``.

    Parameters
    ----------
    sizes : sequence of int, or of layers
        Neurons of each layer, input first; or the layers themselves, the last one dense.
    hidden : str, Activation or a sequence with one per hidden layer, optional
        sigma of the hidden layers; the default is "relu".
    output : str or Activation, optional
        sigma of the output layer. The default is "softmax", for classes, or for a single output
        "identity", for an amount; for two classes with one output give "sigmoid".
    init : str, Initializer or a sequence with one per layer, or per dense layer
        First weights; an entry of a sequence may also be the arrays ``(W, b)``, ``W`` in the
        paper's orientation (n_out, n_in). The default suits each activation.
    seed : int
        The first weights are a function of the seed and of the layer's number.
    norm : {"batch", "layer"}, optional
        Normalization of each hidden layer before its activation; not where ``sizes`` has layers.

    Attributes
    ----------
    layers : tuple of layers
        The layers, which have no arrays.
    parameters : tuple of tuples of arrays
        Arrays of each layer as core takes them: ``W`` is (n_in, n_out).
    weights, biases : sequence of arrays, (n_out, n_in) and (n_out,)
        Arrays of the dense layers; items can be set.
    classes : array, (n,), or None
        Names of the classes, from the labels of training.
    labels : bool
        Whether each output is a label of its own, so that several can be true.
    scale : float or None
        Factor of integer inputs.
    columns : bpnet.data.Columns or None
        Encodings of the columns of the table on which the network was trained.
    guessed : bool
        Whether the activation of the output layer is the default, which training may replace.

    Raises
    ------
    InputError
        If a size, an activation, an initializer or an array cannot be used.

    Examples
    --------
    >>> net = Network([2, 3, 1], hidden="tanh", output="sigmoid", seed=1)
    >>> net.weights[0].shape, net.biases[0].shape
    ((3, 2), (3,))
    >>> net.predict([[0.5, -0.5]]).shape
    (1, 1)
    """

    def __init__(
        self,
        sizes: Sequence[Any],
        hidden: str | Activation | Sequence[str | Activation] | None = None,
        output: str | Activation | None = None,
        init: str | Initializer | Sequence[Any] = "auto",
        seed: int = 0,
        norm: Annotated[str, "'batch' or 'layer'"] | None = None,
    ) -> None:
        # a str is a Sequence too
        if not isinstance(sizes, Sequence | np.ndarray) or isinstance(sizes, str):
            msg = f"sizes is {sizes!r}; give the neurons of each layer, such as [784, 30, 10]"
            raise InputError(msg)
        self.layers = assembly.layers_of([*sizes], hidden, output, norm)
        # layers that are given have the activation that the user chose
        self.guessed = output is None and not hasattr(sizes[0], "forward")
        assembly.check_chain(self.layers)
        # classes and labels exclude each other, so that each setter reads both fields
        self._labels = False
        self._classes: np.ndarray[Any, Any] | None = None
        self._scale: float | None = None
        self._columns: Columns | None = None
        self.parameters = assembly.first_parameters(self.layers, init, seed)

    @property
    def classes(self) -> np.ndarray[Any, Any] | None:
        """Names of the classes, (n,), or None."""
        return self._classes

    @classes.setter
    def classes(self, names: Any) -> None:
        # one output stands for two classes
        count = max(self.sizes[-1], 2)
        self._classes = None if names is None else labels.named(names, count=count)
        self._labels = self._labels and names is None  # classes exclude one another

    @property
    def labels(self) -> bool:
        """Whether each output is a label of its own, so that several can be true."""
        return self._labels

    @labels.setter
    def labels(self, several: bool) -> None:
        if accepted("labels", several, bool) and self._classes is not None:
            msg = f"labels is True beside the classes {self._classes.tolist()}, which exclude one "
            raise InputError(f"{msg}another; set classes to None first")
        self._labels = bool(several)

    @property
    def scale(self) -> float | None:
        """Factor of integer inputs, or None."""
        return self._scale

    @scale.setter
    def scale(self, scale: float | None) -> None:
        self._scale = checked_scale(scale)

    @property
    def columns(self) -> Columns | None:
        """Encodings of a table's columns, or None."""
        return self._columns

    @columns.setter
    def columns(self, columns: Columns | None) -> None:
        accepted("columns", columns, Columns | None)
        # each feature of the encoded table is one input
        if columns is not None and len(columns.features) != self.sizes[0]:
            msg = f"columns make {len(columns.features)} inputs and the network has {self.sizes[0]}"
            raise InputError(f"{msg}; give those that it was trained with")
        self._columns = columns

    @property
    def sizes(self) -> list[int]:
        """Neurons of each layer, input first."""
        return [self.dense[0].n_in, *(layer.n_out for layer in self.dense)]

    @property
    def dense(self) -> list[Dense]:
        """The layers that have weights."""
        return [layer for layer in self.layers if isinstance(layer, Dense)]

    @property
    def output(self) -> Activation:
        """Activation of the output layer."""
        activation: Activation = self.layers[-1].activation
        return activation

    @property
    def dtype(self) -> str:
        """Dtype of the weights and biases; the widest, where they differ."""
        return str(np.result_type(*(a for arrays in self.parameters for a in arrays)))

    @property
    def weights(self) -> ParameterView:
        """Weights W of each dense layer, (n_out, n_in), the paper's orientation."""
        return ParameterView(self, 0, "weights")

    @property
    def biases(self) -> ParameterView:
        """Biases b of each dense layer, (n_out,)."""
        return ParameterView(self, 1, "biases")

    @checked
    def predict(
        self, X: Array, backend: Any = None, device: Any = None, dtype: dtypes.Float | None = None
    ) -> np.ndarray[Any, Any]:
        """Return the outputs a^L, in batches of bounded size; or the answers for rows of a table.

        Parameters
        ----------
        X : array, (m, n_0), or rows
            Examples, of any library; integers are multiplied by :attr:`scale`. Where the network
            has :attr:`columns`, also the rows of a table as they are, as :meth:`encode` takes them.
        backend, device : optional
            Where to compute; the default is where ``X`` is, or NumPy.
        dtype : str, optional
            The default is the weights' dtype.

        Returns
        -------
        numpy array, (m, n_L), or (m,)
            Outputs; for rows of a table class names, or amounts in the target's unit.

        Raises
        ------
        InputError
            If ``X`` has the wrong shape or is not finite, or a column is missing.
        BackendUnavailable
            If the named backend does not work here.
        """
        if self.columns is not None and raw.is_raw(X):
            return self.answer(self.predict(self.encode(X), backend, device, dtype))
        X = batches.as_array(X, "X")
        chosen = backends.select(backend, device, like=X).backend
        dtype = dtype or self.dtype
        dtypes.check_float(dtype)
        with chosen.session(dtype):
            return batches.predict(
                self.layers, self.parameters, X, scale=self.scale, backend=chosen, dtype=dtype
            )

    @checked
    def classify(self, X: Array, backend: Any = None, device: Any = None) -> np.ndarray[Any, Any]:
        """Return the class of each example: the name of the largest output.

        One output means two classes and a threshold of 0.5, or of 0 where outputs are no
        probabilities. Labels that do not exclude each other give rows of 0 and 1: where
        :attr:`labels` is set, and for several sigmoid outputs without class names.

        Parameters
        ----------
        X : array, (m, n_0), or rows
            Examples, as in :meth:`predict`.
        backend, device : optional
            As in :meth:`predict`.

        Returns
        -------
        numpy array, (m,) or (m, n_L)
            Classes.

        Raises
        ------
        InputError
            If the network was trained on a table whose target is an amount; or as in
            :meth:`predict`.
        """
        if self.columns is not None and raw.is_raw(X):
            X = self.encode(X)
        return self.decide(self.predict(X, backend, device))

    @checked
    def save(self, path: str | Path) -> Path:
        """Write the network to a safetensors file; see :func:`bpnet.load`."""
        return save_network(self, path)

    def summary(self) -> Summary:
        """Return layers, shapes, parameters and memory as a table that prints itself.

        Examples
        --------
        >>> Network([4, 3, 2], seed=0).summary()
        Network([4, 3, 2], ReLU, Softmax)
        layer  kind   outputs  activation  parameters
            0  input        4
            1  Dense        3  ReLU                15
            2  Dense        2  Softmax              8
        23 parameters, 184 bytes in float64; 40 bytes of activations an example
        """
        return summary(self)

    def _repr_html_(self) -> str:
        """Return HTML that a notebook shows: a drawing, and the summary."""
        return self.summary()._repr_html_()

    def __repr__(self) -> str:
        sigmas = [type(layer.activation).__name__ for layer in self.dense]
        return f"Network({self.sizes}, {', '.join(sigmas)})"


def check_alike(networks: Sequence[Network], name: str) -> None:
    """Refuse networks that differ in inputs, outputs or classes; ``name`` is their collection's."""
    first = _interface(networks[0])
    # messages count from 1
    for i, network in enumerate(networks[1:], start=2):
        for what, value in _interface(network).items():
            if value != first[what]:
                msg = f"network {i} of the {name} has {what} {value} and the first {first[what]}"
                raise InputError(f"{msg}; make them the same")


def _interface(network: Network) -> dict[str, Any]:
    return {
        "inputs": network.sizes[0],
        "outputs": network.sizes[-1],
        "output activation": network.output,
        "scale": network.scale,
        "class names": None if network.classes is None else network.classes.tolist(),
        "labels": network.labels,
    }
