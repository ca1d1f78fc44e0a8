"""Runs whose pictures are drawn and not written, and what stands on their axes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

import bpnet
from bpnet.pages.drawing import LIGHT
from tests.report.test_figures import CONFIG, subject

BLUE, ORANGE = LIGHT.series[:2]
LAYER = {
    "activations": [0.0, 1.0, 2.0, 3.0, 4.0], "gradients": [0.1, 0.2, 0.4, 0.8, 1.6],
    "updates": [0.01, 0.02, 0.03, 0.04, 0.05], "silent": 0.25, "still": 0.5,
}  # fmt: skip


def run_of(evaluation=None, **history):
    """A run with such a history, whose settings are its own."""
    return replace(subject(evaluation, **history), config={**CONFIG, "training": {}})


def lines(axes):
    """Label, points and dash of each line of an axes."""
    points = lambda line: [tuple(map(float, p)) for p in line.get_xydata()]  # noqa: E731
    return [(a.get_label(), points(a), a.get_linestyle(), a.get_color()) for a in axes.get_lines()]


def along(values, first=1.0, step=1.0):
    return [(first + step * i, float(v)) for i, v in enumerate(values)]


def told(figure):
    """What the places of a picture tell, and where they are."""
    return {spot.text: (spot.x, spot.y) for spot in figure.spots}


def labels(axes):
    return axes.get_xlabel(), axes.get_ylabel()


def recorded(layer_count, epochs, **more):
    """Records of layers, the n-th of which has n times the values."""
    of = lambda n: {k: (np.multiply(v, n)).tolist() for k, v in {**LAYER, **more}.items()}  # noqa: E731
    return [{"epoch": e, "layers": [of(n + 1) for n in range(layer_count)]} for e in epochs]


def classified(outputs, truth, names=("no", "maybe", "yes"), output="softmax"):
    """A run of some classes, or of none, that was evaluated on rows of two numbers."""
    outputs = np.asarray(outputs, float)
    net = bpnet.Network([2, 3, outputs.shape[1]], output=output, seed=0)
    net.classes = names
    values = np.asarray(truth)
    evaluation = SimpleNamespace(
        outputs=outputs, what="the test rows", part="test", truth=values,
        targets=SimpleNamespace(kind="class", values=values),
        data=SimpleNamespace(
            notes=(), shape=None, rows=None, x=np.arange(2.0 * len(values)).reshape(-1, 2)
        ),
    )  # fmt: skip
    return replace(subject(evaluation), network=net)


def numbered(actual, predicted):
    """A run that predicts amounts."""
    outputs = np.reshape(predicted, (len(actual), -1))
    run = classified(outputs, np.zeros(len(actual), int), None, "identity")
    run.evaluation.targets = SimpleNamespace(kind=None, values=np.asarray(actual, float))
    return run


def weighted(n=3, shape=(2, 2)):
    """A network of pictures whose neuron n has weights of n times those of the first."""
    inputs = int(np.prod(shape))
    net = bpnet.Network([inputs, n, 2], seed=0)
    net.weights[0] = np.outer(np.arange(1, n + 1), np.linspace(-1, 0.5, inputs))
    return SimpleNamespace(network=net, members=(net,), shape=shape)


def rgb(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
