"""The update rules of the optimizers, for one parameter array and its slots.

A rule is a frozen dataclass, a subclass of :class:`Optimizer`, with

* ``learning_rate``: the eta it starts from,
* ``init(p, xp=) -> slots``: arrays shaped like the parameter array ``p``,
* ``coefficients(t, learning_rate) -> tuple of numbers``: all numbers that step t = 1, 2, ... needs,
  computed on the host in float64, so that no backend rounds 1 - beta^t,
* ``update(p, g, slots, coefficients, xp=) -> (p, slots)``: ``p``, ``g`` and the slots are
  donated: they may be written to.

All act element by element, so the same step serves a network and a stack of them.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from bpnet._typing import Array, Namespace
from bpnet.core.lookup import check_number

Slots = tuple[Array, ...]
Step = tuple[Array, Slots]
"""A parameter array and its slots after a step."""


@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers, with a learning rate, and slots that start at zero.

    Parameters
    ----------
    learning_rate : float
        eta.
    """

    learning_rate: float = 0.1
    slots: ClassVar[int] = 0
    """Number of slots for each parameter array."""
    below: ClassVar[dict[str, float]] = {}
    """Upper bounds of the other settings, whose lower bound is 0."""

    def __post_init__(self) -> None:
        for name, high in {"learning_rate": math.inf, **self.below}.items():
            # epsilon of 0 would divide by 0 where a gradient has always been 0
            positive = name in ("learning_rate", "epsilon")
            span = "above 0" if positive else "from 0"
            message = f"{name} is {{!r}}; give a number {span} and below {high:g}"
            check_number(self, name, message, partial(_is_below, high, positive), float)

    def init(self, p: Array, *, xp: Namespace) -> Slots:
        """Return the slots of the array ``p`` before the first step: zeros."""
        return tuple(xp.zeros_like(p) for _ in range(self.slots))

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return the numbers that step ``t``, from 1, needs: (eta,)."""
        return (learning_rate,)

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return the array and its slots after the step."""
        raise NotImplementedError


def _is_below(high: float, positive: bool, number: float) -> bool:
    return 0 <= number < high and (number > 0 or not positive)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic, mini-batch and batch gradient descent, by the size of the batch.

    w <- w - (eta/k) sum_i dC_i/dw, where ``g`` is already the mean over the k examples.

    Equation: (7).

    Parameters
    ----------
    learning_rate : float
        eta.
    """

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return p - eta g."""
        (eta,) = coefficients
        # in place, here and below: a step needs no new arrays, as all of these are donated
        g *= eta
        p -= g
        return p, ()


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Heavy ball (Polyak 1964): v <- mu v - eta g; w <- w + v.

    Parameters
    ----------
    learning_rate : float
        eta.
    momentum : float
        mu, 0 <= mu < 1.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    slots: ClassVar[int] = 1
    below: ClassVar[dict[str, float]] = {"momentum": 1.0}

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return (eta, mu)."""
        return learning_rate, self.momentum

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return p + v."""
        (v,), (eta, mu) = slots, coefficients
        v *= mu
        g *= eta
        v -= g
        p += v
        return p, (v,)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Nesterov's momentum (Sutskever et al. 2013), in the form whose w is the look-ahead.

    v <- mu v - eta g; w <- w + mu v - eta g.

    Parameters
    ----------
    learning_rate, momentum : float
        As in :class:`Momentum`.
    """

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return p + mu v - eta g."""
        (v,), (eta, mu) = slots, coefficients
        g *= eta
        v *= mu
        v -= g
        p -= g
        p += mu * v
        return p, (v,)


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011): s <- s + g^2; w <- w - eta g / (sqrt(s) + eps).

    Parameters
    ----------
    learning_rate : float
        eta.
    epsilon : float
        eps.
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10
    slots: ClassVar[int] = 1
    below: ClassVar[dict[str, float]] = {"epsilon": math.inf}

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return (eta, eps)."""
        return learning_rate, self.epsilon

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return p - eta g / (sqrt(s) + eps)."""
        (s,), (eta, epsilon) = slots, coefficients
        s += g * g
        root = xp.sqrt(s)
        root += epsilon
        g *= eta
        g /= root
        p -= g
        return p, (s,)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): s <- rho s + (1 - rho) g^2; w <- w - eta g / (sqrt(s) + eps).

    Parameters
    ----------
    learning_rate : float
        eta.
    rho : float
        Decay of the mean square, 0 <= rho < 1.
    epsilon : float
        eps.
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8
    slots: ClassVar[int] = 1
    below: ClassVar[dict[str, float]] = {"rho": 1.0, "epsilon": math.inf}

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return (eta, eps, rho, 1 - rho)."""
        return learning_rate, self.epsilon, self.rho, 1 - self.rho

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return p - eta g / (sqrt(s) + eps)."""
        (s,), (eta, epsilon, rho, share) = slots, coefficients
        s *= rho
        square = g * g
        square *= share
        s += square
        root = xp.sqrt(s)
        root += epsilon
        g *= eta
        g /= root
        p -= g
        return p, (s,)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): both moments, corrected for their start at zero.

    As published, with m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2,
    w <- w - eta (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps).

    The slots are M = m / (1 - beta1) and V = v / (1 - beta2), sums over the steps with the weights
    beta^age, which saves two passes over memory. The weights sum to n = (1 - beta^t) / (1 - beta).
    The other factors are part of the coefficients, as at the end of section 2 of their paper:
    eta' = eta sqrt(n2) / n1, eps' = eps sqrt(n2), and w <- w - eta' M / (sqrt(V) + eps').

    Parameters
    ----------
    learning_rate : float
        eta.
    beta1, beta2 : float
        Decay of the moments, 0 <= beta < 1.
    epsilon : float
        eps.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    slots: ClassVar[int] = 2
    below: ClassVar[dict[str, float]] = {"beta1": 1.0, "beta2": 1.0, "epsilon": math.inf}

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return (eta', eps', beta1, beta2)."""
        n1 = (1 - self.beta1**t) / (1 - self.beta1)
        root = ((1 - self.beta2**t) / (1 - self.beta2)) ** 0.5
        return learning_rate * root / n1, self.epsilon * root, self.beta1, self.beta2

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return p - eta' M / (sqrt(V) + eps')."""
        M, V = slots
        # AdamW has a fifth
        eta, epsilon, beta1, beta2 = coefficients[:4]
        M *= beta1
        M += g
        # g is donated: its square takes its memory
        g *= g
        V *= beta2
        V += g
        root = xp.sqrt(V)
        root += epsilon
        # a new array, because M is kept for the next step
        move = M * eta
        move /= root
        p -= move
        return p, (M, V)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    w <- w - eta weight_decay w before Adam's step, on biases too, as in PyTorch.

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float
        As in :class:`Adam`.
    weight_decay : float
        0 or more.
    """

    weight_decay: float = 0.01
    below: ClassVar[dict[str, float]] = {**Adam.below, "weight_decay": math.inf}

    def coefficients(self, t: int, learning_rate: float) -> tuple[float, ...]:
        """Return Adam's and 1 - eta weight_decay."""
        return *super().coefficients(t, learning_rate), 1 - learning_rate * self.weight_decay

    def update(self, p: Array, g: Array, slots: Slots, coefficients: Any, *, xp: Namespace) -> Step:
        """Return Adam's step from the decayed array."""
        # before Adam's step, which does not read p and so does not see the decay
        p *= coefficients[4]
        return super().update(p, g, slots, coefficients, xp=xp)
