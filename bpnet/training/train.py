"""``train``: a network, data and options put together on one backend."""

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Unpack, overload

import numpy as np

from bpnet.arguments import checked, shown
from bpnet.backends import Backend
from bpnet.checkpoint import Snapshot
from bpnet.core import layers, optimizers
from bpnet.core.feedforward import Parameters
from bpnet.core.lbfgs import LBFGS
from bpnet.core.optimizers import Optimizer, State
from bpnet.core.regularizers import Regularization
from bpnet.errors import ArgumentError
from bpnet.network import Network
from bpnet.training import (
    agreement,
    checkpoints,
    distributions,
    epochs,
    fastest,
    lbfgs,
    members,
    options,
    planning,
    resuming,
    sharding,
    weights,
)
from bpnet.training.callbacks import Callback, History
from bpnet.training.declared import merged, signed
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
from bpnet.training.recipe import Keywords, Place, Ranks, Recipe
from bpnet.training.step import TrainingStep
from bpnet.training.validation import Validation


@overload
def train(
    network: Network,
    data: Any,
    recipe: Recipe | None = None,
    *,
    place: Place | None = None,
    ranks: Ranks | None = None,
    sample_weight: Any = None,
    validation: Any = "auto",
    checkpoint: str | Path | checkpoints.Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    **keywords: Unpack[Keywords],
) -> History: ...
@overload
def train(
    network: Sequence[Network],
    data: Any,
    recipe: Recipe | Sequence[Recipe] | None = None,
    *,
    place: Place | None = None,
    ranks: Ranks | None = None,
    sample_weight: Any = None,
    validation: Any = "auto",
    checkpoint: str | Path | checkpoints.Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] | Sequence[Sequence[Callback]] = (),
    folds: Iterable[Any] | None = None,
    **keywords: Unpack[Keywords],
) -> members.Histories: ...
@checked  # type: ignore[misc]  # of callbacks a set may have a list of lists
@signed(Recipe, Place, Ranks)
def train(
    network: Any,
    data: Any,
    recipe: Any = None,
    *,
    place: Place | None = None,
    ranks: Ranks | None = None,
    sample_weight: Any = None,
    validation: Any = "auto",
    checkpoint: str | Path | checkpoints.Checkpoint | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    folds: Iterable[Any] | None = None,
    **keywords: Any,
) -> Any:
    """Train a network in place, or a set of networks at once.

    Parameters
    ----------
    network : Network, or sequence of Networks
        What learns; its arrays on the host hold the result. Networks of a set are trained together
        where they are small, each as it would be alone.
    data : (X, y) or Dataset
        Examples, (m, n_0), and class labels, (m,), or rows, (m, n_L); of one library, moved
        once to the backend.
    recipe : Recipe, optional
        What is learned and how: cost, optimizer, epochs and so on; for a set also a list with one
        for each network.
    place : Place, optional
        Where: backend, device, dtype and so on.
    ranks : Ranks, optional
        With whom.
    sample_weight : array, (m,), optional
        Weight of each example in the cost; a batch's gradient is the weighted mean.
    validation : (X, y), Dataset, "auto" or None
        Judged after every epoch. "auto" is the data set's own validation part, where it has one
        and there are no ``folds``; None is nothing.
    checkpoint : str, Path or Checkpoint, optional
        Folder for checkpoints, one an epoch unless a :class:`bpnet.Checkpoint` says otherwise.
    resume : bool
        Whether to go on from the newest checkpoint there; the run then ends with the bits of
        one that was never interrupted, on the same backend with the same threads.
    callbacks : sequence of Callback
        Called between blocks and epochs, an iteration of L-BFGS being a block; for a set also a
        list of lists, one for each network. A :class:`bpnet.Checkpoint` is given as
        ``checkpoint``.
    folds : sequence of (rows, rows), optional
        For each network of a set the numbers of the examples that it is trained with, and of
        those that it is judged by in place of ``validation``.
    **keywords
        The fields of :class:`bpnet.Recipe`, :class:`bpnet.Place` and :class:`bpnet.Ranks`, in
        place of those of ``recipe``, ``place`` and ``ranks``. For a set the optimizer, epochs,
        batch size, strengths, limits, dropout, schedule and seed may each be a list with one for
        each network.

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

    The same as a value, with another number of epochs:

    >>> recipe = bpnet.Recipe(optimizer=adam, batch_size=None)
    >>> history = bpnet.train(net, (X, y), recipe, epochs=5, place=bpnet.Place(backend="numpy"))
    >>> len(history["cost"])
    5

    Several at once, with a learning rate each:

    >>> nets = [bpnet.Network([2, 8, 1], hidden="tanh", output="sigmoid", seed=s) for s in range(2)]
    >>> rates = [bpnet.optimizers.Adam(learning_rate=eta) for eta in (0.05, 0.01)]
    >>> histories = bpnet.train(nets, (X, y), optimizer=rates, epochs=50, batch_size=None)
    >>> histories[0]["cost"][-1] < histories[1]["cost"][-1]
    True
    """
    _check_recipe(recipe, isinstance(network, Sequence))
    where, who = merged(Place, place, keywords), merged(Ranks, ranks, keywords)
    call = {"sample_weight": sample_weight, "validation": validation, "callbacks": callbacks}
    if isinstance(network, Sequence):
        planning.refuse(len(network), where, who, checkpoint, resume=resume)
        made = planning.recipes(recipe, keywords, len(network))
        return members.train(
            network, data, made, where, who.communicator, folds=folds, checkpoint=checkpoint,
            resume=resume, **call,
        )  # fmt: skip
    options.check_one(network, folds)
    options.check_callbacks(callbacks)
    one = merged(Recipe, recipe, keywords)
    return _train(network, data, one, where, who, checkpoint, resume=resume, **call)


