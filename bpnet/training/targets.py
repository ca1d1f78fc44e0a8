"""Targets: labels or rows as the cost takes them, and the weights of the examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bpnet import backends
from bpnet.arguments import finite_number
from bpnet.core import activations, costs
from bpnet.core.activations import Activation
from bpnet.core.costs import Cost
from bpnet.core.metrics import Kind
from bpnet.data import Columns, batches, finite
from bpnet.data.host_rows import HostRows
from bpnet.data.labels import check_alike, named, typed
from bpnet.errors import InputError

Host = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Targets:
    """The targets of the examples, on the host.

    ``values`` are class numbers, int32, (m,), which become one-hot rows batch by batch, or rows,
    float64, (m, n_L). ``kind`` says how a correct answer is recognized and is None if there are no
    classes. ``columns`` describe the table that the targets come from.
    """

    values: Any
    kind: Kind | None
    classes: Host | None
    columns: Columns | None = None

    @property
    def unit(self) -> Any:
        """What a difference of 1 means in the target's own unit; one number for each target."""
        std = 1.0 if self.columns is None else self.columns.std
        return np.asarray(std) if isinstance(std, tuple) else std

    @property
    def are_labels(self) -> bool:
        """Whether they are labels of which an example may have several."""
        return self.kind == "threshold" and self.classes is None


def make_targets(
    y: Any,
    m: int,
    n: int,
    output: Activation,
    cost: Cost,
    classes: Host | None,
    name: str = "y",
    *,
    learn: bool = False,
    labels: bool = False,
) -> Targets:
    """Return the targets of ``m`` examples for ``n`` outputs, from labels of any type or from rows.

    An array of one dimension holds class labels if there are several outputs, or one that is a
    sigmoid or has the cost ``hinge``. For one such output, floats from 0 to 1 are numbers, unless
    they are all 0 or 1 or the network's classes are floats. An array of two dimensions holds rows;
    with ``labels`` each entry is a label by itself. ``classes`` are those of an earlier training;
    with ``learn`` there must be two at least.
    """
    check_alike(y, name)
    y = typed(host(y, name), name)
    if y.shape[:1] != (m,):
        msg = f"{name} has {y.shape[0] if y.ndim else 0} entries and X {m} examples; match them"
        raise InputError(msg)
    finite.refuse(y, name)
    # a column of floats beside one output is a row of numbers for each example, not labels
    if y.ndim == 2 and y.shape[1] == 1 and (y.dtype.kind != "f" or n > 1):
        y = y[:, 0]
    one_output = n == 1 and isinstance(cost, costs.Hinge)
    one_output = one_output or (n == 1 and isinstance(output, activations.Sigmoid))
    if y.ndim == 1 and (one_output or n > 1) and _are_labels(y, n, classes):
        numbers, names = _class_numbers(y, n, classes, name, learn)
        if n == 1:
            return Targets(numbers[:, None].astype(np.float64), "threshold", names)
        return Targets(numbers, "class", names)
    made = _rows(y, n, output, cost, name)
    if labels and made.kind == "class":
        return replace(made, kind="threshold", classes=None)
    if classes is None or len(classes) != n or made.kind == "threshold":
        return made
    return replace(made, classes=classes)  # rows have no names of classes, the network has some


def host(y: Any, name: str) -> Host:
    """Return targets of any library, or lists, as a NumPy array; streamed ones as a whole."""
    array: Host = (
        y.whole() if isinstance(y, HostRows) else backends.to_numpy(batches.as_array(y, name))
    )
    return array


def _are_labels(y: Host, n: int, classes: Host | None) -> bool:
    """Whether an array of one dimension holds labels of classes."""
    if y.dtype.kind != "f" or n > 1 or bool(np.isin(y, (0.0, 1.0)).all()):
        return True
    if classes is not None and classes.dtype.kind in "iuf":
        return classes.dtype.kind == "f" or bool(np.isin(y, classes).all())
    return len(np.unique(y)) == 2 and not bool(((y >= 0) & (y <= 1)).all())


