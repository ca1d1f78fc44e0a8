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

    together: ClassVar[int] = 1024
    """Rows that a scan loads at once, of as many steps as have them."""
    packs: ClassVar[int] = 1 << 20
    """Numbers of an array up to which it is packed with others: a kernel costs more to launch."""
    packs_plain: ClassVar[bool] = True
    """Whether to pack pays for an optimizer that remembers nothing: its update is two calls."""
    slow_subnormals: ClassVar[bool] = False
    """Whether it computes on a processor, with subnormal numbers at a fraction of the speed."""
    compiles: ClassVar[bool] = False
    """Whether a scan is compiled, anew for each length of a batch and number of steps."""
    wraps: ClassVar[bool] = True
    """Whether int32 overflows as 32 bits do: the masks of dropout are made by that."""

    def current(self) -> "Backend":
        """The library's backend where no device is named; it may change from thread to thread."""
        return self

    def synchronize(self) -> None:
        """Wait until all work on the device is done; on the host it is when a call returns."""

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """Context manager around a run in ``dtype``: the library's settings that it needs."""
        return nullcontext()

    def threads(self, asked: int | None, work: int) -> AbstractContextManager[int | None]:
        """Context manager around a run: the processor's threads that it uses.

        Parameters
        ----------
        asked : int or None
            Threads wanted; None leaves the choice to the backend.
        work : int
            Multiplications in the largest product of a step.

        Returns
        -------
        context manager
            Gives the number, or None where the library decides by itself.

        Raises
        ------
        InputError
            If a number is asked for and the library takes none.
        """
        if asked is not None:
            msg = f"threads is {asked} and {self.spec} decides on its own; leave threads out"
            raise InputError(msg)
        return nullcontext()

    def precision(self, asked: str | None) -> AbstractContextManager[Any]:
        """Context manager within a session: how exactly float32 matrices are multiplied.

        None is exact; ``"tf32"`` rounds their numbers to 10 bits, on NVIDIA GPUs that can. An
        InputError says that the device has no such products.
        """
        dtypes.check_precision(asked)
        if asked is not None:
            msg = f"{self.spec} has no {asked}, only CUDA GPUs do; leave precision out"
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
            carry: ``carry`` is donated. Where it has ``load``, it is given ``load(x, *operands)``
            in place of its slice ``x``: arrays with a row for each row of the slice, and made
            from that alone, as a library that does not compile loads several slices at once.
        carry, operands : nested lists, tuples or dicts of arrays
            What changes from step to step, and what does not.
        xs : array, (steps, ...), or nested lists, tuples or dicts of such arrays
            What each step gets its slice of.
        numbers : tuple of numpy arrays, (steps, c), optional
            Numbers from the host: each step gets a tuple with a row of each, as plain numbers
            or as 0-d arrays, whichever is faster.

        Returns
        -------
        carry
            After the last step.
        outs : tuple of array, (steps,)
            What each step returned, a tuple of 0-d arrays, stacked; empty without steps.
        """
        rows = None if numbers is None else self._rows(numbers, carry)
        return loop.run(step, carry, xs, operands, rows, self.together, xp=self.xp)

    def compiling(self, asked: bool | None, steps: int = 0) -> "Backend":
        """Return the backend for a run whose steps are compiled, or not, as asked.

        None is the library's usual way, by the number of steps where it has both; an InputError
        says that the library has only the other way.
        """
        if asked is not None and asked != self.compiles:
            way = "compiles every step" if self.compiles else "has nothing that compiles a step"
            msg = f"compiled is {asked} and {self.spec} {way}; leave compiled out"
            raise InputError(msg)
        return self

    def compiled(self, function: Callable[..., Any], donated: tuple[int, ...] = ()) -> Any:
        """The function, compiled where the library does that.

        It is hashable, and a function of its arguments alone: arrays, numbers, trees of them. The
        arguments at the places ``donated`` are not used afterwards.
        """
        return function

    def free_unused(self) -> None:
        """Give memory that the library keeps for later back to the device, if it keeps any."""

    def verify(self) -> None:
        """Run a product, an elementwise kernel and a copy back; raise what the library raises."""
        a = self.asarray(np.ones((2, 2), np.float32))
        got = self.to_numpy(self.xp.exp(a @ a))
        if not np.allclose(got, np.exp(2.0), rtol=1e-3):
            msg = f"exp(2) came back as {got[0, 0]}"
            raise RuntimeError(msg)

    def _rows(self, numbers: tuple[Any, ...], carry: Any) -> Iterable[tuple[Any, ...]]:
        """Rows of the numbers of a scan that is not compiled, as what a step calculates with."""
        return zip(*(n.tolist() for n in numbers), strict=True)
