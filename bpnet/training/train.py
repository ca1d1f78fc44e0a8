"""``train``: a network, data and options put together on one backend."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, overload

import numpy as np

from bpnet.arguments import Count, Strength, checked
from bpnet.backends import Backend, dtypes
from bpnet.checkpoint import Snapshot
from bpnet.core import layers, optimizers, schedules
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS
from bpnet.core.optimizers import Optimizer, State
from bpnet.core.regularizers import Regularization
from bpnet.core.schedules import Schedule
from bpnet.data import draws
from bpnet.network import Network
from bpnet.training import (
    agreement,
    checkpoints,
    distributions,
    fastest,
    lbfgs,
    members,
    options,
    planning,
    resuming,
    scores,
    sharding,
    weights,
)
from bpnet.training import epochs as epochs_
from bpnet.training.callbacks import Callback, History
from bpnet.training.member import Member
from bpnet.training.prepare import (
    arrange,
    held_out,
    kept,
    largest_product,
    pair,
    prepare,
    pulling,
)
from bpnet.training.step import TrainingStep
from bpnet.training.validation import Validation


@overload
def train(network: Network, data: Any, **options: Any) -> History: ...
@overload
def train(network: Sequence[Network], data: Any, **options: Any) -> members.Histories: ...
@partial(checked, each=(*planning.EACH, "callbacks"))  # type: ignore[misc]  # the two above are for readers of types
def train(
    network: Any,
    data: Any,
    *,
    cost: str | Any | None = None,
    optimizer: str | Optimizer | LBFGS = "adam",
    epochs: Count = 10,
    batch_size: Count | None = 64,
    l2: Strength = 0.0,
    l1: Strength = 0.0,
    dropout: float = 0.0,
    max_norm: Strength = 0.0,
    clip_norm: Strength = 0.0,
    micro_batch: Count | None = None,
    schedule: str | Schedule = "constant",
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | Annotated[str, "'balanced'"] | None = None,
    validation: Any = "auto",
    metrics: str | Sequence[str] = (),
    backend: Any = None,
    device: Any = None,
    dtype: dtypes.Float = "float32",
    seed: int = 0,
    threads: Count | None = None,
    precision: dtypes.Precision | None = None,
    compiled: bool | None = None,
    checkpoint: str | Path | checkpoints.Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    communicator: Any = None,
    reduce: Annotated[str, "'ordered' or 'fast'"] = "ordered",
    shards: Annotated[int, "a power of two"] | None = None,
    folds: Iterable[Any] | None = None,
) -> Any:
    """Train a network in place, or a set of networks at once.

    Parameters
    ----------
    network : Network, or sequence of Networks
        What learns; its arrays on the host hold the result. Networks of a set are trained together
        where they are small, each as it would be alone; the optimizer, epochs, batch_size, l2, l1,
        dropout, max_norm, clip_norm, schedule, seed and the list of callbacks may each be a list
        with one for each network.
    data : (X, y) or Dataset
        Examples, (m, n_0), and class labels, (m,), or rows, (m, n_L); of one library, moved
        once to the backend.
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
    l2 : float
        The paper's alpha (27); the decay of one step is 1 - eta l2 / m.
    l1 : float
        Strength of L1: l1/m times the sum of the weights' sizes is added to the cost.
    dropout : float
        Probability with which a value of a hidden layer is dropped while training.
    max_norm, clip_norm : float
        Largest norm of the weights into one neuron, and of all gradients together; 0 is no limit.
    micro_batch : int, optional
        Examples that are taken at a time, their gradients added up until the batch is whole: the
        same step in less memory.
    schedule : str or Schedule
        Of the learning rate, from the optimizer's eta; one of :mod:`bpnet.schedules`.
    sample_weight : array, (m,), optional
        Weight of each example in the cost; a batch's gradient is the weighted mean.
    class_weight : mapping or "balanced", optional
        Weight of each class, on top of the examples' own.
    validation : (X, y), Dataset, "auto" or None
        Judged after every epoch. "auto" is the data set's own validation part, where it has one
        and there are no ``folds``; None is nothing.
    metrics : str or sequence of str
        Judged on it too: accuracy, balanced_accuracy, f1, auc, log_loss, top_5 (any number), mse,
        mae, r2; computed by scikit-learn, ``validation_f1`` and so on in the history.
    backend, device : optional
        Name, list of names, "auto", Backend or module; the default is where ``X`` is, then
        ``BPNET_BACKEND``, then the best that works. "fastest" tries them out on this network and
        batch, within 2 seconds, and remembers the choice.
    dtype : str
        Of the run: "float32", "float64", and "float16" or "bfloat16" where there are such.
    seed : int
        Of the order of the examples.
    threads : int, optional
        Processor threads of NumPy and PyTorch; NumPy's default is chosen by the size of the net
        and the batch, and is 1 with ranks or shards. Restored after the run.
    precision : {None, "tf32"}
        How a CUDA GPU multiplies float32: exactly, or faster with numbers rounded to 10 bits.
    compiled : bool, optional
        Whether PyTorch compiles the steps (``torch.compile``), which takes ten seconds or more
        before the first one; the default is to do so from 200,000 steps on. A run that is taken
        up again does as before. JAX always compiles. NumPy writes down the calls of the first of
        a hundred or more steps and replays them, to the same bits; False does not, for who looks
        into a step with ``print`` or a debugger.
    checkpoint : str, Path or Checkpoint, optional
        Folder for checkpoints, one an epoch unless a :class:`bpnet.Checkpoint` says otherwise.
    resume : bool
        Whether to go on from the newest checkpoint there; the run then ends with the bits of
        one that was never interrupted, on the same backend with the same threads.
    callbacks : sequence of Callback
        Called between blocks and epochs; an iteration of L-BFGS is a block. A
        :class:`bpnet.Checkpoint` is given as ``checkpoint``.
    communicator : mpi4py.MPI.Comm or bpnet.distributed.Communicator, optional
        The ranks that train together: each calls this with the same arguments, (X, y) being the
        whole set. Rank 0 alone writes checkpoints; all end with the same parameters.
    reduce : {"ordered", "fast"}
        How gradients are added up over ranks: in an order of shards that does not depend on the
        number of ranks, for the same bits; or in that of the library's own sum, which is refused
        where there are no ranks.
    shards : int, optional
        Parts of a batch in the ordered sum, a power of two that the ranks divide. The default is 8
        with ranks, and without them to take the batch as a whole.
    folds : sequence of (rows, rows), optional
        For each network of a set the numbers of the examples that it is trained with, and of
        those that it is judged by in place of ``validation``.

    Returns
    -------
    dict of lists, or a list of these for a set
        One value an epoch: ``cost``, ``accuracy`` where there are classes,
        ``validation_cost``, ``validation_accuracy``, ``learning_rate``, ``seconds``, and the
        metrics.

    Raises
    ------
    InputError
        If an argument or the data cannot be used.
    BackendUnavailable
        If the named backend does not work here.
    Diverged
        If the cost is no longer finite; of a set, that of every network: else ``diverged`` of what
        is returned has the errors by the networks' numbers.
    KeyboardInterrupt
        After Ctrl-C; the network holds what was learned.

    Examples
    --------
    >>> import bpnet
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    >>> net = bpnet.Network([2, 8, 1], hidden="tanh", output="sigmoid", seed=3)
    >>> adam = bpnet.optimizers.Adam(learning_rate=0.05)
    >>> history = bpnet.train(net, (X, y), optimizer=adam, epochs=200, batch_size=None)
    >>> net.classify(X).tolist()
    [0, 1, 1, 0]

    Several at once, with a learning rate each:

    >>> nets = [bpnet.Network([2, 8, 1], hidden="tanh", output="sigmoid", seed=s) for s in range(2)]
    >>> rates = [bpnet.optimizers.Adam(learning_rate=eta) for eta in (0.05, 0.01)]
    >>> histories = bpnet.train(nets, (X, y), optimizer=rates, epochs=50, batch_size=None)
    >>> histories[0]["cost"][-1] < histories[1]["cost"][-1]
    True
    """
    if isinstance(network, Sequence):
        return members.train(**locals())
    options.check_one(network, folds)
    epochs, batch_size, threads, micro_batch = options.counts(
        dtype, epochs=epochs, batch_size=batch_size, threads=threads, micro_batch=micro_batch
    )  # fmt: skip
    options.check_callbacks(callbacks)
    limits = options.limits(l2=l2, l1=l1, max_norm=max_norm, clip_norm=clip_norm)
    planned, names, seed = schedules.get(schedule), scores.names_of(metrics), draws.check_seed(seed)
    trained, rule = options.with_dropout(network, dropout), optimizers.get(optimizer)
    divided, validation = sharding.split(communicator, reduce, shards), held_out(data, validation)
    backend = fastest.settled(
        backend, network, data, batch_size=batch_size, optimizer=rule, dtype=dtype, cost=cost,
        device=device, ranks=divided.ranks,
    )  # fmt: skip
    chosen, judge, stored, wanted = prepare(
        network, data, cost, backend=sharding.placed(divided.ranks, backend, device),
        device=device, dtype=dtype, learn=True,
    )  # fmt: skip
    judge = dataclasses.replace(judge, layers=trained)
    options.check_together(
        judge, rule, batch_size, micro_batch, planned, max_norm, clip_norm, checkpoint, resume,
        stored[0],
    )  # fmt: skip
    options.check_watched(callbacks, judge, names, validated=validation is not None)
    sharding.check(divided, judge, rule, chosen, compiled)
    m, k = options.sizes(stored[0], batch_size)
    compared = divided.many or checkpoint is not None
    weighed = weights.make(sample_weight, class_weight, wanted, m)
    asked = checkpoints.asked(
        network=trained, cost=judge.cost, optimizer=rule, schedule=planned, batch_size=k,
        examples=m, dtype=dtype, seed=seed, weights=weighed, micro_batch=micro_batch,
        scale=judge.scale,
        data=checkpoints.fingerprint(*pair(data, "data")) if compared else None,
        validation=checkpoints.fingerprint(*pair(validation, "validation"))
        if compared and validation is not None else None,
        precision=precision,
        **limits, **sharding.asked(divided),
    )  # fmt: skip
    writer, found = agreement.begin(divided.ranks, checkpoint, resume, asked, chosen.name, network)
    chosen = resuming.compiling(
        found, chosen, compiled, steps=0 if divided.shards else epochs * -(-m // k)
    )
    threads = sharding.threads(divided, chosen, resuming.threads_of(found, chosen.spec, threads))
    with (
        divided.ranks.running(),
        checkpoints.held(writer),
        chosen.session(dtype),
        chosen.threads(threads, largest_product(network, k)) as used,
        chosen.precision(precision),
    ):
        if found is not None:
            resuming.compare(found, chosen, used)
        parameters = _start(found, network, trained, chosen, dtype)
        step: Any = TrainingStep(judge, rule, m, Regularization(**limits), micro_batch or 0)
        run = agreement.run(divided.ranks)(
            network, epochs, -(-m // k), m, chosen.spec, used,
            compiled="compiled" in resuming.machine(chosen),
        )  # fmt: skip
        member = Member(step, run, k, seed, planned, [*callbacks], weighed)
        validate = Validation.make(network, validation, judge, wanted, stored, chosen, dtype, names)
        if isinstance(rule, LBFGS):
            session: Any = lbfgs.Descent.of(member, rule, chosen, stored, dtype, parameters)
        else:
            state = _state(found, network, trained, rule, chosen, dtype)
            session = sharding.session(
                divided, [member], chosen, stored, dtype, [parameters], [state]
            )
        run.pull = pulling(session, member, wanted)
        run.snapshot = partial(
            checkpoints.snapshot, session, member, asked, getattr(data, "columns", None)
        )
        run.probe = partial(distributions.sample, session, run)
        member.callbacks += agreement.callbacks(divided.ranks, session, writer)
        saved = None if found is None else resuming.take_up(run, found)
        if found is None or not found.numbers["done"] or found.numbers["epochs"] < epochs:
            epochs_.run(session, validate, None if saved is None else [saved])
        if member.error is not None:
            raise member.error
        run.pull()
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run.history


def _start(
    found: Snapshot | None, network: Network, trained: tuple[Any, ...], backend: Backend, dtype: str
) -> Parameters:
    """Parameters on the device, the network's or a checkpoint's."""
    first = arrange(network.parameters, trained)
    if found is not None:
        first = resuming.fitting(found.arrays["parameters"], first, "parameters")
    return kept(first, backend, dtype)


def _state(
    found: Snapshot | None,
    network: Network,
    trained: tuple[Any, ...],
    rule: Optimizer,
    backend: Backend,
    dtype: str,
) -> State | None:
    """Optimizer state on the device that a checkpoint has."""
    if found is None:
        return None
    first = layers.learned(trained, arrange(network.parameters, trained))
    held = resuming.state(found, optimizers.init(rule, first, xp=np), rule)
    return tuple(kept(layer, backend, dtype) for layer in held)
