"""Training: the step, the loop over epochs and blocks, callbacks and history."""

from bpnet.public import listing
from bpnet.training.callbacks import Callback, EarlyStopping, Histories, Run
from bpnet.training.checkpoints import Checkpoint
from bpnet.training.distributions import Distributions
from bpnet.training.evaluation import evaluate, gradients
from bpnet.training.finder import LearningRates, find_learning_rate
from bpnet.training.gradient_check import check_gradients
from bpnet.training.history import History
from bpnet.training.recipe import Place, Ranks, Recipe
from bpnet.training.tables import TableRecipe
from bpnet.training.train import train

__all__ = [
    "Callback",
    "Checkpoint",
    "Distributions",
    "EarlyStopping",
    "Histories",
    "History",
    "LearningRates",
    "Place",
    "Ranks",
    "Recipe",
    "Run",
    "TableRecipe",
    "check_gradients",
    "evaluate",
    "find_learning_rate",
    "gradients",
    "train",
]

__dir__ = listing(__all__)