def _class_numbers(
    y: Host, n: int, classes: Host | None, name: str, learn: bool
) -> tuple[Host, Host]:
    """Return the number of each label among the classes, and the classes."""
    count = max(n, 2)
    labels = named(np.unique(y), name)
    if classes is None:
        if learn and len(labels) < 2:
            msg = f"{name} has one class only, {labels[0].item()!r}; training needs at least two"
            raise InputError(msg)
        kind = labels.dtype.kind
        whole = kind in "iu" and int(labels[0]) >= 0 and int(labels[-1]) < count
        # numbers below the count are class numbers, of which some may be absent here
        classes = np.arange(count) if whole else labels
    if len(classes) != count:
        outputs = f"{n} outputs" if n > 1 else "one output, two classes"
        msg = f"{name} has {len(classes)} classes and the network {outputs}; match them"
        if y.dtype.kind == "f":
            msg += ", or for amounts give it one output, output='identity'"
        raise InputError(msg)
    # NumPy finds a number and its text unequal
    if classes.dtype.kind != y.dtype.kind and "U" in (classes.dtype.kind, y.dtype.kind):
        classes, y, labels = classes.astype(str), y.astype(str), labels.astype(str)
    strange = labels[~np.isin(labels, classes)]
    if len(strange):
        msg = f"{name} has the class {strange[0]!s}, which the network was not trained with"
        raise InputError(f"{msg}; it knows {', '.join(str(c) for c in classes[:10])}")
    # classes keep the order that the network has them in, and searchsorted needs them sorted
    by_name = np.argsort(classes)
    numbers = by_name[np.searchsorted(classes[by_name], y)]
    return numbers.astype(np.int32), classes


def _rows(y: Host, n: int, output: Activation, cost: Cost, name: str) -> Targets:
    """Return targets that are rows, and how a correct answer is recognized."""
    if y.dtype.kind not in "biuf":
        msg = f"{name} has dtype {y.dtype} for an output that gives numbers; give numbers"
        if n == 1:
            msg += ", or the network output='sigmoid' for two classes, or an output for each class"
        raise InputError(msg)
    if y.ndim == 1 and n == 1:
        y = y[:, None]
    if y.ndim != 2 or y.shape[1] != n:
        msg = f"{name} has shape {y.shape} for a network of {n} outputs; give class labels "
        raise InputError(f"{msg}(whole numbers or text, one each) or rows of {n}")
    values = y.astype(np.float64)
    _check_range(values, output, cost, name)
    binary = bool(np.isin(values, (0.0, 1.0)).all())
    classed = isinstance(output, activations.Sigmoid | activations.Softmax)
    if not binary or not (classed or isinstance(cost, costs.Hinge)):
        return Targets(values, None, None)
    if n > 1 and bool((values.sum(axis=1) == 1).all()):
        return Targets(values, "class", np.arange(n))
    return Targets(values, "threshold", None)


def _check_range(values: Host, output: Activation, cost: Cost, name: str) -> None:
    """Refuse values for which the cost is not defined."""
    low, high = float(values.min()), float(values.max())
    bound = None
    if isinstance(cost, costs.CrossEntropy) and (low < 0 or high > 1):
        bound = "from 0 to 1"
    elif isinstance(cost, costs.Poisson) and low < 0:
        bound = "of 0 or more"
    elif isinstance(cost, costs.Hinge) and not np.isin(values, (0.0, 1.0)).all():
        bound = "that are 0 or 1"
    if bound is not None:
        msg = f"{name} ranges from {low:g} to {high:g}; the cost {type(cost).__name__} takes values"
        amounts = "; for amounts give the network output='identity'"
        raise InputError(f"{msg} {bound}" + amounts * isinstance(cost, costs.CrossEntropy))
    if isinstance(cost, costs.CrossEntropy) and isinstance(output, activations.Softmax):
        worst = int(np.argmax(np.abs(values.sum(axis=1) - 1)))
        # probabilities that were rounded to a few digits do not sum to 1 exactly
        if abs(values[worst].sum() - 1) > 1e-3:
            msg = f"{name} has a row with sum {values[worst].sum():g}, row {worst}; with softmax "
            msg += "outputs each must sum to 1, or use sigmoid outputs, or identity for amounts"
            raise InputError(msg)


