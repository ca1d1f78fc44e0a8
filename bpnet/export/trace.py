"""Tracing: core's functions called with ndonnx arrays, which record the operations."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

import bpnet
from bpnet._typing import Array
from bpnet.backends import trees
from bpnet.core.feedforward import Parameters
from bpnet.core.layers import Dense
from bpnet.errors import InputError
from bpnet.export.library import library
from bpnet.export.simplify import simplify
from bpnet.storage import disk

_LIMIT = 2_000_000_000
"""Most bytes of arrays in one file; protobuf's own limit is 2^31."""


class Namespace:
    """Namespace of ndonnx for one trace, with the functions that ndonnx does otherwise than core.

    ``rows``, (batch,), are the numbers of all examples of the batch: taking them copies the array.
    """

    def __init__(self) -> None:
        self._xp = library("ndonnx")
        self.rows: Array = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, name)

    def take(self, x: Array, indices: Array, /, *, axis: int) -> Array:
        """Return ``x`` at the indices; a new array."""
        # a Gather of all rows in their order would be an operator without effect
        if indices is self.rows:
            return self.asarray(x, copy=True)
        return self._xp.take(x, indices, axis=axis)

    def mean(self, x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
        """Return the mean over one axis in the dtype of ``x``; ndonnx divides in float64."""
        n = x.shape[axis]
        # the length of the batch is unknown while the graph is made
        if n is None:
            n = self.sum(self.ones_like(x), axis=axis, keepdims=keepdims)
        return self.sum(x, axis=axis, keepdims=keepdims) / n

    def input(self, shape: tuple[Any, ...], dtype: str) -> Array:
        """Return an input of the graph; ``"batch"`` in its shape is a length of any size."""
        return self.argument(shape=shape, dtype=getattr(self, dtype))

    def inputs(self, tree: Any, dtype: str) -> Any:
        """Return inputs shaped like the arrays of nested tuples."""
        return trees.map_leaves(lambda a: self.input(tuple(a.shape), dtype), tree)

    def copied(self, tree: Any) -> Any:
        """Return nested tuples of new arrays, which may be written to."""
        return trees.map_leaves(lambda a: self.asarray(a, copy=True), tree)


def names(layers: Sequence[Any]) -> tuple[tuple[str, ...], ...]:
    """Names of the arrays of each layer in a graph: ``W.0``, ``b.0``; ``gamma.1``, ``beta.1``."""
    kinds = [
        ("W", "b") if isinstance(layer, Dense) else ("gamma", "beta", "mean", "variance")
        for layer in layers
    ]
    return tuple(
        # dropout has no shapes, and so no names
        tuple(f"{kind}.{l}" for kind, _ in zip(kinds[l], layer.shapes, strict=False))
        for l, layer in enumerate(layers)
    )


def by_name(names: Any, tree: Any) -> dict[str, Any]:
    """Arrays of nested tuples by their names; an optimizer's are ``W.0.slot0``, ..."""
    if not isinstance(names, str):
        pairs = zip(names, tree, strict=False)  # an optimizer has no slots for averages
        return {name: a for both in pairs for name, a in by_name(*both).items()}
    if isinstance(tree, tuple):
        return {f"{names}.slot{i}": a for i, a in enumerate(tree)}
    return {names: tree}


def cast(parameters: Parameters, dtype: str) -> Parameters:
    """NumPy arrays of all layers in another dtype."""
    return tuple(tuple(a.astype(dtype) for a in arrays) for arrays in parameters)


def check_path(path: str | Path, reads: Iterable[str | Path] = ()) -> Path:
    """Check that a path ends in ``.onnx``, can be written and is no input file."""
    path = Path(path)
    if path.suffix != ".onnx":
        msg = f"an ONNX file is named .onnx, not {path.name!r}; rename it"
        raise InputError(msg)
    return disk.writable(path, reads)


def check_dtype(dtype: str) -> None:
    """Refuse a dtype in which no graph is made."""
    if dtype not in ("float32", "float64"):
        msg = f"dtype is {dtype!r}; an ONNX file is float32 or float64"
        raise InputError(msg)


def write(
    path: Path,
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
    fixed: Mapping[str, Any],
    defaults: Mapping[str, Any],
    metadata: Mapping[str, str],
) -> Path:
    """Build a graph, simplify and check it, and write it; the file is whole or not there.

    ``inputs`` and ``outputs`` are traced arrays. Inputs in ``fixed`` become constants of the graph;
    inputs in ``defaults`` may be left out, and then have these values. ``metadata`` becomes the
    model's ``metadata_props``.
    """
    size = sum(int(np.asarray(a).nbytes) for a in (*fixed.values(), *defaults.values()))
    if size > _LIMIT:
        msg = f"the network has {size / 1e9:.1f} GB of arrays; an ONNX file holds up to 2 GB"
        raise InputError(msg)
    onnx, xp = library("onnx"), library("ndonnx")
    # numbers in place of the users' names, which values within the graph might have too
    tokens = {name: f"input_{i}" for i, name in enumerate(inputs)}
    results = {name: f"output_{i}" for i, name in enumerate(outputs)}
    model = xp.build(
        {tokens[name]: a for name, a in inputs.items()},
        {results[name]: a for name, a in outputs.items()},
    )
    model = simplify(model, {tokens[name]: np.asarray(a) for name, a in fixed.items()})
    model = _renamed(model, {token: name for name, token in {**tokens, **results}.items()})
    add = model.graph.initializer.append
    for name, value in defaults.items():
        add(onnx.numpy_helper.from_array(np.asarray(value), name))
    model.producer_name, model.producer_version = "bpnet", bpnet.__version__
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict(metadata))
    # a graph that no runtime could load is not written
    onnx.checker.check_model(model, full_check=True)
    disk.write(path, model.SerializeToString())
    return path


def _renamed(model: Any, names: dict[str, str]) -> Any:
    """The model with the users' names of inputs and outputs, and short names within."""
    graph, used = model.graph, set(names.values())
    number = 0
    for node in graph.node:
        for value in node.output:
            if value not in names:
                # a name may be taken by an input or an output of the user
                while f"{node.op_type}.{number}" in used:
                    number += 1
                names[value] = f"{node.op_type}.{number}"
                number += 1
    _name_biases(graph, names)
    free = (name for i in count() if (name := f"constant.{i}") not in used)
    for tensor in graph.initializer:
        if tensor.name not in names:
            names[tensor.name] = next(free)
    for node in graph.node:
        # an input that is left out has an empty name, which stays
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names[value] for value in node.output]
        node.name = f"node:{node.output[0]}"
    for entry in (*graph.input, *graph.output, *graph.initializer):
        entry.name = names[entry.name]
    # its shapes have the old names
    del graph.value_info[:]
    graph.name = "bpnet"
    return model


def _name_biases(graph: Any, names: dict[str, str]) -> None:
    """Name the bias of a product with ``W.l`` ``b.l``: a new axis has made it another array."""
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Gemm" and names.get(node.input[1], "").startswith("W."):
            bias = node.input[2]
            if bias in constants:
                names.setdefault(bias, f"b{names[node.input[1]][1:]}")
