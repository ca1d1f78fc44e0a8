"""Training: the step, the loop over epochs and blocks, callbacks and history."""

from bpnet.training.callbacks import Callback, History, Run
from bpnet.training.gradients import gradients
from bpnet.training.stopping import EarlyStopping
from bpnet.training.train import evaluate, train

__all__ = ["Callback", "EarlyStopping", "History", "Run", "evaluate", "gradients", "train"]
