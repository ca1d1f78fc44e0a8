"""What is learned and how, where, and with whom: every option of training, declared once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from bpnet.training.declared import STRENGTH, Check, Declared, Range, one_of, option, table

T = TypeVar("T")
Each: TypeAlias = T | Sequence[T]
"""One value for all networks of a set, or a list with one for each."""

COUNT = Range(1, 1 << 31, whole=True)
"""Epochs, examples in a batch and the like."""

REGULAR = "Against overfitting"
PLACE = "Where it runs"


def _made(get: Callable[[Any], Any]) -> Check:
    """Check by a function that refuses, and may make of a value what is kept of it."""

    def made(value: Any, _: str) -> Any:
        found = get(value)
        return value if found is None else found

    return made


def _class_weight(value: Any, name: str) -> Any:
    """Weights of classes, or the one word that means some."""
    if isinstance(value, str) and value != "balanced":
        raise InputError(f"{name} is {value!r}; give 'balanced' or a weight for each class")
    return value


@checked
@dataclass(frozen=True, kw_only=True)
class Recipe(Declared):
    """What is learned and how; a value that can be kept, compared and given to :func:`train`.

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
        Examples in a step; 1 is the paper's stochastic gradient descent, None the whole set,
        batch gradient descent.
    micro_batch : int, optional
        Examples that are taken at a time, their gradients added up until the batch is whole: the
        same step in less memory.
    schedule : str or Schedule
        Of the learning rate, from the optimizer's eta; one of :mod:`bpnet.schedules`.
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
        Judged on the validation data too: accuracy, mse, rmse, mae, r2, and by scikit-learn
        balanced_accuracy, f1, auc, log_loss, top_5 (any number); ``validation_f1`` and so on in
        the history. Errors of a table's target are in its own unit.
    seed : int
        Of the order of the examples, and of dropout.

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
        None, help="Cost function. Default: suits the output.", compared=False,
        range=_made(costs.named),
    )  # fmt: skip
    optimizer: str | Optimizer | LBFGS = option(
        "adam", help=", ".join((*optimizers.OPTIMIZERS, "lbfgs")), each=True,
        range=_made(optimizers.get),
    )  # fmt: skip
    epochs: int = option(20, help="Passes over the data.", each=True, compared=False, range=COUNT)
    batch_size: int | None = option(
        64, each=True, swept=True, compared=False, range=COUNT,
        help="Examples in a step; 0, in Python None, is the whole set, which lbfgs takes.",
    )  # fmt: skip
    micro_batch: int | None = option(
        None, help="Examples that are taken at a time, to save memory.", of_steps=True,
        range=COUNT, words="micro_batch_size accumulate accumulation_steps",
    )  # fmt: skip
    schedule: str | Schedule = option(
        "constant", help=f"Of the learning rate: {', '.join(schedules.SCHEDULES)}.", each=True,
        of_steps=True, range=_made(schedules.get),
        words="scheduler lr_scheduler lr_schedule learning_rate_schedule",
    )  # fmt: skip
    l2: float = option(
        0.0, help="Strength of L2 regularization, the paper's alpha.", each=True, swept=True,
        taken=True, range=STRENGTH, panel=REGULAR,
    )  # fmt: skip
    l1: float = option(
        0.0, help="Strength of L1 regularization.", each=True, swept=True,
        taken=True, range=STRENGTH, panel=REGULAR,
        words="l1_regularization l1_reg l1_penalty",
    )  # fmt: skip
    max_norm: float = option(
        0.0, help="Largest norm of the weights into a neuron; 0 is any.", each=True, swept=True,
        of_steps=True, taken=True, range=STRENGTH, panel=REGULAR,
    )  # fmt: skip
    clip_norm: float = option(
        0.0, help="Largest norm of all gradients together; 0 is any.", each=True, swept=True,
        of_steps=True, taken=True, range=STRENGTH, panel=REGULAR,
        words="clipnorm max_grad_norm gradient_clip gradient_clip_val grad_clip clip "
        "clip_grad_norm global_clipnorm",
    )  # fmt: skip
    dropout: float = option(
        0.0, help="Probability with which a hidden value is dropped in training.", each=True,
        swept=True, compared=False, range=_made(lambda rate: layers.Dropout(rate).rate),
        panel=REGULAR, words="dropout_rate drop drop_out drop_rate dropout_prob keep_prob",
    )  # fmt: skip
    label_smoothing: float = option(
        0.0, help="Share of each label's mass that is spread evenly in training.", each=True,
        swept=True, range=Range(0, 1), panel=REGULAR,
    )  # fmt: skip
    class_weight: Mapping[Any, float] | Annotated[str, "'balanced'"] | None = option(
        None, help="balanced: every class counts the same.", panel="Data", words="class_weights",
        range=_class_weight,
        compared=False,
    )  # fmt: skip
    metrics: str | Sequence[str] = option(
        (), flag="metric", compared=False, range=_made(scores.names_of),
        help="Judged too: accuracy, balanced-accuracy, f1, auc, log-loss, top-5, mse, mae, r2; "
        "a list.",
    )  # fmt: skip
    seed: int = option(
        0, help="Of first weights, order and split.", each=True,
        range=_made(draws.check_seed),
    )  # fmt: skip

    @property
    def rule(self) -> Any:
        """The optimizer, whose name has become an object."""
        return self.optimizer

    def taken(self) -> dict[str, Any]:
        """Return what the training step takes by its name."""
        return {name: getattr(self, name) for name, about in RECIPE.items() if about.taken}


