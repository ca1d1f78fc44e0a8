"""Experiments with networks that learn: costs, mini-batches, weight decay."""

import math
from typing import Any

import numpy as np

from bpnet import data, training
from bpnet.core import activations, costs, feedforward, optimizers, regularizers
from bpnet.data import batches, draws
from bpnet.model.network import Network
from bpnet.paper.lab import Host, Lab, Results

SATURATED = -5.0
"""Weighted input at which the neuron starts, whose target is 1."""


_COSTS: dict[str, costs.Cost] = {
    "quadratic": costs.Quadratic(),
    "cross_entropy": costs.CrossEntropy(),
}


def saturation(lab: Lab) -> Results:
    """One neuron that starts saturated on the wrong side, trained with (17) and with (26)."""
    z = np.linspace(-8, 8, 161)
    curves, numbers = {"z": z}, {}
    for name, cost in _COSTS.items():
        ones = lab.put(np.ones((len(z), 1)))
        at, sigma = lab.put(z[:, None]), activations.Sigmoid()
        delta = lab.get(cost.delta(at, ones, sigma, xp=lab.backend.xp))[:, 0]
        # with the input 1 the neuron begins at z = w + b = SATURATED
        net = Network([1, 1], output="sigmoid", init=[([[SATURATED + 3]], [-3.0])])
        x = np.ones((1, 1))
        history = training.train(
            net, (x, x), cost=cost, optimizer=optimizers.SGD(0.5), epochs=300, batch_size=None,
            backend=lab.backend, dtype=lab.dtype,
        )  # fmt: skip
        # a cost is that before the update, so that entry i is the state after i steps
        C = np.asarray(history["cost"])
        # the cost of the single example determines its output a
        a = 1 - np.sqrt(2 * C) if name == "quadratic" else np.exp(-C)
        curves |= {f"delta {name}": delta, f"a {name}": a}
        numbers[f"delta at z = {SATURATED:g}, {name}"] = float(np.interp(SATURATED, z, delta))
        # argmax of booleans is the first step at which the output passes one half
        numbers[f"steps to a = 0.5, {name}"] = int(np.argmax(a > 0.5))
    return Results(curves, numbers)


SIZES = (1, 3, 10, 32, 100, 316)
"""Sizes of mini-batches, about evenly apart in their logarithm."""
BATCHES = 48
"""Mini-batches drawn of each size."""


def spread(lab: Lab) -> Results:
    """How far the gradient of a mini-batch is from that of all examples, (6), against its size."""
    digits = data.load("digits")
    net = Network([64, 16, 10], hidden="sigmoid", output="sigmoid", seed=0)
    # sigmoid outputs take one-hot rows
    x, y = digits.x * digits.scale, np.eye(10)[digits.y]
    m, sizes = len(x), np.asarray(SIZES)
    parameters = batches.on_device(net.parameters, backend=lab.backend, dtype=lab.dtype)

    def gradients(rows: Host) -> Host:
        """Gradients of batches with the examples ``rows``, (..., k): (..., all parameters)."""
        layer_gradients = feedforward.cost_and_gradients(
            net.layers, parameters, lab.put(x[rows]), lab.put(y[rows]), costs.CrossEntropy(),
            xp=lab.backend.xp,
        )[2]  # fmt: skip
        parts = [lab.get(g) for arrays in layer_gradients for g in arrays]
        return np.concatenate([g.reshape(*rows.shape[:-1], -1) for g in parts], axis=-1)

    whole = gradients(np.arange(m))
    measured = []
    for k in SIZES:
        # as many epochs as it takes to draw `BATCHES` whole batches
        epochs = range(-(-BATCHES // (m // k)))
        # the rest of an epoch, shorter than a batch, is left out
        drawn = [draws.order(0, epoch, m)[: m // k * k].reshape(-1, k) for epoch in epochs]
        apart = gradients(np.concatenate(drawn)[:BATCHES]) - whole
        measured.append(math.sqrt((apart**2).sum(axis=-1).mean()))
    # each example is a batch of its own
    each = gradients(np.arange(m)[:, None]) - whole
    # m / (m - 1) corrects the variance, as `whole` is the mean of the same examples
    sigma = math.sqrt((each**2).sum(axis=-1).mean() * m / (m - 1))
    law = sigma / np.sqrt(sizes)
    curves = {"k": sizes, "measured": np.asarray(measured), "law": law}
    curves["without replacement"] = law * np.sqrt(1 - sizes / m)
    # without replacement the largest size lies below the law, and is left out
    slope = np.polyfit(np.log(sizes[:5]), np.log(measured[:5]), 1)[0]
    numbers = {
        "exponent of k": float(slope),
        "examples": m,
        "spread at k = 1": measured[0],
        "spread at k = 100": measured[4],
    }
    return Results(curves, numbers)


ALPHAS = (0.0, 3.0, 30.0)
"""Strengths of L2 regularization."""


class _Lengths(training.Callback):
    """Callback that notes the length of the weights before training and after each epoch."""

    def __init__(self) -> None:
        self.lengths: list[float] = []

    def on_train_begin(self, run: training.Run) -> None:
        self._write_down(run)

    def on_epoch_end(self, run: training.Run) -> None:
        # the weights are on the device, and the network on the host has those of before
        run.pull()
        self._write_down(run)

    def _write_down(self, run: training.Run) -> None:
        self.lengths.append(math.sqrt(sum(float((W**2).sum()) for W in run.network.weights)))


def decay(lab: Lab) -> Results:
    """Weight decay (29) of a weight without a data gradient, and in training on digits."""
    eta, alpha, m, xp = 0.5, 2.0, 20, lab.backend.xp
    sgd = optimizers.SGD(eta)
    parameters: Any = ((lab.put([[1.0]]), lab.put([1.0])),)
    state = optimizers.init(sgd, parameters, xp=xp)
    path = [[1.0, 1.0]]
    for _ in range(60):
        # the gradient of the data is 0
        nothing = tuple(tuple(xp.zeros_like(p) for p in arrays) for arrays in parameters)
        gradients = regularizers.l2_gradient(parameters, nothing, alpha, m)
        # eta is the one coefficient of a step of SGD
        parameters, state = optimizers.update(sgd, parameters, gradients, state, (eta,), xp=xp)
        path.append([float(lab.get(p).ravel()[0]) for p in parameters[0]])
    alone = np.asarray(path)
    curves = {"w": alone[:, 0], "b": alone[:, 1]}
    curves["law"] = (1 - eta * alpha / m) ** np.arange(len(alone))
    numbers = {"factor of a step": float(alone[1, 0])}
    digits = data.load("digits")
    for strength in ALPHAS:
        net, history = Network([64, 32, 10], hidden="relu", seed=0), _Lengths()
        training.train(
            net, digits, optimizer=sgd, epochs=15, batch_size=64, l2=strength,
            backend=lab.backend, callbacks=[history],
        )  # fmt: skip
        curves[f"alpha = {strength:g}"] = np.asarray(history.lengths)
        numbers[f"length at the end, alpha = {strength:g}"] = history.lengths[-1]
    return Results(curves, numbers)
