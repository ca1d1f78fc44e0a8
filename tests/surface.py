"""What bpnet asks of an array library, written down, and held against CuPy's namespace.

``python -m tests.surface --renew`` writes surface.txt again; test_surface.py compares. A line is
``kind name (dtypes of the arguments) keywords -> dtypes of the result``; ``number`` is a plain
Python number.
"""

import inspect
import sys
from pathlib import Path

import numpy as np

import bpnet
from bpnet.backends.numpy import NumPy
from bpnet.check import cases
from bpnet.check.watch import Call, Watch
from bpnet.core import optimizers
from bpnet.training import Distributions

FILE = Path(__file__).with_name("surface.txt")

DTYPES = ("float64", "float32", "float16")

UFUNCS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "neg": "negative",
    "pos": "positive",
    "abs": "absolute",
    "invert": "invert",
}
"""The ufunc behind each operator."""


def digits(m=96):
    """X of 8 pixels, uint8, and the numbers of 4 classes."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (m, 8), dtype=np.uint8), np.arange(m) % 4


def train(
    watch, dtype="float32", *, optimizer="sgd", scale=1 / 255, batch_size=32, norm=None, **options
):
    """One epoch of 8-6-4, relu, softmax, cross-entropy."""
    net = bpnet.Network([8, 6, 4], hidden="relu", seed=0, norm=norm)
    X, y = digits()
    data = bpnet.data.Dataset(X, y, scale=scale)
    bpnet.train(
        net,
        data,
        optimizer=optimizer,
        epochs=1,
        batch_size=batch_size,
        backend=watch.as_backend(),
        dtype=dtype,
        **options,
    )
    return net, data


def members(backend, data, dtype):
    """An epoch of networks at once, each with options of its own."""
    for norm, rule in ((None, optimizers.Adam()), ("batch", optimizers.Momentum())):
        bpnet.train(
            [bpnet.Network([8, 6, 4], hidden="relu", seed=seed, norm=norm) for seed in range(2)],
            data,
            optimizer=rule,
            epochs=1,
            batch_size=32,
            backend=backend,
            dtype=dtype,
            l2=[0.0, 0.1],
            l1=[0.1, 0.0],
            max_norm=1.0,
            clip_norm=1.0,
            dropout=[0.1, 0.3],
            seed=[0, 1],
            folds=[(np.arange(80), np.arange(80, 96))] * 2,
            class_weight="balanced",
        )


def record() -> list[Call]:
    """All that training, evaluation and prediction, every layer, cost and optimizer ask for."""
    watch = Watch(NumPy())
    backend = watch.as_backend()
    for dtype in DTYPES:
        for name in optimizers.OPTIMIZERS:
            train(watch, dtype, optimizer=name)
        net, data = train(watch, dtype, l2=0.1, dropout=0.3, validation=digits(12))
        train(watch, dtype, l1=0.1, max_norm=1.0, clip_norm=1.0, class_weight={0: 2.0})
        for norm in ("batch", "layer"):
            train(watch, dtype, norm=norm, validation=digits(12))
        train(watch, dtype, micro_batch=8, class_weight={0: 2.0})
        train(watch, dtype, callbacks=[Distributions()])
        if dtype != "float16":
            train(watch, dtype, optimizer="lbfgs", batch_size=None, l2=0.1, l1=0.1)
        members(backend, data, dtype)
        rows = np.eye(4)[data.y]
        bpnet.train(net, (data.x / 255, rows), epochs=1, backend=backend, dtype=dtype)
        bpnet.evaluate(net, data, backend=backend, dtype=dtype)
        bpnet.gradients(net, data.x, data.y, l2=0.1, backend=backend, dtype=dtype)
        net.predict(data.x, backend=backend, dtype=dtype)
        labels = bpnet.Network([8, 3], output="sigmoid", seed=0)
        bpnet.train(labels, (data.x, rows[:, :3]), epochs=1, backend=backend, dtype=dtype)
        for hidden in cases.ACTIVATIONS:
            case = cases.small(hidden, "sigmoid", "quadratic")
            cases.gradients(backend, case, dtype)
        for cost, output in cases.PAIRS:
            cases.gradients(backend, cases.small("tanh", output, cost), dtype)
    return watch.calls


def lines(calls: list[Call]) -> list[str]:
    """Calls as text, each once, in order of the alphabet."""
    return sorted({line(call) for call in calls if call.kind != "upload"})


def line(call: Call) -> str:
    """Text of one call."""
    arguments = ", ".join(call.dtypes)
    keywords = " " + " ".join(f"{k}=" for k in call.keywords) if call.keywords else ""
    return f"{call.kind} {call.name} ({arguments}){keywords} -> {', '.join(call.result) or '-'}"


STEPS = {
    **{name: {"optimizer": name} for name in optimizers.OPTIMIZERS},
    "sgd, l2": {"l2": 0.1},
    "sgd, l1": {"l1": 0.1},
    "sgd, max-norm": {"max_norm": 1.0},
    "sgd, gradients clipped": {"clip_norm": 1.0},
    "sgd, weights of examples": {"class_weight": "balanced"},
    "sgd, dropout": {"dropout": 0.3},
    "sgd, batch normalization": {"norm": "batch"},
    "sgd, layer normalization": {"norm": "layer"},
    "sgd, float16": {"dtype": "float16"},
    "sgd, float64": {"dtype": "float64"},
}
"""Training steps of 8-6-4 whose calls are counted."""


def launches(options: dict) -> float:
    """Calls of one training step: from epochs of 6 and of 3 steps."""
    counts = []
    for batch_size in (16, 32):
        watch = Watch(NumPy())
        train(watch, batch_size=batch_size, **options)
        counts.append(watch.launches())
    return (counts[0] - counts[1]) / 3


def surface() -> str:
    """The text of surface.txt."""
    steps = [f"{launches(options):4g}  {name}" for name, options in STEPS.items()]
    return "\n".join(
        [
            "# What bpnet asks of an array library. Written by: python -m tests.surface --renew",
            "",
            "# Calls in one training step of a network with two layers of weights",
            "# (8-6-4, relu, softmax, cross-entropy, uint8 inputs; float32 unless it says so).",
            *steps,
            "",
            "# Functions, operators and attributes, with the dtypes and keywords given.",
            *lines(record()),
            "",
        ]
    )


def complaints(calls: list[Call], xp, ndarray) -> list[str]:
    """What a namespace and its array class lack of the calls, a line each."""
    distinct = {(line(c), c.positional): c for c in calls if c.kind != "upload"}
    lacking = [(text, lacks(c, xp, ndarray)) for (text, _), c in sorted(distinct.items())]
    return [f"{text}: {what}" for text, what in lacking if what]


def lacks(call: Call, xp, ndarray) -> str | None:
    """What a namespace lacks for one call; a copy to the host is the backend's own affair."""
    if call.kind == "foreign":
        return "an operand of another library"
    if call.kind in ("operator", "attribute"):
        if not hasattr(ndarray, call.name):
            return f"{ndarray.__name__} has no {call.name}"
        ufunc = UFUNCS.get(call.name.strip("_")) or UFUNCS.get(call.name.strip("_")[1:])
        return takes(getattr(xp, ufunc), call) if ufunc else None
    if call.kind == "function":
        if not hasattr(xp, call.name):
            return f"{xp.__name__} has no {call.name}"
        return takes(getattr(xp, call.name), call)
    return None


