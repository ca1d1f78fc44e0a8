"""Feed-forward networks with the paper's own backpropagation, on every array library.

>>> import bpnet
>>> data = bpnet.data.load("digits")
>>> net = bpnet.Network([64, 32, 10], hidden="relu", seed=0)
>>> history = bpnet.train(net, data, epochs=20)
>>> history["accuracy"][-1] > 0.9
True
"""

from bpnet import backends, data
from bpnet.backends import to_device, to_numpy
from bpnet.core import activations, costs, initializers, layers, optimizers, schedules
from bpnet.ensemble import Ensemble
from bpnet.errors import ArrayMismatch, BackendUnavailable, Diverged, InputError, OutOfMemory
from bpnet.model_file import load
from bpnet.network import Network
from bpnet.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    Place,
    Ranks,
    Recipe,
    evaluate,
    find_learning_rate,
    gradients,
    train,
)

__version__ = "0.1.0"

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
    "__version__",
    "activations",
    "backends",
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