@checked
@dataclass(frozen=True, kw_only=True)
class Place(Declared):
    """Where a network is trained.

    Parameters
    ----------
    backend, device : optional
        Name, list of names, "auto", Backend or module; the default is where ``X`` is, then
        ``BPNET_BACKEND``, then the best that works. "fastest" tries them out on this network and
        batch, within 2 seconds, and remembers the choice.
    dtype : str
        Of the run: "float32", "float64", and "float16" or "bfloat16" where there are such.
    threads : int, optional
        Processor threads of NumPy and PyTorch; NumPy's default is chosen by the size of the net
        and the batch, and is 1 with ranks or shards. Restored after the run.
    precision : {None, "tf32"}
        How a CUDA GPU multiplies float32: exactly, or faster with numbers rounded to 10 bits.
    compiled : bool, optional
        Whether PyTorch compiles the steps (``torch.compile``), which takes ten seconds or more
        before the first one; the default is to do so from 200,000 steps on, and on CUDA to capture
        a step in a graph. A run that is taken up again does as before. JAX always compiles. NumPy
        and CuPy record the first of a hundred or more steps and replay it; False does not, for who
        looks into a step with ``print`` or a debugger.

    Examples
    --------
    >>> import bpnet
    >>> bpnet.Place(backend="numpy", dtype="float64").dtype
    'float64'
    """

    backend: Any = option(None, compared=False, panel=PLACE, words="library framework engine",
        help="auto, fastest, numpy, cupy, torch, jax, dpnp, array_api_strict; :device; a list.",
    )  # fmt: skip
    device: Any = option(
        None, help="Device of the backend, such as 0 or cuda:1.", panel=PLACE, compared=False
    )
    dtype: dtypes.Float = option(
        "float32", help="float32, float64, float16 or bfloat16.", panel=PLACE,
        range=_made(dtypes.check_float),
        words="fp16 amp half float32 data_type mixed_precision",
    )  # fmt: skip
    threads: int | None = option(
        None, help="Processor threads. Default: suits net and batch.", panel=PLACE, compared=False,
        range=Range(1, MOST, whole=True),
        words="n_jobs jobs num_threads n_threads nthreads num_workers workers",
    )  # fmt: skip
    precision: dtypes.Precision | None = option(
        None, help="tf32: faster, rougher products on a CUDA GPU.", panel=PLACE,
        range=_made(dtypes.check_precision), words="matmul_precision",
    )  # fmt: skip
    compiled: bool | None = option(
        None, panel=PLACE, compared=False, words="compile jit",
        help="Whether PyTorch compiles the steps: usually from 200,000 steps on. With "
        "--no-compiled NumPy calls each step, as it else replays the first.",
    )  # fmt: skip

    @property
    def is_fastest(self) -> bool:
        """Whether the fastest backend is asked for."""
        return isinstance(self.backend, str) and self.backend.strip().lower() == "fastest"


@checked
@dataclass(frozen=True, kw_only=True)
class Ranks(Declared):
    """With whom a network is trained, and how all add up.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm or bpnet.distributed.Communicator, optional
        The ranks that train together: each calls :func:`train` with the same arguments, (X, y)
        being the whole set. Rank 0 alone writes checkpoints; all end with the same parameters.
    reduce : {"ordered", "fast"}
        How gradients are added up over ranks: in an order of shards that does not depend on the
        number of ranks, for the same bits; or in that of the library's own sum.
    shards : int, optional
        Parts of a batch in the ordered sum, a power of two that the ranks divide. The default is 8
        with ranks, and without them to take the batch as a whole.

    Examples
    --------
    >>> import bpnet
    >>> bpnet.Ranks(shards=4).reduce
    'ordered'
    """

    communicator: Any = option(
        None, help="The ranks that train together.", panel="", compared=False
    )
    reduce: Annotated[str, "'ordered' or 'fast'"] = option(
        "ordered", compared=False, range=one_of("ordered", "fast"), panel=PLACE,
        help="With mpiexec, how ranks add up: ordered, for the same bits; fast.",
    )  # fmt: skip
    shards: Annotated[int, "a power of two"] | None = option(
        None, help="Parts of a batch in the ordered sum. Default: 8 with mpiexec.", panel=PLACE,
        compared=False,
    )  # fmt: skip


class Keywords(TypedDict, total=False):
    """The fields of all three as keywords of :func:`train`; a test holds that they are the same."""

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
