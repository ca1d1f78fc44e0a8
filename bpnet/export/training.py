"""The whole training step as an ONNX file: forward, backpropagation, update, optimizer state."""

from pathlib import Path
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.arguments import checked, shown
from bpnet.core import costs, layers, optimizers, random
from bpnet.core.activations import Sigmoid, Softmax
from bpnet.core.costs import Cost, Hinge
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS
from bpnet.core.metrics import Kind
from bpnet.core.optimizers import State
from bpnet.core.regularizers import Regularization
from bpnet.errors import InputError
from bpnet.export import trace
from bpnet.export.inference import metadata
from bpnet.export.trace import Namespace
from bpnet.model.network import Network
from bpnet.training.declared import merged, signed
from bpnet.training.member import MASKS
from bpnet.training.objective import Data, Objective
from bpnet.training.opening import smoothed
from bpnet.training.planning import with_dropout
from bpnet.training.prepare import arrange, suited_cost
from bpnet.training.recipe import Recipe
from bpnet.training.step import TrainingStep

NOT_OF_A_STEP = ("schedule", "class_weight")
"""Options that act outside of a step."""


@checked
@signed(Recipe)
def training_to_onnx(
    network: Network,
    path: str | Path,
    recipe: Recipe | None = None,
    *,
    examples: int | None = None,
    dtype: str = "float32",
    **keywords: Any,
) -> Path:
    """Write one step of :func:`bpnet.train` as an ONNX file, opset 21.

    Inputs of the graph, for a batch of any size:

    * ``x``, (batch, n_0), scaled; ``y``, the numbers of the classes, (batch,), int64, where
      several outputs are classes that exclude each other, else rows, (batch, n_L);
    * ``rows``, (batch,), int64, with dropout only: the numbers of the examples in the training
      set, of which the masks are a function;
    * ``learning_rate``, (): may be left out;
    * the state of training: ``W.0``, (n_in, n_out), ``b.0``, (n_out,), ... of each layer with
      arrays, ``gamma``, ``beta``, ``mean`` and ``variance`` of a normalization; the optimizer's
      ``W.0.slot0``, ...; and ``step``, (), int64. They may be left out: the defaults are the
      network's arrays, zeros and 1.

    Outputs: ``cost``, (), the mean over the batch before the update, regularization included;
    ``correct``, (), where there are classes; and the state for the next step, each array under
    its name with ``.new`` at the end.

    Parameters
    ----------
    network : Network
        Network to train.
    path : str or Path
        A name that ends in ``.onnx``.
    recipe : Recipe, optional
        As in :func:`bpnet.train`, without the numbers of epochs and of examples in a batch.
    examples : int, optional
        Size of the training set, the m of (27); needed with ``l2`` or ``l1``.
    dtype : {"float32", "float64"}
        Dtype of the computation.
    **keywords
        The fields of :class:`bpnet.Recipe`, in place of those of ``recipe``.

    Returns
    -------
    Path
        The file, which is whole or not there.

    Raises
    ------
    InputError
        If an argument or the path cannot be used, such as a schedule or weights of classes, which
        a single step does not have; or if a library of the extra ``onnx`` is missing.

    Examples
    --------
    >>> import bpnet, onnxruntime, pathlib, tempfile
    >>> data = bpnet.data.load("digits")
    >>> x, y = (data.x * data.scale).astype("float32"), data.y.astype("int64")
    >>> net = bpnet.Network([64, 32, 10], hidden="relu", seed=0)
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "step.onnx"
    >>> options = onnxruntime.SessionOptions()
    >>> options.log_severity_level = 3     # or it warns of each input that may be left out
    >>> training_to_onnx(net, file, optimizer="adam").name
    'step.onnx'
    >>> session = onnxruntime.InferenceSession(file, options)
    >>> names = [output.name for output in session.get_outputs()]
    >>> rate = np.asarray(0.01, np.float32)
    >>> carried = {}                       # weights and optimizer state; at first those of the file
    >>> for epoch in range(5):
    ...     for i in range(0, len(x), 64):
    ...         batch = {"x": x[i : i + 64], "y": y[i : i + 64], "learning_rate": rate}
    ...         found = dict(zip(names, session.run(None, {**batch, **carried})))
    ...         carried = {n[:-4]: found[n] for n in names if n.endswith(".new")}
    >>> net.weights[0], net.biases[0] = carried["W.0"].T, carried["b.0"]
    >>> net.weights[1], net.biases[1] = carried["W.1"].T, carried["b.1"]
    >>> bool((net.classify(x) == y).mean() > 0.9)
    True
    """
    path = trace.check_path(path)
    trace.check_dtype(dtype)
    own = merged(Recipe, recipe, keywords)
    for name in NOT_OF_A_STEP:
        if (value := getattr(own, name)) != getattr(Recipe(), name):
            msg = f"{name} is {shown(value)}, and a single step has none; leave {name} out"
            raise InputError(msg)
    m = _check_examples(examples, regularized=bool(own.l2 or own.l1))
    rule = own.rule
    if isinstance(rule, LBFGS):
        msg = "optimizer is lbfgs, whose step is a search of no fixed length; give another"
        raise InputError(msg)
    output = network.output
    cost = costs.get(suited_cost(output) if own.cost is None else own.cost, output)
    kinds = with_dropout(network, own.dropout)
    xp = Namespace()
    objective = Objective(kinds, cost, None, _kind(network, cost), getattr(xp, dtype), xp)
    objective = smoothed(objective, own)
    start = arrange(trace.cast(network.parameters, dtype), kinds)
    state = optimizers.init(rule, layers.learned(kinds, start), xp=np)
    names = arrange(trace.names(network.layers), kinds)
    # nothing is packed into one vector: each array of the graph keeps its name
    step = TrainingStep(objective, rule, m, Regularization(**own.taken()), largest=0)
    inputs, outputs = _traced(step, start, state, names, own.seed, dtype)
    defaults = {
        **trace.by_name(names, start),
        **trace.by_name(names, state),
        "step": np.asarray(1),
        "learning_rate": np.asarray(rule.learning_rate, dtype),
    }
    step_metadata = {"kind": "training step", "optimizer": repr(rule), "cost": repr(cost)}
    return trace.write(path, inputs, outputs, {}, defaults, step_metadata | metadata(network))


