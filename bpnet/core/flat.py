"""The arrays of a network as one vector, which an optimizer updates, and as ``W`` and ``b`` again.

An optimizer treats every number alike. With small layers a step's time is the number of its calls,
most of which one vector of all parameters saves. A large array stays by itself, because to copy its
gradient into the vector is one more pass over memory.
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
    """Positions of the arrays of some layers in vectors.

    Parameters
    ----------
    shapes : tuple of tuples of shapes
        For each layer those of its arrays, without an axis of members.
    largest : float
        Arrays of up to this many elements are packed into one vector, ``(n,)`` or
        ``(members, n)``, which is the first; larger arrays follow as they are.

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
        """Return vectors of the elements of the arrays, after any axis of members."""
        small, large = [], []
        for places, arrays in zip(self._places, parameters, strict=True):
            for (shape, start, stop), a in zip(places, arrays, strict=True):
                if start < 0:
                    large.append(a)
                # a vector needs no reshape, which would be one more call in each step
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
        # only the packed vector tells the axes of members; the others have axes of their own
        lead = vectors[0].shape[:-1] if self.vectors > self._larger else ()
        unpacked = []
        for places in self._places:
            arrays = []
            for shape, start, stop in places:
                if start < 0:
                    arrays.append(next(large))
                    continue
                part = vectors[0][..., start:stop] if lead else vectors[0][start:stop]
                arrays.append(part if len(shape) == 1 else xp.reshape(part, (*lead, *shape)))
            unpacked.append(tuple(arrays))
        return tuple(unpacked)

    def pack_slots(self, state: State, *, xp: Namespace) -> tuple[Slots, ...]:
        """Return the optimizer's slots of each vector, from those of each array."""
        # nothing is packed: a vector is an array, and has its slots
        if self.vectors == self._larger:
            return tuple(slots for layer in state for slots in layer)
        count = max(len(slots) for layer in state for slots in layer)
        packed = [
            self.pack(tuple(tuple(slots[i] for slots in layer) for layer in state), xp=xp)
            for i in range(count)
        ]
        # an optimizer without slots still has an empty tuple for each vector
        return tuple(zip(*packed, strict=True)) if packed else ((),) * self.vectors

    def unpack_slots(self, state: Sequence[Slots], *, xp: Namespace) -> State:
        """Return the optimizer's slots of each array, from those of each vector."""
        if self.vectors == self._larger:
            slots = iter(state)
            return tuple(tuple(next(slots) for _ in shapes) for shapes in self.shapes)
        # without slots there is no column, and each array gets an empty tuple
        columns = [self.unpack(column, xp=xp) for column in zip(*state, strict=True)]
        return tuple(
            tuple(tuple(column[l][i] for column in columns) for i in range(len(shapes)))
            for l, shapes in enumerate(self.shapes)
        )

    @cached_property
    def _places(self) -> tuple[tuple[tuple[tuple[int, ...], int, int], ...], ...]:
        """Shape, start and stop in the first vector, for each array of each layer.

        Start and stop of an array that is not packed are -1.
        """
        stop, layers = 0, []
        for shapes in self.shapes:
            places = []
            for shape in shapes:
                size = math.prod(shape)
                packed = size <= self.largest
                places.append((shape, stop, stop + size) if packed else (shape, -1, -1))
                stop += size if packed else 0
            layers.append(tuple(places))
        return tuple(layers)

    @cached_property
    def _larger(self) -> int:
        """Number of arrays that are not packed."""
        return sum(start < 0 for places in self._places for _, start, _ in places)

    @cached_property
    def vectors(self) -> int:
        """Number of vectors."""
        return self._larger + any(start >= 0 for places in self._places for _, start, _ in places)


def of_learned(layers: Sequence[Any], largest: float = math.inf) -> Layout:
    """Layout of the arrays that an optimizer updates; see :func:`bpnet.core.layers.learned`."""
    return Layout(learned(layers, tuple(layer.shapes for layer in layers)), largest)


def of_all(layers: Sequence[Any]) -> Layout:
    """Layout of all arrays of some layers in one vector."""
    return Layout(tuple(layer.shapes for layer in layers))
