"""Experiments with the paper's formulas by themselves: Figures 1 to 6."""

import math

import numpy as np

from bpnet._typing import Array
from bpnet.core import activations, costs, descent, feedforward
from bpnet.data import batches
from bpnet.model.network import Network
from bpnet.paper.lab import Lab, Results

START = (-1.6, 1.2)
"""Where descent on x^2 + y^2 begins."""
RATES = {"too small": 0.01, "suitable": 0.1, "large": 0.95, "too large": 1.02}
"""Learning rates; above 1 descent on x^2 + y^2 climbs."""
STEPS = 30


def _bowl(w: Array) -> Array:
    """Gradient of C = x^2 + y^2, ``(..., 2)``."""
    return 2 * w


def descents(lab: Lab) -> Results:
    """Descent on x^2 + y^2 with four learning rates, (3)."""
    curves, numbers = {}, {}
    for name, eta in RATES.items():
        path = descent.gradient_descent(_bowl, lab.put(START), eta=eta, steps=STEPS)
        at = np.stack([lab.get(w) for w in path])
        curves[name] = at
        numbers[f"C after {STEPS} steps, {name}"] = float((at[-1] ** 2).sum())
    return Results(curves, numbers)


def directions(lab: Lab) -> Results:
    """Directional derivative of x^2 + y^2 in every direction around a point, (1) and (2)."""
    # one direction for each degree, with both ends of the circle
    angles = np.linspace(-np.pi, np.pi, 361)
    v = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    gradient = _bowl(lab.put(START))
    slopes = lab.get(descent.directional_derivative(gradient, lab.put(v)))
    steepest = lab.get(descent.steepest_descent(gradient))
    numbers = {
        "length of the gradient": float(np.linalg.norm(lab.get(gradient))),
        "smallest slope": float(slopes.min()),
        "its angle": float(np.degrees(angles[slopes.argmin()])),
        "angle of steepest descent": float(np.degrees(np.arctan2(steepest[1], steepest[0]))),
    }
    curves = {"angle": np.degrees(angles), "slope": slopes, "steepest": steepest}
    return Results(curves, numbers)


def sigmoid(lab: Lab) -> Results:
    """The sigmoid (8) and its derivative."""
    z = np.linspace(-8, 8, 321)
    xp, sigma = lab.backend.xp, activations.Sigmoid()
    a = sigma.sigma(lab.put(z), xp=xp)
    prime = lab.get(sigma.prime(lab.put(z), a, xp=xp))
    numbers = {"largest derivative": float(prime.max()), "derivative at z = 8": float(prime[-1])}
    return Results({"z": z, "a": lab.get(a), "prime": prime}, numbers)


def network(lab: Lab) -> Results:
    """The network of Figure 4, 5-4-1, with one example fed forward, (10) to (14)."""
    net = Network([5, 4, 1], hidden="sigmoid", output="sigmoid", seed=4)
    x = np.asarray([0.9, 0.1, 0.6, 0.3, 0.8])
    parameters = batches.on_device(net.parameters, backend=lab.backend, dtype=lab.dtype)
    z, caches = feedforward.forward(net.layers, parameters, lab.put([x]), xp=lab.backend.xp)
    a3 = feedforward.activate(net.output, z, xp=lab.backend.xp)
    # the cache of the output layer has its input, a^2
    a2 = lab.get(caches[-1][0])[0]
    # the fourth hidden neuron, from weights in the paper's orientation
    w, b = net.weights[0][3], net.biases[0][3]
    # the paper's sum for one neuron, without arrays
    written_out = 1 / (1 + math.exp(-sum(w[k] * x[k] for k in range(5)) - b))
    numbers = {
        "a_4^2": float(a2[3]),
        "a_4^2 written out": float(written_out),
        "a_1^3": float(lab.get(a3)[0, 0]),
    }
    curves = {"a1": x, "a2": a2, "a3": lab.get(a3)[0]}
    curves.update(W2=net.weights[0], W3=net.weights[1])
    return Results(curves, numbers)


def logarithms(lab: Lab) -> Results:
    """Cross-entropy (25) of one output: -ln a where y is 1, -ln(1 - a) where it is 0."""
    # the cost is infinite at one of the ends 0 and 1
    a = np.linspace(0.002, 0.998, 499)
    # the cost is a function of z: this is the inverse of the sigmoid
    z = lab.put(np.log(a / (1 - a))[:, None])
    entropy, xp = costs.CrossEntropy(), lab.backend.xp
    curves = {"a": a}
    for y in (1, 0):
        targets = lab.put(np.full((len(a), 1), y))
        curves[f"y = {y}"] = lab.get(entropy.value(z, targets, activations.Sigmoid(), xp=xp))
    middle = len(a) // 2
    return Results(curves, {"both at a = 0.5": float(curves["y = 1"][middle])})
