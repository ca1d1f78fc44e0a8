"""The forward pass as an ONNX file, with the encodings of a table's columns before it."""

import itertools
import json
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.arguments import checked
from bpnet.core import feedforward
from bpnet.data import Columns
from bpnet.export import encoding, trace
from bpnet.export.trace import Namespace
from bpnet.model.base import BaseModel, class_numbers
from bpnet.model.ensemble import Ensemble
from bpnet.model.network import Network


@checked
def to_onnx(
    network: Network | Ensemble,
    path: str | Path,
    columns: Columns | None = None,
    dtype: str = "float32",
) -> Path:
    """Write the network's forward pass as an ONNX file, opset 21.

    The graph takes any number of examples. Without ``columns`` its input is ``x``, (batch, n_0),
    in ``dtype``: integers must be scaled first, by the ``scale`` in the metadata. With ``columns``
    its inputs are the raw columns of the table by their names, each (batch,): numbers as float64,
    with nan for a missing one, and text and booleans as strings, with ``""`` for a missing one.
    Spaces around text must be removed first, as readers of files do.

    The outputs are ``output``, a^L, (batch, n_L); with classes ``label``, their names, (batch,),
    or with labels 0 and 1, (batch, n_L) or for one label (batch,); and in a regression on a table
    ``prediction``, (batch,), in the target's own units.

    Parameters
    ----------
    network : Network or Ensemble
        Model to write, with its layers as in ``predict``; the output of an ensemble is the mean of
        its members' outputs.
    path : str or Path
        A name that ends in ``.onnx``.
    columns : Columns, optional
        Encodings of a table's columns.
    dtype : {"float32", "float64"}
        Dtype of the computation; ONNX Runtime lacks some operators in float64 on a CPU.

    Returns
    -------
    Path
        The file, which is whole or not there.

    Raises
    ------
    InputError
        If the path cannot be written, the columns do not fit the network, or a library of the
        extra ``onnx`` is missing.

    Examples
    --------
    >>> import bpnet, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> net = bpnet.Network([4, 8, 3], hidden="relu", seed=0)
    >>> file = to_onnx(net, folder / "model.onnx")
    >>> import onnxruntime
    >>> session = onnxruntime.InferenceSession(file)
    >>> x = np.ones((5, 4), np.float32)
    >>> (a,) = session.run(["output"], {"x": x})
    >>> bool(abs(a - net.predict(x, dtype="float32")).max() < 1e-6)
    True
    """
    path = trace.check_path(path)
    trace.check_dtype(dtype)
    xp = Namespace()
    members = network.networks if isinstance(network, Ensemble) else (network,)
    chains = [layer for member in members for layer in member.layers]
    parameters = tuple(arrays for member in members for arrays in member.parameters)
    # an ensemble's layers are numbered from the first member to the last
    names = trace.names(chains)
    # traced as inputs, which keep their names in the graph; `write` makes constants of them
    traced = xp.inputs(parameters, dtype)
    if columns is None:
        inputs = {"x": xp.input(("batch", network.sizes[0]), dtype)}
        x = inputs["x"]
    else:
        encoding.check(columns, network.sizes[0])
        inputs = encoding.inputs(columns, xp)
        x = xp.astype(encoding.encode(inputs, columns, xp), getattr(xp, dtype))
    # a column may have the name of a parameter or of an output
    suffix = _suffix(itertools.chain(*names), inputs)
    names = tuple(tuple(f"{name}{suffix}" for name in layer) for layer in names)
    a = _outputs(members, traced, x, xp)
    outputs = {"output": a, **_labels(network, a, xp), **_predictions(columns, a, xp)}
    return trace.write(
        path,
        {**inputs, **trace.by_name(names, traced)},
        {f"{name}{_suffix([name], inputs)}": value for name, value in outputs.items()},
        trace.by_name(names, trace.cast(parameters, dtype)),
        {},
        {
            "kind": "forward pass",
            **metadata(network),
            **({} if columns is None else {"columns": columns.to_json()}),
        },
    )


def _outputs(members: Sequence[Network], arrays: Any, x: Array, xp: Namespace) -> Array:
    """Mean of the members' outputs; ``arrays`` has those of all members, one after the other."""
    remaining, outputs = iter(arrays), []
    for member in members:
        own = tuple(itertools.islice(remaining, len(member.layers)))
        outputs.append(feedforward.feedforward(member.layers, own, x, xp=xp))
    # one network needs no mean, which would be an operator without effect
    if len(members) == 1:
        return outputs[0]
    return xp.mean(xp.stack(outputs), axis=0)


def metadata(network: BaseModel) -> dict[str, str]:
    """Metadata of a network in an ONNX file; all but the first value are JSON."""
    classes = None if network.classes is None else network.classes.tolist()
    return {
        "network": repr(network),
        "classes": json.dumps(classes),
        "scale": json.dumps(network.scale),
    }


def _suffix(names: Iterable[str], columns: Container[str]) -> str:
    """Shortest suffix of underscores with which no name is also the name of a column."""
    names, suffix = list(names), ""
    while any(f"{name}{suffix}" in columns for name in names):
        suffix += "_"
    return suffix


def _labels(network: BaseModel, a: Array, xp: Namespace) -> dict[str, Array]:
    """``Network.decide``, for a network with names of classes or with labels."""
    if network.classes is None and not network.labels:
        return {}
    number, classes = class_numbers(network, a, xp=xp), network.classes
    if classes is None:
        return {"label": number}
    if classes.dtype.kind == "U":
        names = dict(enumerate(classes.tolist()))
        return {"label": xp.extensions.static_map(number, names, default="")}
    return {"label": xp.take(xp.asarray(np.asarray(classes)), number, axis=0)}


def _predictions(columns: Columns | None, a: Array, xp: Namespace) -> dict[str, Array]:
    """``Columns.decode_target``, for a regression."""
    if columns is None or columns.task != "regress":
        return {}
    means, stds = np.atleast_1d(columns.mean).tolist(), np.atleast_1d(columns.std).tolist()
    named = zip(columns.target_names, means, stds, strict=True)
    # in float64, as `decode_target` computes: an amount may have more digits than float32
    values = [(name, xp.astype(a[:, j], xp.float64) * std + mean)
              for j, (name, mean, std) in enumerate(named)]  # fmt: skip
    if len(values) == 1:
        return {"prediction": values[0][1]}
    return {f"prediction_{name}": value for name, value in values}
