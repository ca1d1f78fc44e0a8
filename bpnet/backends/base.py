"""What every backend can do; a library's own file says only what differs there."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bpnet.backends import dtypes, loop
from bpnet.backends.arrays import Arrays
from bpnet.backends.loop import Scanned, Step
from bpnet.errors import InputError


@dataclass(frozen=True)
class DeviceInfo:
    """One device: its specification, what it is, bytes of memory, driver (None: unknown)."""

    spec: str
    name: str
    memory: int | None = None
    driver: str | None = None

    def __str__(self) -> str:
        """All of it on one line."""
        memory = f"{self.memory / 2**30:.1f} GiB" if self.memory else None
        return f"{self.spec}: " + ", ".join(filter(None, (self.name, memory, self.driver)))


@dataclass(frozen=True)
class Backend(Arrays):
    """One array library on one device.

    Two backends are equal when library and device are; they can be keys of a dictionary.

    Parameters
    ----------
    name : str
        The library, such as ``"cupy"``.
    device : object
        What the library takes as ``device=``; None is its only or default one.
    """

    rows_per_load: ClassVar[int] = 1024
    """Rows that a scan loads at once, for as many steps as these rows are enough for."""
    packs: ClassVar[int] = 1 << 20
    """Elements of the largest array that is packed: one more launch costs more than a copy."""
    packs_plain: ClassVar[bool] = True
    """Whether packing pays for an optimizer without state, whose update is two calls."""
    slow_subnormals: ClassVar[bool] = False
    """Whether the device is a processor, on which subnormal numbers are many times slower."""
    compiles: ClassVar[bool] = False
    """Whether a scan is compiled, once for each batch size and number of steps."""
    wraps: ClassVar[bool] = True
    """Whether int32 overflows modulo 2^32, as the random bits of dropout's masks need it."""

    def current(self) -> "Backend":
        """Return the library's backend on this thread's current device."""
        return self

    def synchronize(self) -> None:
        """Wait until all work on the device is done; on the host a call returns only then."""

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """Context manager with the library's settings for a run in ``dtype``."""
        return nullcontext()

    def threads(self, requested: int | None, work: int) -> AbstractContextManager[int | None]:
        """Context manager that sets the processor's threads for a run.

        Parameters
        ----------
        requested : int or None
            Number of threads; None leaves the choice to the backend.
        work : int
            Multiplications in the largest product of a step.

        Returns
        -------
        context manager
            Yields the number, or None where the library decides by itself.

        Raises
        ------
        InputError
            If a number is requested and the library takes none.
        """
        if requested is not None:
            msg = f"threads is {requested} and {self.spec} decides on its own; leave threads out"
            raise InputError(msg)
        return nullcontext()

    def precision(self, requested: str | None) -> AbstractContextManager[Any]:
        """Context manager within a session that sets how exactly float32 matrices are multiplied.

        None is exact; ``"tf32"`` rounds their elements to 10 bits, on NVIDIA GPUs that can. An
        InputError says that the device has no such products.
        """
        dtypes.check_precision(requested)
        if requested is not None:
            msg = f"{self.spec} has no {requested}, only CUDA GPUs do; leave precision out"
            raise InputError(msg)
        return nullcontext()

    def scan(
        self, step: Step, carry: Any, xs: Any, operands: Any = (), numbers: Any = None
    ) -> Scanned:
        """Run ``carry, out = step(carry, x, *operands)`` over the leading axis of ``xs``.

        With ``numbers`` it is ``step(carry, x, numbers, *operands)``.

        Parameters
        ----------
        step : callable
            Hashable, so that a compiling backend can reuse what it compiled. It may write to the
            carry: ``carry`` is donated. A step with a method ``load`` takes ``load(x, *operands)``
            in place of its slice ``x``: arrays with a row for each row of the slice, each a
            function of that row alone, because most libraries load several slices at once.
        carry, operands : nested lists, tuples or dicts of arrays
            The arrays that a step updates, and those that all steps read.
        xs : array, (steps, ...), or nested lists, tuples or dicts of such arrays
            Arrays of which each step takes its slice.
        numbers : tuple of numpy arrays, (steps, c), optional
            Numbers of the host: each step takes a tuple with a row of each, as plain numbers
            or as 0-d arrays, whichever is faster.

        Returns
        -------
        carry
            After the last step.
        outs : tuple of array, (steps,)
            What each step returned, a tuple of 0-d arrays, stacked; empty without steps.
        """
        rows = None if numbers is None else self._rows(numbers, carry)
        return loop.run(step, carry, xs, operands, rows, self.rows_per_load, xp=self.xp)

    def compiling(self, requested: bool | None, steps: int = 0) -> "Backend":
        """Return the backend for a run whose steps are compiled, or not, as requested.

        None leaves the choice to the backend, which may choose by the number of steps. An
        InputError says that the library can do only the other.
        """
        if requested is not None and requested != self.compiles:
            way = "compiles every step" if self.compiles else "has nothing that compiles a step"
            msg = f"compiled is {requested} and {self.spec} {way}; leave compiled out"
            raise InputError(msg)
        return self

    def compiled(self, function: Callable[..., Any], donated: tuple[int, ...] = ()) -> Any:
        """Return the function, compiled where the library compiles.

        It is hashable, and a function of its arguments alone: arrays, numbers, trees of them. The
        arguments at the positions ``donated`` are not used afterwards.
        """
        return function

    def free_unused(self) -> None:
        """Return the memory that the library caches to the device."""

    def verify(self) -> None:
        """Run a product, an elementwise kernel and a copy back; raise what the library raises."""
        # a backend that imports may still fail at its first kernel or BLAS call
        a = self.asarray(np.ones((2, 2), np.float32))
        result = self.to_numpy(self.xp.exp(a @ a))
        if not np.allclose(result, np.exp(2.0), rtol=1e-3):
            msg = f"exp(2) came back as {result[0, 0]}"
            raise RuntimeError(msg)

    def _rows(self, numbers: tuple[Any, ...], carry: Any) -> Iterable[tuple[Any, ...]]:
        """Rows of the numbers of a scan that is not compiled, in the form that a step takes."""
        # plain numbers keep the dtype of the arrays that they meet
        return zip(*(n.tolist() for n in numbers), strict=True)
