"""The arrays of a network as one vector, which an optimizer moves, and as ``W`` and ``b`` again.

An optimizer does the same to every number. On a network of small layers its calls are what a step
costs, so that one vector which holds all of them saves most of the calls; a large array is by
itself, since to join its gradient to the vector is one more pass over memory.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import learned
from bpnet.core.normalization import Shapes
from bpnet.core.optimizers import Slots, State

Vectors = tuple[Array, ...]
"""Arrays that hold all numbers of some layers: see :class:`Layout`."""


@dataclass(frozen=True)
class Layout:
    """Where the arrays of some layers are in vectors.

    Parameters
    ----------
    shapes : tuple of tuples of shapes
        For each layer those of its arrays, without an axis of members.
    largest : float
        Arrays of up to so many numbers are packed into one vector, ``(n,)`` or ``(members, n)``,
        which is the first; larger ones follow as they are.

    Examples
    --------
    >>> import array_api_compat.numpy as xp
    >>> layout = Layout((((2, 1), (1,)),))
    >>> W, b = xp.asarray([[1.0], [2.0]]), xp.asarray([3.0])
    >>> (w,) = layout.pack(((W, b),), xp=xp)
    >>> w.tolist(), layout.unpack((w,), xp=xp)[0][0].tolist()
    ([1.0, 2.0, 3.0], [[1.0], [2.0]])
    """

    shapes: tuple[Shapes, ...]
    largest: float = math.inf

    def pack(self, parameters: Parameters, *, xp: Namespace) -> Vectors:
        """Return vectors that hold the numbers of the arrays.

        Parameters
        ----------
        parameters : tuple of tuples of arrays
            For each layer its arrays, of the layout's shapes behind any axis of members.
        xp : namespace
            The arrays' namespace.
        """
        small, large = [], []
        for shape, a in self._pairs(parameters):
            if self._is_packed(shape):
                small.append(xp.reshape(a, (*a.shape[: a.ndim - len(shape)], math.prod(shape))))
            else:
                large.append(a)
        packed = [xp.concat(small, axis=-1)] if small else []
        return (*packed, *large)

    def unpack(self, vectors: Vectors, *, xp: Namespace) -> Parameters:
        """Return the arrays of each layer: parts of the vectors, where the library has views."""
        start, large = 0, len(vectors) - self._larger
        found = []
        for shapes in self.shapes:
            arrays = []
            for shape in shapes:
                if not self._is_packed(shape):
                    arrays.append(vectors[large])
                    large += 1
                    continue
                size = math.prod(shape)
                part = vectors[0][..., start : start + size]
                arrays.append(xp.reshape(part, (*part.shape[:-1], *shape)))
                start += size
            found.append(tuple(arrays))
        return tuple(found)

    def pack_slots(self, state: State, *, xp: Namespace) -> tuple[Slots, ...]:
        """Return for each vector what an optimizer remembers, from what it does for each array."""
        if self.vectors == self._larger:
            return tuple(slots for layer in state for slots in layer)
        count = max(len(slots) for layer in state for slots in layer)
        packed = [
            self.pack(tuple(tuple(slots[i] for slots in layer) for layer in state), xp=xp)
            for i in range(count)
        ]
        return tuple(zip(*packed, strict=True)) if packed else ((),) * self.vectors

    def unpack_slots(self, state: Sequence[Slots], *, xp: Namespace) -> State:
        """Return for each array what an optimizer remembers, from what it does for each vector."""
        if self.vectors == self._larger:
            slots = iter(state)
            return tuple(tuple(next(slots) for _ in shapes) for shapes in self.shapes)
        columns = [self.unpack(column, xp=xp) for column in zip(*state, strict=True)]
        return tuple(
            tuple(tuple(column[l][i] for column in columns) for i in range(len(shapes)))
            for l, shapes in enumerate(self.shapes)
        )

    @cached_property
    def vectors(self) -> int:
        """How many vectors there are."""
        return self._larger + any(self._is_packed(s) for shapes in self.shapes for s in shapes)

    @cached_property
    def _larger(self) -> int:
        return sum(not self._is_packed(s) for shapes in self.shapes for s in shapes)

    def _is_packed(self, shape: tuple[int, ...]) -> bool:
        return math.prod(shape) <= self.largest

    def _pairs(self, parameters: Parameters) -> list[tuple[tuple[int, ...], Array]]:
        return [
            pair
            for shapes, arrays in zip(self.shapes, parameters, strict=True)
            for pair in zip(shapes, arrays, strict=True)
        ]


def of_learned(layers: Sequence[Any], largest: float = math.inf) -> Layout:
    """Layout of the arrays that an optimizer moves; see :func:`bpnet.core.layers.learned`."""
    return Layout(learned(layers, tuple(layer.shapes for layer in layers)), largest)


def of_all(layers: Sequence[Any]) -> Layout:
    """Layout of all arrays of some layers in one vector."""
    return Layout(tuple(layer.shapes for layer in layers))
