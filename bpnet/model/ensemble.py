"""``Ensemble``: several networks that predict the mean of their outputs."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from bpnet import backends
from bpnet._typing import Array
from bpnet.arguments import checked
from bpnet.backends import dtypes
from bpnet.core.activations import Activation, Identity
from bpnet.data import Columns, batches, raw
from bpnet.errors import InputError
from bpnet.model import reading, saving
from bpnet.model.base import BaseModel
from bpnet.model.network import Network, check_alike
from bpnet.model.summary import Summary, of_all
from bpnet.storage import checksummed, disk, strict_json

Host = np.ndarray[Any, Any]

FORMAT, _VERSION = "bpnet ensemble", 1


@checked
class Ensemble(BaseModel):
    """Networks with the same inputs, outputs and classes, whose outputs are averaged.

    Parameters
    ----------
    networks : sequence of Network
        The members, at least one, such as the networks of one call of :func:`bpnet.train`.

    Attributes
    ----------
    networks : tuple of Network
        The members.

    Raises
    ------
    InputError
        If there is no network, or inputs, outputs or classes of the networks differ.

    Examples
    --------
    >>> import bpnet
    >>> data = bpnet.data.load("digits")
    >>> nets = [bpnet.Network([64, 16, 10], hidden="relu", seed=seed) for seed in range(4)]
    >>> _ = bpnet.train(nets, data, epochs=5, seed=[0, 1, 2, 3])
    >>> both = bpnet.Ensemble(nets)
    >>> X, y = data.test
    >>> alone = [(net.classify(X) == y).mean() for net in nets]
    >>> bool((both.classify(X) == y).mean() > sum(alone) / 4)
    True
    >>> both.spread(X).shape
    (359, 10)
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self.networks = tuple(networks)
        if not self.networks:
            msg = "an ensemble needs at least one network; give some"
            raise InputError(msg)
        other = next((n for n in self.networks if not isinstance(n, Network)), None)
        if other is not None:
            msg = f"an ensemble was given {type(other).__name__}; give bpnet.Network objects"
            raise InputError(msg)
        check_alike(self.networks, "ensemble")

    def __len__(self) -> int:
        return len(self.networks)

    @property
    def sizes(self) -> list[int]:
        """Neurons of each layer of the first member, input first."""
        return self.networks[0].sizes

    @property
    def output(self) -> Activation:
        """Activation of the output layers."""
        return self.networks[0].output

    @property
    def classes(self) -> Host | None:
        """Names of the classes."""
        return self.networks[0].classes

    @property
    def labels(self) -> bool:
        """Whether each output is a label of its own, so that several can be true."""
        return self.networks[0].labels

    @property
    def scale(self) -> float | None:
        """Factor of integer inputs, or None."""
        return self.networks[0].scale

    @property
    def columns(self) -> Columns | None:
        """Encodings of the columns of a table, or None."""
        return self.networks[0].columns

    @property
    def dtype(self) -> str:
        """Dtype of the weights and biases; the widest, where they differ."""
        return str(np.result_type(*(network.dtype for network in self.networks)))

    @checked
    def outputs(
        self, X: Array, backend: Any = None, device: Any = None, dtype: dtypes.Float | None = None
    ) -> Host:
        """Return the outputs a^L of each member.

        Parameters
        ----------
        X : array, (m, n_0), or rows
            Examples, as in :meth:`bpnet.Network.predict`.
        backend, device, dtype : optional
            As in :meth:`bpnet.Network.predict`.

        Returns
        -------
        numpy array, (members, m, n_L)
            Outputs a^L.

        Raises
        ------
        InputError
            If ``X`` has the wrong shape or is not finite.
        BackendUnavailable
            If the named backend does not work here.
        """
        if self.columns is not None and raw.is_raw(X):
            X = self.encode(X)
        return self._each([network.layers for network in self.networks], X, backend, device, dtype)

    def weighted_inputs(
        self, X: Array, backend: Any = None, device: Any = None, dtype: dtypes.Float | None = None
    ) -> Host:
        """Return the weighted inputs z^L of each member's output layer, (members, m, n_L).

        Parameters are those of :meth:`outputs`.
        """
        # with the identity as its activation the last layer's output is z^L
        linear = [
            (*network.layers[:-1], replace(network.layers[-1], activation=Identity()))
            for network in self.networks
        ]
        return self._each(linear, X, backend, device, dtype)

    def _each(self, chains: list[Any], X: Array, backend: Any, device: Any, dtype: Any) -> Host:
        """Return the outputs of each member, (members, m, n_L), with its chain of layers."""
        X = batches.as_array(X, "X")
        chosen = backends.select(backend, device, like=X).backend
        dtype = dtype or self.dtype
        dtypes.check_float(dtype)
        how: dict[str, Any] = {"scale": self.scale, "backend": chosen, "dtype": dtype}
        rows = []
        with chosen.session(dtype):
            # the examples are brought to the device once for all members
            stored = batches.examples(
                X, self.sizes[0], backend=chosen, dtype=dtype, scale=self.scale
            )
            # hidden layers may differ between members, which are computed one after another
            for network, chain in zip(self.networks, chains, strict=True):
                arrays = batches.on_device(network.parameters, backend=chosen, dtype=dtype)
                rows.append(batches.outputs(chain, arrays, stored, **how))
        return np.stack(rows)

    @checked
    def predict(
        self, X: Array, backend: Any = None, device: Any = None, dtype: dtypes.Float | None = None
    ) -> Host:
        """Return the mean of the outputs, (m, n_L), or the answers for rows of a table, (m,).

        Parameters are those of :meth:`bpnet.Network.predict`.
        """
        if self.columns is not None and raw.is_raw(X):
            # the outputs are averaged before they are decoded to classes or amounts
            return self.answer(self.predict(self.encode(X), backend, device, dtype))
        mean: Host = self.outputs(X, backend, device, dtype).mean(axis=0)
        return mean

    @checked
    def spread(self, X: Array, backend: Any = None, device: Any = None) -> Host:
        """Return the standard deviation of the members' outputs, (m, n_L): how far they disagree.

        The divisor is the number of members, so that the spread of one member is 0. Whoever needs
        the mean too computes both from :meth:`outputs`, which then runs once.
        """
        deviation: Host = self.outputs(X, backend, device).std(axis=0)
        return deviation

    @checked
    def classify(self, X: Array, backend: Any = None, device: Any = None) -> Host:
        """Return the class of each example by the mean, as :meth:`bpnet.Network.classify` does."""
        # the class of the mean output, not the one that most members choose
        return self.decide(self.outputs(X, backend, device).mean(axis=0))

    @checked
    def save(self, path: str | Path) -> Path:
        """Write all members to one safetensors file.

        Parameters
        ----------
        path : str or Path
            A name that ends in ``.safetensors``.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the file cannot be written, or a layer is not one of bpnet's own.
        """
        path = saving.writable(path)
        parts = [saving.describe(network) for network in self.networks]
        described = {
            "format": FORMAT, "version": _VERSION, "networks": [text for text, _ in parts],
        }  # fmt: skip
        tensors = {
            # the names of a network's file, with the number of the member in front
            f"{i}.{name}": array
            for i, (_, arrays) in enumerate(parts)
            for name, array in arrays.items()
        }
        disk.write(path, checksummed.encode(json.dumps(described), tensors))
        return path

    @classmethod
    @checked
    def load(cls, path: str | Path) -> "Ensemble":
        """Read a file that :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path
            The file, the folder of a run, or one that holds ``ensemble.safetensors``.

        Returns
        -------
        Ensemble
            The ensemble with all its members.

        Raises
        ------
        InputError
            If the file is missing, damaged or holds something else. No code in it is run.
        """
        path = Path(path)
        if path.is_dir():
            # the folder of a run has its ensemble under the name of every model
            file = path / "ensemble.safetensors"
            path = file if file.is_file() else path / reading.MODEL
        ensemble: Ensemble = reading.explained(_read, path)
        return ensemble

    def summary(self) -> Summary:
        """Return the layers of the first member, and parameters and memory of all members.

        Examples
        --------
        >>> Ensemble([Network([4, 3, 2], seed=s) for s in range(2)]).summary()
        Ensemble(2 x Network([4, 3, 2], ReLU, Softmax))
        layer  kind   outputs  activation  parameters
            0  input        4
            1  Dense        3  ReLU                15
            2  Dense        2  Softmax              8
        46 parameters, 368 bytes in float64; 80 bytes of activations an example
        """
        return of_all(self.networks, repr(self), self.dtype)

    def _repr_html_(self) -> str:
        """Return HTML that a notebook shows."""
        return self.summary()._repr_html_()

    def __repr__(self) -> str:
        different = list(dict.fromkeys(map(repr, self.networks)))
        if len(different) == 1:
            return f"Ensemble({len(self)} x {different[0]})"
        return f"Ensemble({', '.join(map(repr, self.networks))})"


Model: TypeAlias = Network | Ensemble
"""Model of a run or of a file."""


def from_content(content: checksummed.Content, described: dict[str, Any]) -> Ensemble:
    """Return the ensemble from the content of its file.

    Raises
    ------
    ValueError, LookupError, TypeError
        If the content is not that of an ensemble.
    """
    reading.check_format(described, FORMAT)
    if described["version"] != _VERSION or not content.has_checksum:
        msg = f"it is of version {described['version']!r}, or has no SHA-256"
        raise ValueError(msg)
    parts: list[checksummed.Tensors] = [{} for _ in described["networks"]]
    for name, array in content.tensors.items():
        # a name is the member's number and the name in a network's own file
        i, _, rest = name.partition(".")
        parts[int(i)][rest] = array
    pairs = zip(described["networks"], parts, strict=True)
    return Ensemble([reading.rebuild(text, tensors) for text, tensors in pairs])


def _read(path: Path) -> Ensemble:
    content = checksummed.read(path)
    return from_content(content, strict_json.loads(content.text))
