"""A sweep: combinations of some options, trained with several seeds and folds, and ranked.

The networks are trained as one set (:func:`bpnet.train`), so that small ones share their steps; the
best combination is then trained once more and leaves the folder of a run.
"""

from bpnet.public import listing
from bpnet.sweep.finishing import finish
from bpnet.sweep.ledger import Ledger
from bpnet.sweep.plan import Plan, metrics_of, network, seeds
from bpnet.sweep.ranking import Ranked, Sweep, heading, table
from bpnet.sweep.running import check, run
from bpnet.sweep.search import Span

__all__ = [
    "Ledger",
    "Plan",
    "Ranked",
    "Span",
    "Sweep",
    "check",
    "finish",
    "heading",
    "metrics_of",
    "network",
    "run",
    "seeds",
    "table",
]

__dir__ = listing(__all__)
