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
from bpnet.core.optimizers import State
from bpnet.core.rules import Slots

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
        """Return vectors that hold the numbers of the arrays, behind any axis of members."""
        small, large = [], []
        for places, arrays in zip(self._places, parameters, strict=True):
            for (shape, start, stop), a in zip(places, arrays, strict=True):
                if start < 0:
                    large.append(a)
                elif len(shape) == 1:
                    small.append(a)
                else:
                    lead = a.shape[: a.ndim - len(shape)]
                    small.append(xp.reshape(a, (*lead, stop - start)))
        packed = [xp.concat(small, axis=-1)] if small else []
        return (*packed, *large)

    def unpack(self, vectors: Vectors, *, xp: Namespace) -> Parameters:
        """Return the arrays of each layer: parts of the vectors, where the library has views."""
        large = iter(vectors[len(vectors) - self._larger :])
        lead = vectors[0].shape[:-1] if self.vectors > self._larger else ()
        found = []
        for places in self._places:
            arrays = []
            for shape, start, stop in places:
                if start < 0:
                    arrays.append(next(large))
                    continue
                part = vectors[0][..., start:stop] if lead else vectors[0][start:stop]
                arrays.append(part if len(shape) == 1 else xp.reshape(part, (*lead, *shape)))
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
    def _places(self) -> tuple[tuple[tuple[tuple[int, ...], int, int], ...], ...]:
        """Shape, first and last place in the first vector, for each array of each layer.

        The places of an array that is not packed are -1.
        """
        stop, found = 0, []
        for shapes in self.shapes:
            places = []
            for shape in shapes:
                size = math.prod(shape)
                packed = size <= self.largest
                places.append((shape, stop, stop + size) if packed else (shape, -1, -1))
                stop += size if packed else 0
            found.append(tuple(places))
        return tuple(found)

    @cached_property
    def _larger(self) -> int:
        return sum(start < 0 for places in self._places for _, start, _ in places)

    @cached_property
    def vectors(self) -> int:
        """How many vectors there are."""
        return self._larger + any(start >= 0 for places in self._places for _, start, _ in places)


def of_learned(layers: Sequence[Any], largest: float = math.inf) -> Layout:
    """Layout of the arrays that an optimizer moves; see :func:`bpnet.core.layers.learned`."""
    return Layout(learned(layers, tuple(layer.shapes for layer in layers)), largest)


def of_all(layers: Sequence[Any]) -> Layout:
    """Layout of all arrays of some layers in one vector."""
    return Layout(tuple(layer.shapes for layer in layers))
