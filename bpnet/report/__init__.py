"""Reports: a page of a run, or of several side by side, that needs nothing but itself.

>>> from bpnet import report
>>> report.write(["runs/digits"])                                    # doctest: +SKIP
PosixPath('runs/digits/report/index.html')
"""

from bpnet.public import listing
from bpnet.report.make import write

__all__ = ["write"]

__dir__ = listing(__all__)