def _traced(
    step: TrainingStep, start: Parameters, state: State, names: Any, seed: int, dtype: str
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Trace the step; return the inputs and outputs of the graph."""
    xp, kinds, n_L = step.objective.xp, step.objective.layers, start[-1][1].shape[0]
    # a normalization or dropout may come before the first dense layer
    first = next(layer for layer in kinds if isinstance(layer, layers.Dense))
    x = xp.input(("batch", first.n_in), dtype)
    y = xp.input(("batch", n_L), dtype)
    if step.objective.kind == "class":
        y = xp.input(("batch",), "int64")
    t, rate = xp.input((), "int64"), xp.input((), dtype)
    before = xp.inputs((start, state), dtype)
    inputs = {"x": x, "y": y, "step": t, "learning_rate": rate}
    # the last array has the weights of the examples, which are all 1
    data: Data = (x, y, xp.arange(n_L, dtype=xp.int64), xp.ones_like(x[:, 0]))
    if any(isinstance(layer, layers.Dropout) and layer.rate > 0 for layer in kinds):
        inputs["rows"] = xp.input(("batch",), "int64")
        data = (*data, inputs["rows"])
    words = _words(seed, t, xp) if layers.differs_in_training(kinds) else ()
    # in float64, as the host computes the coefficients of other steps
    numbers = step.optimizer.coefficients(xp.astype(t, xp.float64), xp.astype(rate, xp.float64))
    numbers = tuple(xp.asarray(number, dtype=step.objective.dtype) for number in numbers)
    # the step takes all rows of its data, which `take` recognizes by this object
    xp.rows = xp.arange(x.dynamic_shape[0])
    # the step may write to its arguments, and inputs of a graph must stay
    parameters, slots = xp.copied(before)
    carry = step.pack(parameters), step.layout.pack_slots(slots, xp=xp)
    carry, sums = step(carry, step.load(xp.rows, data), (numbers, words), data)
    after = step.unpack(carry[0]), step.layout.unpack_slots(carry[1], xp=xp)
    # the step returns a sum over the examples, and the output is their mean
    sums = (sums[0] / xp.sum(data[3]), *sums[1:])
    # without classes there is no number of correct answers
    outputs = dict(zip(("cost", "correct"), sums, strict=False))
    carried = {"step": t + 1}
    for old, new in zip(before, after, strict=True):
        inputs.update(trace.by_name(names, old))
        carried.update(trace.by_name(names, new))
    return inputs, {**outputs, **{f"{name}.new": value for name, value in carried.items()}}


def _words(seed: int, t: Array, xp: Namespace) -> tuple[Array, Array]:
    """``random.step_words`` of a step that is a number of the graph, below 2^32."""
    key = (seed % 2**32, seed // 2**32)
    x0, x1 = random.threefry_of_words(key, t, MASKS)
    # the same bits as int32, as steps on the host have them
    return tuple(
        xp.astype(xp.where(word >= 2**31, word - 2**32, word), xp.int32) for word in (x0, x1)
    )


def _kind(network: Network, cost: Cost) -> Kind | None:
    """Kind of metric by the network alone, as the targets are unknown."""
    is_multiclass = network.sizes[-1] > 1 and not network.labels
    if is_multiclass and (network.classes is not None or isinstance(network.output, Softmax)):
        return "class"
    is_binary = network.labels or isinstance(network.output, Sigmoid) or isinstance(cost, Hinge)
    return "threshold" if is_binary else None


def _check_examples(examples: int | None, *, regularized: bool) -> int:
    """Refuse a wrong number of examples, or a missing one where (27) needs it."""
    if examples is None and not regularized:
        # without regularization m has no effect
        return 1
    # a bool is an int
    is_whole = isinstance(examples, int | np.integer) and not isinstance(examples, bool)
    if not is_whole or examples < 1:  # type: ignore[operator]
        msg = f"examples is {examples!r}; with l2 or l1 give the size of the training set"
        raise InputError(msg)
    return int(examples)  # type: ignore[arg-type]
