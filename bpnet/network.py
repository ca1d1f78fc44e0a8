"""Network: the layers and their parameters, held on the host as NumPy arrays."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import backends
from bpnet._typing import Array
from bpnet.backends import dtypes
from bpnet.core import activations, initializers
from bpnet.core.activations import Activation
from bpnet.core.feedforward import Parameters
from bpnet.core.initializers import Initializer
from bpnet.core.layers import Dense
from bpnet.data import batches, draws
from bpnet.errors import InputError


class Network:
    """A feedforward network.

    Parameters
    ----------
    sizes : sequence of int, or of layers
        Neurons of each layer, input first; or the layers themselves, the last one dense.
    hidden : str, Activation or a sequence with one per hidden layer
        sigma of the hidden layers.
    output : str or Activation
        sigma of the output layer.
    init : str, Initializer or a sequence with one per layer
        First weights; an entry of a sequence may also be the arrays ``(W, b)``, ``W`` in the
        paper's orientation (n_out, n_in). The default suits each activation.
    seed : int
        The first weights are a function of it and of the layer's number.

    Attributes
    ----------
    layers : tuple of layers
        What each does, without its arrays.
    weights, biases : sequence of arrays, (n_out, n_in) and (n_out,)
        Of the dense layers; items can be set.
    classes : array, (n,), or None
        Names of the classes, from the labels it was trained with.
    scale : float or None
        What integer inputs are multiplied by.

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
        hidden: str | Activation | Sequence[str | Activation] = "sigmoid",
        output: str | Activation = "softmax",
        init: str | Initializer | Sequence[Any] = "auto",
        seed: int = 0,
    ) -> None:
        if not isinstance(sizes, Sequence | np.ndarray) or isinstance(sizes, str):
            msg = f"sizes is {sizes!r}; give the neurons of each layer, such as [784, 30, 10]"
            raise InputError(msg)
        sizes = [int(n) if isinstance(n, np.integer) else n for n in sizes]
        if sizes and all(hasattr(layer, "forward") for layer in sizes):
            self.layers = tuple(sizes)
        else:
            self.layers = _dense_layers(sizes, hidden, output)
        _check_chain(self.layers)
        self.classes: np.ndarray[Any, Any] | None = None
        self.scale: float | None = None
        self.parameters = _first_parameters(self.layers, init, seed)

    @property
    def sizes(self) -> list[int]:
        """Neurons of each layer, input first."""
        dense = self.dense
        return [dense[0].n_in, *(layer.n_out for layer in dense)]

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
    def weights(self) -> "_Arrays":
        """Weights W of each dense layer, (n_out, n_in), the paper's orientation."""
        return _Arrays(self, 0, "weights")

    @property
    def biases(self) -> "_Arrays":
        """Biases b of each dense layer, (n_out,)."""
        return _Arrays(self, 1, "biases")

    def predict(
        self, X: Array, backend: Any = None, device: Any = None, dtype: str | None = None
    ) -> np.ndarray[Any, Any]:
        """Outputs a^L, in batches of bounded size.

        Parameters
        ----------
        X : array, (m, n_0)
            Examples, of any library; integers are multiplied by :attr:`scale`.
        backend, device : optional
            Where to compute; the default is where ``X`` is, or NumPy.
        dtype : str, optional
            The default is that of the weights.

        Returns
        -------
        numpy array, (m, n_L)
            The outputs.

        Raises
        ------
        InputError
            If ``X`` has the wrong shape or is not finite.
        BackendUnavailable
            If the named backend does not work here.
        """
        X = batches.as_array(X, "X")
        chosen = backends.select(backend, device, like=X).backend
        dtype = dtype or self.dtype
        dtypes.check_float(dtype)
        with chosen.session(dtype):
            return batches.predict(
                self.layers, self.parameters, X, scale=self.scale, backend=chosen, dtype=dtype
            )

    def classify(self, X: Array, backend: Any = None, device: Any = None) -> np.ndarray[Any, Any]:
        """Class of each example: the name of the largest output.

        One output means two classes and a threshold of 0.5; several sigmoid outputs without
        class names mean labels that do not exclude each other, and give rows of 0 and 1.

        Parameters
        ----------
        X : array, (m, n_0)
            Examples.
        backend, device : optional
            As in :meth:`predict`.

        Returns
        -------
        numpy array, (m,) or (m, n_L)
            Classes.
        """
        return self.decide(self.predict(X, backend, device))

    def decide(self, a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Class of each row of outputs ``a``, (m, n_L), as :meth:`classify` says."""
        middle = 0.5 if isinstance(self.output, activations.Sigmoid) else 0.0
        if a.shape[1] == 1:
            number = (a[:, 0] > middle).astype(np.int64)
        elif self.classes is None and isinstance(self.output, activations.Sigmoid):
            return (a > middle).astype(np.int64)
        else:
            number = np.argmax(a, axis=1)
        return number if self.classes is None else self.classes[number]

    def save(self, path: str | Path) -> Path:
        """Write the network to a safetensors file; see :func:`bpnet.load`."""
        from bpnet import model_file

        return model_file.save_network(self, path)

    def __repr__(self) -> str:
        sigmas = [type(layer.activation).__name__ for layer in self.dense]
        return f"Network({self.sizes}, {', '.join(sigmas)})"


class _Arrays(Sequence[Any]):
    """One array of each dense layer, in the paper's orientation; items can be set."""

    def __init__(self, network: Network, which: int, name: str) -> None:
        self._network = network
        self._which = which
        self._name = name
        self._at = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, l: Any) -> Any:
        if isinstance(l, slice):
            return [self[i] for i in range(len(self))[l]]
        return self._network.parameters[self._at[l]][self._which].T

    def __setitem__(self, l: int, value: Array) -> None:
        if isinstance(l, slice):
            msg = f"{self._name} can be set one layer at a time, not as a slice; give its number"
            raise InputError(msg)
        array = as_float(value, f"{self._name}[{l}]")
        old = self[l]
        if array.shape != old.shape:
            msg = f"{self._name}[{l}] was given shape {array.shape}; its layer takes {old.shape}"
            raise InputError(msg)
        layers = list(self._network.parameters)
        arrays = list(layers[self._at[l]])
        arrays[self._which] = np.ascontiguousarray(array.T)
        layers[self._at[l]] = tuple(arrays)
        self._network.parameters = tuple(layers)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<{self._name}: {', '.join(str(a.shape) for a in self)}>"


