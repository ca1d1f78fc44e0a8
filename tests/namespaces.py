"""Namespaces made for tests. Two more are in the package: array_api_strict's and check.watch."""

from dataclasses import dataclass

from bpnet.backends.numpy import NumPy


@dataclass(frozen=True, eq=False)
class ReadOnly(NumPy):
    """NumPy whose arrays from outside refuse to be written to, unless a copy was asked for.

    What a function makes itself it may write to, and what was copied for it, as donated arrays
    are; all else is an argument of somebody's.
    """

    def __eq__(self, other):
        return isinstance(other, NumPy)  # its arrays are NumPy's

    def __hash__(self):
        return hash(NumPy())

    def asarray(self, x, dtype=None, copy=None):
        a = super().asarray(x, dtype, copy)
        if not copy and a.flags.writeable:
            a = a.view()
            a.flags.writeable = False
        return a
