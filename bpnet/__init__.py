"""Feed-forward networks with the paper's own backpropagation, on every array library.

>>> import bpnet
>>> data = bpnet.data.load("digits")
>>> net = bpnet.Network([64, 32, 10], seed=0)
>>> history = bpnet.train(net, data, epochs=20)
>>> history["accuracy"][-1] > 0.9
True
"""

from typing import TYPE_CHECKING

from bpnet.public import listing, on_use

__version__ = "0.1.0"

_HOMES = {
    "bpnet.backends": ("to_device", "to_numpy"),
    "bpnet.core": ("activations", "costs", "initializers", "layers", "optimizers", "schedules"),
    "bpnet.errors": (
        "ArrayMismatch",
        "BackendUnavailable",
        "Diverged",
        "InputError",
        "OutOfMemory",
    ),
    "bpnet.model.ensemble": ("Ensemble",),
    "bpnet.model.loading": ("load",),
    "bpnet.model.network": ("Network",),
    "bpnet.training": (
        "Callback",
        "Checkpoint",
        "EarlyStopping",
        "Place",
        "Ranks",
        "Recipe",
        "TableRecipe",
        "check_gradients",
        "evaluate",
        "find_learning_rate",
        "gradients",
        "train",
    ),
}
"""The public names, by the module that defines them."""

_SUBMODULES = (
    "backends",
    "bench",
    "callbacks",
    "check",
    "custom",
    "data",
    "distributed",
    "export",
    "imports",
    "paper",
    "plots",
    "report",
    "sklearn",
    "sweep",
    "tensorboard",
)

if TYPE_CHECKING:  # "as" tells type checkers that an import is meant for users
    from bpnet import backends as backends
    from bpnet import bench as bench
    from bpnet import callbacks as callbacks
    from bpnet import check as check
    from bpnet import custom as custom
    from bpnet import data as data
    from bpnet import distributed as distributed
    from bpnet import export as export
    from bpnet import imports as imports
    from bpnet import paper as paper
    from bpnet import plots as plots
    from bpnet import report as report
    from bpnet import sklearn as sklearn
    from bpnet import sweep as sweep
    from bpnet import tensorboard as tensorboard
    from bpnet.backends import to_device, to_numpy
    from bpnet.core import activations, costs, initializers, layers, optimizers, schedules
    from bpnet.errors import ArrayMismatch, BackendUnavailable, Diverged, InputError, OutOfMemory
    from bpnet.model.ensemble import Ensemble
    from bpnet.model.loading import load
    from bpnet.model.network import Network
    from bpnet.training import (
        Callback,
        Checkpoint,
        EarlyStopping,
        Place,
        Ranks,
        Recipe,
        TableRecipe,
        check_gradients,
        evaluate,
        find_learning_rate,
    )
    from bpnet.training.evaluation import gradients
    from bpnet.training.train import train

__all__ = [
    "ArrayMismatch",
    "BackendUnavailable",
    "Callback",
    "Checkpoint",
    "Diverged",
    "EarlyStopping",
    "Ensemble",
    "InputError",
    "Network",
    "OutOfMemory",
    "Place",
    "Ranks",
    "Recipe",
    "TableRecipe",
    "__version__",
    "activations",
    "backends",
    "check_gradients",
    "costs",
    "data",
    "evaluate",
    "find_learning_rate",
    "gradients",
    "initializers",
    "layers",
    "load",
    "optimizers",
    "schedules",
    "to_device",
    "to_numpy",
    "train",
]

__dir__ = listing({*__all__, *_SUBMODULES})
if not TYPE_CHECKING:  # a type checker would take any name for a public one
    __getattr__ = on_use(
        __name__, _SUBMODULES, {name: home for home, names in _HOMES.items() for name in names}
    )
