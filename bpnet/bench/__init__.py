"""Backends side by side on one training job: seconds, break-even curves, where an epoch goes."""

from bpnet.bench.breakeven import crossings, plot
from bpnet.bench.cells import Cell, Job, grid
from bpnet.bench.measure import Timing
from bpnet.bench.processes import run
from bpnet.bench.profile import Share, profile
from bpnet.public import listing

__all__ = ["Cell", "Job", "Share", "Timing", "crossings", "grid", "plot", "profile", "run"]

__dir__ = listing(__all__)
