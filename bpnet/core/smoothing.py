"""Label smoothing: targets of training between 0 and 1 (Szegedy et al. 2016)."""

from dataclasses import dataclass

from bpnet._typing import Array, Namespace
from bpnet.core.activations import Activation, Softmax
from bpnet.core.costs import Cost, value_and_delta


@dataclass(frozen=True)
class Smoothed:
    """A cost of smoothed targets, whose share ``s`` is spread evenly.

    y' = (1 - s) y + s/n for the n classes of a softmax, and (1 - s) y + s/2 for labels that are
    independent of each other.
    """

    cost: Cost
    share: float  # s, from 0 to below 1

    def value(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return C of each example, ``(..., batch)``."""
        return self.cost.value(z, self._spread(y, output), output, xp=xp)

    def delta(self, z: Array, y: Array, output: Activation, *, xp: Namespace) -> Array:
        """Return delta^L of each example, ``(..., batch, n)``."""
        return self.cost.delta(z, self._spread(y, output), output, xp=xp)

    def value_and_delta(
        self, z: Array, y: Array, output: Activation, *, xp: Namespace
    ) -> tuple[Array, Array]:
        """Return both at once."""
        return value_and_delta(self.cost, z, self._spread(y, output), output, xp=xp)

    def _spread(self, y: Array, output: Activation) -> Array:
        each = self.share / (y.shape[-1] if isinstance(output, Softmax) else 2)
        return (1 - self.share) * y + each
