"""The weights, or the biases, of a network's dense layers as a sequence."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet._typing import Array
from bpnet.core.layers import Dense
from bpnet.errors import InputError
from bpnet.model import assembly

if TYPE_CHECKING:
    from bpnet.model.network import Network


class ParameterView(Sequence[Any]):
    """Sequence of one array for each dense layer, in the paper's orientation; items can be set."""

    def __init__(self, network: "Network", which: int, name: str) -> None:
        self._network, self._which, self._name = network, which, name
        self._at = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, l: Any) -> Any:
        if isinstance(l, slice):
            return [self[i] for i in range(len(self))[l]]
        # core stores W as (n_in, n_out); the transpose of a bias is the bias
        return self._network.parameters[self._at[l]][self._which].T

    def __setitem__(self, l: int, value: Array) -> None:
        if isinstance(l, slice):
            msg = f"{self._name} can be set one layer at a time, not as a slice; give its number"
            raise InputError(msg)
        array = assembly.as_float(value, f"{self._name}[{l}]")
        old = self[l]
        if array.shape != old.shape:
            msg = f"{self._name}[{l}] was given shape {array.shape}; its layer takes {old.shape}"
            raise InputError(msg)
        # the tuples are replaced, not changed: a snapshot may hold the earlier ones
        layers = list(self._network.parameters)
        arrays = list(layers[self._at[l]])
        arrays[self._which] = np.ascontiguousarray(array.T)
        layers[self._at[l]] = tuple(arrays)
        self._network.parameters = tuple(layers)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<{self._name}: {', '.join(str(a.shape) for a in self)}>"
