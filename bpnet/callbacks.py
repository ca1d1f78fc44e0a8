"""Callbacks, which run between the blocks and the epochs of training.

>>> import bpnet
>>> net = bpnet.Network([64, 16, 10], seed=0)
>>> stop = bpnet.callbacks.EarlyStopping(patience=2, metric="cost")
>>> history = bpnet.train(net, bpnet.data.load("digits"), epochs=3, callbacks=[stop])
"""

from bpnet.display.progress import Progress
from bpnet.public import listing
from bpnet.tensorboard import TensorBoard
from bpnet.training import Callback, Checkpoint, EarlyStopping

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "Progress", "TensorBoard"]

__dir__ = listing(__all__)
