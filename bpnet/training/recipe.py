"""``Recipe``, ``Place`` and ``Ranks``: every option of training, declared once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeAlias, TypedDict, TypeVar

from bpnet import synonyms
from bpnet.arguments import checked
from bpnet.backends import dtypes
from bpnet.backends.threads import MOST
from bpnet.core import costs, layers, optimizers, schedules
from bpnet.core.lbfgs import LBFGS
from bpnet.core.optimizers import Optimizer
from bpnet.core.schedules import Schedule
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.training import scores
from bpnet.training.declared import COUNT, STRENGTH, Check, Declared, Range, one_of, option, table

T = TypeVar("T")
Each: TypeAlias = T | Sequence[T]
"""One value for all networks of a set, or a list with one value for each."""

REGULAR = "Against overfitting"
PLACE = "Where it runs"
_strength = partial(option, 0.0, each=True, swept=True, taken=True, range=STRENGTH, panel=REGULAR)


def _made(get: Callable[[Any], Any]) -> Check:
    """Make a check of a function that refuses a value, or returns what is stored in its place."""

    def check(value: Any, _: str) -> Any:
        stored = get(value)
        return value if stored is None else stored

    return check


def _class_weight(value: Any, name: str) -> Any:
    """Check weights of classes, or the one word that is allowed in their place."""
    if isinstance(value, str) and value != "balanced":
        raise InputError(f"{name} is {value!r}; give 'balanced' or a weight for each class")
    return value


@checked
@dataclass(frozen=True, kw_only=True)
class Recipe(Declared):
    """What is learned and how: a value that can be stored, compared and passed to :func:`train`.

    Parameters
    ----------
    cost : str or object with ``value`` and ``delta``, optional
        The default suits the output: cross-entropy for sigmoid and softmax, poisson for exp,
        quadratic for the others.
    optimizer : str, Optimizer or LBFGS
        Name or object; "lbfgs" takes ``batch_size=None``, and its epochs are iterations.
    epochs : int
        Passes over the data.
    batch_size : int or None
        Examples in a step; 1 is the paper's stochastic gradient descent, None takes the whole set,
        which is batch gradient descent.
    micro_batch : int, optional
        Examples that are taken at a time, to save memory; their gradients are added up.
    schedule : str or Schedule
        Schedule of the learning rate, which starts from the optimizer's; one of
        :mod:`bpnet.schedules`.
    l2 : float
        The paper's alpha (27); the decay of one step is 1 - eta l2 / m.
    l1 : float
        Strength of L1: l1/m times the sum of the weights' sizes is added to the cost.
    max_norm, clip_norm : float
        Largest norm of the weights into one neuron, and of all gradients together; 0 is no limit.
    dropout : float
        Probability with which a value of a hidden layer is dropped while training.
    label_smoothing : float
        Share s of the mass of a label that is spread evenly while training: y becomes
        (1 - s) y + s/n with the n classes of softmax, (1 - s) y + s/2 with sigmoid outputs.
    class_weight : mapping or "balanced", optional
        Weight of each class, on top of the examples' own.
    metrics : str or sequence of str
        Figures that are computed on the validation data too: accuracy, mse, rmse, mae, r2, and by
        scikit-learn balanced_accuracy, f1, auc, log_loss, top_5 (any number). The history has them
        as ``validation_f1`` and so on. Errors of a table's target are in its own unit.
    seed : int
        Seed of the order of the examples, and of dropout.

    Examples
    --------
    >>> import bpnet
    >>> base = bpnet.Recipe(optimizer="sgd", cost="quadratic", epochs=30)
    >>> base.optimizer
    SGD(learning_rate=0.1)
    >>> base == bpnet.Recipe(optimizer=bpnet.optimizers.SGD(), cost="quadratic", epochs=30)
    True
    """

    cost: str | Any | None = option(
        None, compared=False, range=_made(costs.named),
        help=f"Cost function: {', '.join(costs.COSTS)}. By default, the one that suits the output "
        "activation.",
    )  # fmt: skip
    optimizer: str | Optimizer | LBFGS = option(
        "adam", each=True, range=_made(optimizers.get),
        help=f"Optimizer: {', '.join((*optimizers.OPTIMIZERS, 'lbfgs'))}.",
    )  # fmt: skip
    epochs: int = option(
        20, help="Number of passes over the training examples.", each=True, compared=False,
        range=COUNT,
    )  # fmt: skip
    batch_size: int | None = option(
        64, each=True, swept=True, compared=False, range=COUNT,
        help="Number of examples in a step. 0 on the command line, None in Python, is the whole "
        "training set, which lbfgs requires.",
    )  # fmt: skip
    micro_batch: int | None = option(
        None, of_steps=True, range=COUNT, words="micro_batch_size accumulate accumulation_steps",
        help="Number of examples that are computed at once; the gradients of a batch are "
        "accumulated, which saves memory. By default, the whole batch.",
    )  # fmt: skip
    schedule: str | Schedule = option(
        "constant", help=f"Learning-rate schedule: {', '.join(schedules.SCHEDULES)}.", each=True,
        of_steps=True, range=_made(schedules.get),
        words="scheduler lr_scheduler lr_schedule learning_rate_schedule",
    )  # fmt: skip
    l2: float = _strength(
        help="Strength of L2 regularization (weight decay), the alpha of the paper."
    )
    l1: float = _strength(
        help="Strength of L1 regularization.", words="l1_regularization l1_reg l1_penalty"
    )
    max_norm: float = _strength(
        of_steps=True,
        help="Upper limit of the norm of the weights into each neuron; 0 sets no limit.",
    )
    clip_norm: float = _strength(
        of_steps=True,
        help="Upper limit of the norm of the whole gradient, which is scaled down to it; 0 sets no "
        "limit.",
        words="clipnorm max_grad_norm gradient_clip gradient_clip_val grad_clip clip "
        "clip_grad_norm global_clipnorm",
    )  # fmt: skip
    dropout: float = option(
        0.0, help="Probability with which a hidden activation is set to zero in training.",
        each=True, swept=True, compared=False, range=_made(lambda rate: layers.Dropout(rate).rate),
        panel=REGULAR, words="dropout_rate drop drop_out drop_rate dropout_prob keep_prob",
    )  # fmt: skip
    label_smoothing: float = option(
        0.0, each=True, swept=True, range=Range(0, 1), panel=REGULAR,
        help="Share of each label that is spread evenly over the classes in training.",
    )  # fmt: skip
    class_weight: Mapping[Any, float] | Annotated[str, "'balanced'"] | None = option(
        None, panel="Data", words="class_weights", range=_class_weight, compared=False,
        help="With balanced, all classes have the same total weight. By default, all examples have "
        "the same weight.",
    )  # fmt: skip
    metrics: str | Sequence[str] = option(
        (), flag="metric", compared=False, range=_made(scores.names_of),
        help="Metrics to compute beside the cost, with commas: accuracy, balanced-accuracy, f1, "
        "auc, log-loss, top-5, mse, rmse, mae, r2. f1 and auc are means over the classes.",
    )  # fmt: skip
    seed: int = option(
        0, each=True, range=_made(draws.check_seed),
        help="Seed of the initial weights, the order of the examples, dropout and the split.",
    )  # fmt: skip

    @property
    def rule(self) -> Any:
        """The optimizer; its name has become an object."""
        return self.optimizer

    def taken(self) -> dict[str, Any]:
        """Return the options that the training step takes, by name."""
        return {name: getattr(self, name) for name, about in RECIPE.items() if about.taken}


@checked
@dataclass(frozen=True, kw_only=True)
class Place(Declared):
    """Where a network is trained.

    Parameters
    ----------
    backend, device : optional
        Name, list of names, "auto", Backend or module. The default is the library of ``X``, then
        ``BPNET_BACKEND``, then the best that works. "fastest" measures all of them on this network
        and batch, within 2 seconds, and remembers its choice.
    dtype : str
        Dtype of the run: "float32", "float64", and on some backends "float16" or "bfloat16".
    threads : int, optional
        Processor threads of NumPy and PyTorch. NumPy's default depends on the size of the network
        and of the batch; with ranks or shards it is 1. The number is restored after the run.
    precision : {None, "tf32"}
        How a CUDA GPU multiplies float32: exactly, or faster with numbers rounded to 10 bits.
    compiled : bool, optional
        Whether PyTorch compiles the steps (``torch.compile``), which takes ten seconds or more
        before the first one. The default is to compile from 200,000 steps on, and on CUDA to
        capture a step in a graph; a run that is resumed does as before. JAX always compiles. NumPy
        and CuPy record the first of a hundred or more steps and replay it; with False they do not,
        so that ``print`` and a debugger work inside of a step.

    Examples
    --------
    >>> import bpnet
    >>> bpnet.Place(backend="numpy", dtype="float64").dtype
    'float64'
    """

    backend: Any = option(None, compared=False, panel=PLACE, words="library framework engine",
        help="Backend: auto, fastest, numpy, cupy, torch, jax, dpnp or array_api_strict, also with "
        "a device, as torch:cuda:1. Of a list, the first that works is used. By default, "
        "BPNET_BACKEND from the environment, else auto.",
    )  # fmt: skip
    device: Any = option(
        None, panel=PLACE, compared=False,
        help="Device of the backend, such as 0 or cuda:1. By default, the backend's first.",
    )  # fmt: skip
    dtype: dtypes.Float = option(
        "float32", help="Floating-point type: float32, float64, float16 or bfloat16.", panel=PLACE,
        range=_made(dtypes.check_float),
        words="fp16 amp half float32 data_type mixed_precision",
    )  # fmt: skip
    threads: int | None = option(
        None, panel=PLACE, compared=False, range=Range(1, MOST, whole=True),
        help="Number of processor threads. By default, chosen by the sizes of network and batch.",
        words="n_jobs jobs num_threads n_threads nthreads num_workers workers",
    )  # fmt: skip
    precision: dtypes.Precision | None = option(
        None, panel=PLACE,
        help="With tf32, a CUDA GPU computes float32 products faster, from factors rounded to 10 "
        "bits. By default, products are exact to float32.",
        range=_made(dtypes.check_precision), words="matmul_precision",
    )  # fmt: skip
    compiled: bool | None = option(
        None, panel=PLACE, compared=False, words="compile jit",
        help="Whether PyTorch compiles the training step; by default, it does from 200,000 steps "
        "on. --no-compiled also turns off the replay of recorded steps on NumPy and CuPy.",
    )  # fmt: skip

    @property
    def is_fastest(self) -> bool:
        """Whether the option ``backend`` is "fastest"."""
        return isinstance(self.backend, str) and self.backend.strip().lower() == "fastest"


@checked
@dataclass(frozen=True, kw_only=True)
class Ranks(Declared):
    """With whom a network is trained, and how gradients are added up.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm or bpnet.distributed.Communicator, optional
        The ranks that train one network or set: each calls :func:`train` with the same arguments,
        of which (X, y) is the whole set. Rank 0 alone writes checkpoints; all ranks end with the
        same parameters.
    reduce : {"ordered", "fast"}
        How gradients are added up over ranks: "ordered" adds up shards in an order that does not
        depend on the number of ranks, which gives the same bits; "fast" is the library's own sum.
    shards : int, optional
        Shards of a batch in the ordered sum, a power of two that the ranks divide. The default is
        8 with ranks; without ranks a batch is not cut.

    Examples
    --------
    >>> import bpnet
    >>> bpnet.Ranks(shards=4).reduce
    'ordered'
    """

    communicator: Any = option(
        None, help="MPI communicator of the ranks that train together.", panel="", compared=False
    )
    reduce: Annotated[str, "'ordered' or 'fast'"] = option(
        "ordered", compared=False, range=one_of("ordered", "fast"), panel=PLACE,
        help="Order in which the gradients of ranks are summed, with mpiexec: ordered gives the "
        "same bits for any number of ranks, fast leaves the order to MPI.",
    )  # fmt: skip
    shards: Annotated[int, "a power of two"] | None = option(
        None, panel=PLACE, compared=False,
        help="Number of parts of a batch in the ordered sum, a power of two. By default, 8 with "
        "mpiexec, else 1.",
    )  # fmt: skip


class Keywords(TypedDict, total=False):
    """The fields of all three, as keywords of :func:`train`; a test compares them."""

    cost: str | Any | None
    optimizer: Each[str | Optimizer | LBFGS]
    epochs: Each[int]
    batch_size: Each[int | None]
    micro_batch: int | None
    schedule: Each[str | Schedule]
    l2: Each[float]
    l1: Each[float]
    max_norm: Each[float]
    clip_norm: Each[float]
    dropout: Each[float]
    label_smoothing: Each[float]
    class_weight: Mapping[Any, float] | str | None
    metrics: str | Sequence[str]
    seed: Each[int]
    backend: Any
    device: Any
    dtype: str
    threads: int | None
    precision: str | None
    compiled: bool | None
    communicator: Any
    reduce: str
    shards: int | None


RECIPE, PLACES, RANKS = table(Recipe), table(Place), table(Ranks)
OPTIONS = table(Recipe, Place, Ranks)
"""Every option by its name."""

synonyms.learn("option", {name: about.words for name, about in OPTIONS.items()})