def as_float(value: Array, name: str) -> np.ndarray[Any, Any]:
    """NumPy copy of a float32 or float64 array, other numbers as float64, all finite.

    Raises
    ------
    InputError
        If it is not made of finite numbers.
    """
    array = np.array(backends.to_numpy(batches.as_array(value, name)))
    if array.dtype.kind not in "biuf":
        msg = f"{name} was given {array.dtype}; give real numbers"
        raise InputError(msg)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        msg = f"{name} has a value that is not finite; give finite numbers"
        raise InputError(msg)
    return array


def _dense_layers(sizes: Sequence[Any], hidden: Any, output: Any) -> tuple[Dense, ...]:
    if len(sizes) < 2:
        msg = f"sizes is {sizes!r}; give at least an input and an output, such as [784, 30, 10]"
        raise InputError(msg)
    one_each = isinstance(hidden, Sequence) and not isinstance(hidden, str)
    sigmas = [*hidden] if one_each else [hidden] * (len(sizes) - 2)
    if len(sigmas) != len(sizes) - 2:
        msg = f"hidden has {len(sigmas)} activations for {len(sizes) - 2} hidden layers; match them"
        raise InputError(msg)
    return tuple(
        Dense(n_in, n_out, sigma)
        for n_in, n_out, sigma in zip(sizes[:-1], sizes[1:], [*sigmas, output], strict=True)
    )


def _check_chain(layers: Sequence[Any]) -> None:
    if not layers or not isinstance(layers[-1], Dense):
        msg = "the last layer must be Dense: its activation is the network's output"
        raise InputError(msg)
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    for l, (below, above) in enumerate(pairwise(dense), start=1):
        if below.n_out != above.n_in:
            msg = f"layer {l} gives {below.n_out} values and layer {l + 1} takes {above.n_in}"
            raise InputError(f"{msg}; make them equal")
    for l, layer in enumerate(dense[:-1], start=1):
        if isinstance(layer.activation, activations.Softmax) and layer.n_out == 1:
            msg = f"hidden layer {l} is a softmax of one neuron, always 1; choose another"
            raise InputError(msg)
    if isinstance(dense[-1].activation, activations.Softmax) and dense[-1].n_out == 1:
        msg = "the output is a softmax of one neuron, always 1; use sigmoid for two classes"
        raise InputError(msg)


def _first_parameters(layers: Sequence[Any], init: Any, seed: int) -> Parameters:
    one_each = isinstance(init, Sequence) and not isinstance(init, str)
    rules = [*init] if one_each else [init] * len(layers)
    if len(rules) != len(layers):
        msg = f"init has {len(rules)} entries for {len(layers)} layers; match them"
        raise InputError(msg)
    return tuple(
        _draw(layer, rule, draws.HostDraw(draws.generator(seed, "weights", l)), l)
        for l, (layer, rule) in enumerate(zip(layers, rules, strict=True))
    )


def _draw(layer: Any, rule: Any, draw: draws.HostDraw, l: int) -> tuple[Array, ...]:
    if not isinstance(layer, Dense):
        return ()
    if isinstance(rule, tuple | list) and len(rule) == 2:
        W, b = (as_float(array, f"init[{l}]") for array in rule)
        if W.shape != layer.shapes[0][::-1] or b.shape != layer.shapes[1]:
            msg = f"init[{l}] has shapes {W.shape} and {b.shape}; layer {l} takes "
            raise InputError(msg + f"{layer.shapes[0][::-1]} and {layer.shapes[1]}")
        return np.ascontiguousarray(W.T), b
    make: Callable[..., Any] = (
        layer.init
        if isinstance(rule, str) and rule == "auto"
        else initializers.get(rule, layer.activation)
    )
    W, b = make(draw, layer.n_in, layer.n_out, xp=np)
    if (W.shape, b.shape) != layer.shapes:
        msg = f"the initializer of layer {l} gave shapes {W.shape} and {b.shape}; it must give "
        raise InputError(
            msg + f"{layer.shapes[0]} and {layer.shapes[1]}, (n_in, n_out) and (n_out,)"
        )
    return np.ascontiguousarray(W), b