def weigh(
    sample_weight: Any, class_weight: Mapping[Any, float] | str | None, targets: Targets, m: int
) -> Host | None:
    """Return weights of ``m`` examples in float64 with the mean 1, or None if all are the same.

    A balanced weight is m / (classes x examples of the class), so that every class weighs the same.
    A class that ``class_weight`` does not name has the weight 1.
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(m) if sample_weight is None else checked_weights(sample_weight, m)
    if class_weight is not None:
        weights = weights * _by_class(class_weight, targets)
    if not weights.any():
        raise InputError("all examples have the weight 0; give at least one a weight")
    scaled: Host = weights / weights.mean()  # near 1, so that they fit into half precision
    return scaled


def weights_of(call: Any, targets: Targets) -> list[Host | None]:
    """Return for each network the weights of all examples, (all examples,), or None.

    The weights of a fold have the mean 1 over its training rows, and are 0 elsewhere.
    """
    total, by_class = len(targets.values), call.plans[0].recipe.class_weight
    if call.plans[0].fold is None:
        return [weigh(call.sample_weight, by_class, targets, total)] * len(call.plans)
    own = None if call.sample_weight is None else checked_weights(call.sample_weight, total)
    weights: list[Host | None] = []
    for rows, _ in (plan.fold for plan in call.plans):
        part = replace(targets, values=targets.values[rows])
        made = weigh(None if own is None else own[rows], by_class, part, len(rows))
        whole = None if made is None else np.zeros(total)
        if whole is not None:
            # weights are looked up by row numbers of the whole set
            whole[rows] = made
        weights.append(whole)
    return weights


def checked_weights(sample_weight: Any, m: int) -> Host:
    """Return the weights of ``m`` examples in float64; refuse all but numbers of 0 or more."""
    weights = host(batches.as_array(sample_weight, "sample_weight"), "sample_weight")
    if weights.shape != (m,):
        msg = f"sample_weight has shape {weights.shape} and X {m} examples; give one weight each"
        raise InputError(msg)
    if weights.dtype.kind not in "biuf":
        msg = f"sample_weight has dtype {weights.dtype}, no number of 0 or more; give such"
        raise InputError(msg)
    wide = weights.astype(np.float64)
    bad = ~(np.isfinite(wide) & (wide >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        msg = f"sample_weight has {wide[row]:g} in row {row}, no number of 0 or more; give such"
        raise InputError(msg)
    return wide


def _by_class(class_weight: Mapping[Any, float] | str, targets: Targets) -> Host:
    """Return the weight that the class of each example gives it."""
    numbers, names = _classes(targets)
    counts = np.bincount(numbers, minlength=len(names))
    if isinstance(class_weight, str):
        has_examples = counts > 0
        # a class without examples would divide by 0, and nothing uses its weight
        by_number = np.ones(len(names))
        by_number[has_examples] = len(numbers) / (has_examples.sum() * counts[has_examples])
        return by_number[numbers]
    known = {name: i for i, name in enumerate(names)}
    by_number = np.ones(len(names))
    for name, weight in dict(class_weight).items():
        if name not in known:
            msg = f"class_weight names {name!r}; the classes are {', '.join(map(str, names[:10]))}"
            raise InputError(msg)
        number = finite_number(weight)
        if number is None or number < 0:
            raise InputError(f"class_weight of {name!r} is {weight!r}; give a number of 0 or more")
        by_number[known[name]] = weight
    return by_number[numbers]


def _classes(targets: Targets) -> tuple[Host, list[Any]]:
    """Return the number of each example's class, and the names of the classes."""
    if targets.kind is None or (targets.kind == "threshold" and targets.values.shape[1] > 1):
        msg = "class_weight needs one class an example, and these are numbers or several labels"
        raise InputError(f"{msg}; give sample_weight")
    values = np.asarray(targets.values)
    if values.ndim == 2:
        values = values[:, 0] if values.shape[1] == 1 else values.argmax(axis=1)
    names = [0, 1] if targets.classes is None else targets.classes.tolist()
    return values.astype(np.int64), names
