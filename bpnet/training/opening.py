"""Open: a call of ``train`` brought to its backend; checks that need the data are made here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.core import layers
from bpnet.core.activations import Sigmoid, Softmax
from bpnet.core.lbfgs import LBFGS
from bpnet.core.regularizers import Regularization
from bpnet.core.smoothing import Smoothed
from bpnet.data import draws
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import checkpoints, distributions, lbfgs, prepare, ranks, resuming
from bpnet.training.callbacks import Run, check_watched
from bpnet.training.member import Host, Member
from bpnet.training.objective import Data, Objective
from bpnet.training.planning import Call, Plan
from bpnet.training.recipe import RECIPE, Recipe
from bpnet.training.resuming import Saved
from bpnet.training.session import Session
from bpnet.training.sharding import ShardedSession
from bpnet.training.step import TrainingStep
from bpnet.training.targets import Targets, weights_of
from bpnet.training.validation import Validation

_USUAL = Recipe()

# 1 GiB in float32
_LARGEST = 1 << 28
"""Most numbers in a batch of examples that are not in memory."""


@dataclass(frozen=True, eq=False)
class Job:
    """A call of ``train`` that is ready to run: its plans have steps, its data are in place.

    ``objective`` is that of the first network, without dropout. ``settings`` are what a run and its
    resumption must have in common; ``saved`` is the checkpoint that this run goes on from.
    """

    call: Call
    backend: Backend
    objective: Objective
    data: Data
    targets: Targets
    validation: Validation
    settings: dict[str, Any]
    writer: checkpoints.Checkpoint | None
    saved: Snapshot | None

    @contextmanager
    def running(self, i: int) -> Iterator[int | None]:
        """Prepare the backend to train network ``i``; yield the number of threads in use."""
        plan, place = self.call.plans[i], self.call.place
        # multiplications of the largest product, by which a backend chooses its threads
        work = plan.k * max(layer.n_in * layer.n_out for layer in plan.network.dense)
        threads = place.threads
        if self.saved is not None:
            threads = resuming.threads_of(self.saved, i, self.backend.spec, threads)
        threads = self.call.split.threads(self.backend, threads)
        with (
            self.backend.session(place.dtype),
            self.backend.threads(threads, work) as used,
            self.backend.precision(place.precision),
        ):
            yield used

    def name_outputs(self, network: Network) -> None:
        """Write into a network what its outputs mean: classes or labels, scale, columns."""
        network.classes, network.scale = self.targets.classes, self.objective.scale
        network.labels, network.columns = self.targets.are_labels, self.targets.columns

    def session(
        self, part: Sequence[int], threads: int | None, saved: Sequence[Saved | None]
    ) -> Any:
        """Return the session of some networks, which start where ``saved`` has them, or anew."""
        call, backend, dtype = self.call, self.backend, self.call.place.dtype
        members, first, states = [self._member(i, threads) for i in part], [], []
        for i, one in zip(part, saved, strict=True):
            plan = call.plans[i]
            host = plan.network.parameters if one is None else one.parameters
            first.append(prepare.on_device(prepare.arrange(host, plan.layers), backend, dtype))
            states.append(
                None
                if one is None
                else tuple(prepare.on_device(s, backend, dtype) for s in one.state)
            )
        arguments = members, backend, self.data, dtype, first, states
        if isinstance(members[0].step.optimizer, LBFGS):
            session: Any = lbfgs.Descent(members[0], backend, self.data, dtype, first[0])
        elif call.several or not call.split.shards:
            session = Session(*arguments)
        else:
            session = ShardedSession(*arguments, split=call.split)
        for member in members:
            member.run.pull = partial(self._pull, session, member)
        if not call.several:
            members[0].run.probe = partial(distributions.sample, session, members[0].run)
            if call.split.many:
                # the last callback, because the others may ask for the end of the run
                members[0].callbacks.append(ranks.Agreement(call.split.ranks, session))
        return session

    def _pull(self, session: Any, member: Member) -> None:
        """Copy the arrays of a member from the device into its network."""
        run = member.run
        arrays = session.to_host(member) if run.result is None else run.result
        run.network.parameters = prepare.arrange(arrays, run.network.layers)
        self.name_outputs(run.network)

    def _member(self, i: int, threads: int | None) -> Member:
        """Return network ``i`` and its run as a member of a session."""
        plan, call = self.call.plans[i], self.call
        own: Any = plan.recipe  # checked, so that its schedule is an object and no name
        m, k = plan.m, plan.k
        places, validation_rows, order = None, None, None
        if plan.fold is not None:
            rows, validation_rows = plan.fold
            # rows outside of the fold keep the 0, which nothing reads
            places = np.zeros(len(self.targets.values), np.int64)
            places[rows] = np.arange(m)

            def order(epoch: int) -> Host:
                # the order that (X[rows], y[rows]) would have as a training set of its own
                drawn: Host = rows[draws.order(own.seed, epoch, m)] if k < m else rows
                return drawn

        kind = Run if call.several or not call.split.many else ranks.SharedRun
        run = kind(
            plan.network, own.epochs, -(-m // k), m, self.backend.spec, threads,
            compiled=not getattr(self.backend, "eager", True),
        )  # fmt: skip
        return Member(
            plan.step, run, k, own.seed, own.schedule, list(plan.callbacks), plan.weights, order,
            places=places, validation_rows=validation_rows,
        )  # fmt: skip


def opened(call: Call, count: int | None = None) -> Job:
    """Bring a call to its backend, and make the checks that need the data.

    ``count`` is the number of steps that will be made, where it is not that of all epochs.
    """
    first, place, split = call.plans[0], call.place, call.split
    backend, objective, data, targets = prepare.prepare(
        first.network, call.data, first.recipe.cost, device=place.device, dtype=place.dtype,
        backend=split.placed(place.backend, place.device), learn=True,
    )  # fmt: skip
    if first.fold is not None and isinstance(data[0], HostRows):
        msg = "folds are parts of examples in memory, and these are not; train the networks one by "
        raise InputError(f"{msg}one, with (x[rows], y[rows]) of the data and validation")
    steps = [_step(i, call, objective, data, backend) for i in range(len(call.plans))]
    with backend.session(place.dtype):
        validation = Validation.make(call, objective, targets, data, backend)
    made = zip(call.plans, steps, weights_of(call, targets), strict=True)
    call = replace(call, plans=[replace(plan, step=s, weights=w) for plan, s, w in made])
    settings: dict[str, Any] = {}
    writer = saved = None
    if split.many or call.checkpoint is not None or call.resume:
        settings = checkpoints.settings(call, objective)
        # the ranks wait for each other from here on, so that every check is made before
        writer, saved = ranks.begin(
            split.ranks, call.checkpoint, call.resume, settings, backend.name,
            [plan.network for plan in call.plans], [plan.recipe.epochs for plan in call.plans],
        )  # fmt: skip
    if count is None:
        first = call.plans[0]
        # no steps: those of a set and of shards are not compiled unless the library always does
        count = 0 if call.several or split.shards else first.recipe.epochs * -(-first.m // first.k)
    if saved is None:
        backend = backend.compiling(place.compiled, count)
    else:
        backend = resuming.compiling(saved, backend, place.compiled, steps=count)
    # compiling may have returned another backend, and validation follows the same choice
    validation = replace(validation, backend=backend)
    return Job(call, backend, objective, data, targets, validation, settings, writer, saved)


def _step(i: int, call: Call, objective: Objective, data: Data, backend: Backend) -> TrainingStep:
    """Return the step of network ``i``, after its options are checked against the data."""
    plan, m = call.plans[i], int(data[0].shape[0])
    own, recipe = replace(objective, layers=plan.layers), plan.recipe
    validated = call.validation is not None
    if plan.fold is not None:
        for part in plan.fold:
            wrong = part[(part < 0) | (part >= m)]
            if wrong.size:
                msg = f"folds[{i}] has row {wrong[0]} and the data {m} examples; count from 0"
                raise InputError(msg)
        m, validated = len(plan.fold[0]), len(plan.fold[1]) > 0
    _check_options(own, plan, call, data[0], plan.batch_size(m))
    learned = smoothed(own, recipe)
    _check_watched(plan, objective, validated=validated)
    if not call.several:
        call.split.check(own, recipe.optimizer, backend, call.place.compiled)
    limits = Regularization(**recipe.taken())
    return TrainingStep(learned, recipe.rule, m, limits, recipe.micro_batch or 0)


def _check_options(objective: Objective, plan: Plan, call: Call, x: Any, k: int) -> None:
    """Refuse options that exclude each other, or examples that are not in memory."""
    recipe = plan.recipe
    if recipe.micro_batch and any(layer.averages for layer in objective.layers):
        raise InputError("batch normalization needs the whole batch at once; leave micro_batch out")
    layers.check_batch(objective.layers, k)
    if isinstance(recipe.optimizer, LBFGS):
        of_steps = [name for name, about in RECIPE.items() if about.of_steps]
        lbfgs.check(
            objective, batch_size=(recipe.batch_size, None), resume=(call.resume, False),
            checkpoint=(call.checkpoint, None),
            **{name: (getattr(recipe, name), getattr(_USUAL, name)) for name in of_steps},
        )  # fmt: skip
    # L-BFGS takes its one batch in pieces, so that no size is too large
    elif isinstance(x, HostRows) and k * x.width > _LARGEST:
        msg = f"a batch of {k:,} examples of {x.width} numbers is too large for data that is not in"
        raise InputError(f"{msg} memory; give a smaller batch_size, or optimizer='lbfgs'")


def smoothed(objective: Objective, recipe: Recipe) -> Objective:
    """Return the objective of training, in which labels are smoothed; validation has none."""
    if not recipe.label_smoothing:
        return objective
    output = objective.layers[-1].activation
    if objective.kind is None or not isinstance(output, Sigmoid | Softmax):
        what = "these are numbers" if objective.kind is None else f"the output is {output!r}"
        msg = f"label_smoothing is {recipe.label_smoothing}, of labels of softmax or sigmoid "
        raise InputError(f"{msg}outputs, and {what}; leave it out")
    return replace(objective, cost=Smoothed(objective.cost, recipe.label_smoothing))


def _check_watched(plan: Plan, objective: Objective, *, validated: bool) -> None:
    """Refuse callbacks that watch a figure which the history will not have.

    A user's callback may write figures of its own, so that beside one nothing is refused.
    """
    trained = ["cost", "accuracy"] if objective.kind else ["cost"]
    names = (*trained, *plan.recipe.metrics) if validated else ()
    history = [*trained, *(f"validation_{name}" for name in names), "learning_rate", "seconds"]
    if all(type(c).__module__.startswith("bpnet.") for c in plan.callbacks):
        for name in filter(None, (c.watches() for c in plan.callbacks)):
            check_watched(name, history)