def takes(function, call: Call) -> str | None:
    """Why a function does not take the arguments; None if it does."""
    if hasattr(function, "types"):
        return None if accepts(function.types, call) else f"no loop of it: {function.types}"
    try:
        inspect.signature(function).bind(*[None] * call.positional, **dict.fromkeys(call.keywords))
    except TypeError as error:
        return str(error)
    return None


def accepts(types: list[str], call: Call) -> bool:
    """Whether a ufunc with these loops, such as ``"ff->f"``, gives the dtypes recorded."""
    for loop in types:
        inputs, outputs = (
            ["bfloat16" if c == "E" else np.dtype(c) for c in s] for s in loop.split("->")
        )
        if "bfloat16" in inputs + outputs or len(inputs) != len(call.dtypes):
            continue
        fits = all(
            dtype == "number" or np.can_cast(dtype, accepted)
            for dtype, accepted in zip(call.dtypes, inputs, strict=True)
        )
        if fits and [o.name for o in outputs] == list(call.result):
            return True
    return False


if __name__ == "__main__":
    if sys.argv[1:] != ["--renew"]:
        sys.exit("usage: python -m tests.surface --renew")
    FILE.write_text(surface(), encoding="utf-8")
    print(f"{FILE}: {len(FILE.read_text().splitlines())} lines")
