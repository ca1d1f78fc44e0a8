"""The self-test of a backend on the user's own machine, and the comparison of two.

A GPU that bpnet's authors never saw is verified this way: the paper's equations, the gradients,
training steps beside NumPy's, dtypes and transfers, random bits.
"""

from bpnet.check.parity import Parity, compare
from bpnet.check.report import Row
from bpnet.check.suite import check
from bpnet.public import listing

__all__ = ["Parity", "Row", "check", "compare"]

__dir__ = listing(__all__)