def _check_recipe(given: Any, several: bool) -> None:
    """Refuse what is no recipe, such as y given beside X.

    Raises
    ------
    InputError
        Saying what to give.
    """
    listed = several and isinstance(given, list | tuple) and given
    if all(isinstance(one, Recipe) for one in (given if listed else [given] * (given is not None))):
        return
    if hasattr(given, "__len__") and not isinstance(given, str | bytes):
        msg = "train takes network, data, then names, and was given 3 arguments; give X and y as a "
        raise ArgumentError(f"{msg}pair: (X, y); only a bpnet.Recipe may come third")
    raise ArgumentError(f"recipe is {shown(given)}; give a bpnet.Recipe or leave it out")


def _train(
    network: Network,
    data: Any,
    recipe: Recipe,
    place: Place,
    ranks: Ranks,
    checkpoint: Any,
    *,
    resume: bool,
    sample_weight: Any,
    validation: Any,
    callbacks: Sequence[Callback],
) -> History:
    """Train one network, whose options are checked each by itself."""
    divided = sharding.split(ranks.communicator, ranks.reduce, ranks.shards)
    trained, dtype = options.with_dropout(network, recipe.dropout), place.dtype
    rule, validation = recipe.rule, held_out(data, validation)
    backend = fastest.settled(network, data, recipe, place, divided.ranks)
    chosen, judge, stored, wanted = prepare(
        network, data, recipe.cost, backend=sharding.placed(divided.ranks, backend, place.device),
        device=place.device, dtype=dtype, learn=True,
    )  # fmt: skip
    judge = dataclasses.replace(judge, layers=trained)
    options.check_together(judge, recipe, checkpoint, stored[0], resume=resume)
    learned = options.smoothed(judge, recipe)
    options.check_watched(callbacks, judge, recipe.metrics, validated=validation is not None)
    sharding.check(divided, judge, rule, chosen, place.compiled)
    m, k = options.sizes(stored[0], recipe.batch_size)
    compared = divided.many or checkpoint is not None
    weighed = weights.make(sample_weight, recipe.class_weight, wanted, m)
    asked = checkpoints.asked(
        recipe, place, weights=weighed, network=trained, cost=judge.cost, batch_size=k, examples=m,
        scale=judge.scale,
        data=checkpoints.fingerprint(*pair(data, "data")) if compared else None,
        validation=checkpoints.fingerprint(*pair(validation, "validation"))
        if compared and validation is not None else None,
        **sharding.asked(divided),
    )  # fmt: skip
    writer, found = agreement.begin(divided.ranks, checkpoint, resume, asked, chosen.name, network)
    chosen = resuming.compiling(
        found, chosen, place.compiled, steps=0 if divided.shards else recipe.epochs * -(-m // k)
    )
    threads = resuming.threads_of(found, chosen.spec, place.threads)
    threads = sharding.threads(divided, chosen, threads)
    with (
        divided.ranks.running(),
        checkpoints.held(writer),
        chosen.session(dtype),
        chosen.threads(threads, largest_product(network, k)) as used,
        chosen.precision(place.precision),
    ):
        if found is not None:
            resuming.compare(found, chosen, used)
        parameters = _start(found, network, trained, chosen, dtype)
        limits = Regularization(**recipe.taken())
        step = TrainingStep(learned, rule, m, limits, recipe.micro_batch or 0)
        run = agreement.run(divided.ranks)(
            network, recipe.epochs, -(-m // k), m, chosen.spec, used,
            compiled="compiled" in resuming.machine(chosen),
        )  # fmt: skip
        schedule: Any = recipe.schedule  # no name any more
        member = Member(step, run, k, recipe.seed, schedule, [*callbacks], weighed)
        validate = Validation.make(
            network, validation, judge, wanted, stored, chosen, dtype, tuple(recipe.metrics)
        )
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
        if found is None or not found.numbers["done"] or found.numbers["epochs"] < recipe.epochs:
            epochs.run(session, validate, None if saved is None else [saved])
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
