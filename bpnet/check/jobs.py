"""The small training runs that backends are compared on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.core import optimizers
from bpnet.core.optimizers import Optimizer
from bpnet.data import draws
from bpnet.model.network import Network
from bpnet.training import Recipe, train
from bpnet.training.history import History

Host = np.ndarray[Any, Any]

M, BATCH, EPOCHS = 400, 40, 10  # 10 steps an epoch, 100 in all


@dataclass(frozen=True)
class Job:
    """100 steps on 400 examples of three noisy classes, with L2, and by default dropout."""

    optimizer: Optimizer
    hidden: str  # activation of the hidden layers
    l2: float = 0.1
    dropout: float = 0.1
    seed: int = 3

    def network(self) -> Network:
        """Return the network before the first step."""
        return Network([12, 16, 8, 3], hidden=self.hidden, seed=11)

    def train(self, network: Network, backend: Any, dtype: str, epochs: int = EPOCHS) -> History:
        """Train the network in place."""
        return train(network, examples(), self.recipe, epochs=epochs, backend=backend, dtype=dtype)

    @property
    def recipe(self) -> Recipe:
        """The options of the run."""
        return Recipe(
            optimizer=self.optimizer, epochs=EPOCHS, batch_size=BATCH, l2=self.l2,
            dropout=self.dropout, seed=self.seed,
        )  # fmt: skip

    def run(self, backend: Any, dtype: str, epochs: int = EPOCHS) -> Network:
        """Return the network after training."""
        network = self.network()
        self.train(network, backend, dtype, epochs)
        return network


JOBS = {
    "SGD, tanh": Job(optimizers.SGD(learning_rate=0.1), "tanh"),
    "SGD, relu": Job(optimizers.SGD(learning_rate=0.1), "relu"),
    "Adam, tanh": Job(optimizers.Adam(learning_rate=1e-3), "tanh", dropout=0.0),
    "Adam, relu": Job(optimizers.Adam(learning_rate=1e-3), "relu", dropout=0.0),
}

COMPARED = ("SGD, tanh", "Adam, relu")
"""The two jobs of a check: each optimizer and each activation once."""


def run_set(backend: Any, dtype: str) -> list[Network]:
    """Three networks that are trained as one stack, with their own weights and L2, for 100 steps.

    Their products are those of stacks of matrices, which libraries have other kernels for.
    """
    networks = [Network([12, 16, 8, 3], hidden="relu", seed=11 + i) for i in range(3)]
    adam = optimizers.Adam(learning_rate=1e-3)
    recipe = Recipe(optimizer=adam, epochs=EPOCHS, batch_size=BATCH, seed=3)
    train(networks, examples(), recipe, l2=[0.0, 0.1, 1.0], backend=backend, dtype=dtype)
    return networks


def examples() -> tuple[Host, Host]:
    """X, (400, 12), and class numbers, (400,)."""
    random = draws.generator(5, "check")
    y = random.integers(0, 3, M)
    return random.normal(size=(M, 12)) + 0.7 * np.eye(3, 12)[y], y
