"""Open: a call of ``train`` brought to its backend, with all that needs the data checked."""

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
from bpnet.training.judge import Data, Judge
from bpnet.training.member import Host, Member
from bpnet.training.planning import Call, Plan
from bpnet.training.recipe import RECIPE, Recipe
from bpnet.training.resuming import Saved
from bpnet.training.session import Session
from bpnet.training.sharding import ShardedSession
from bpnet.training.step import TrainingStep
from bpnet.training.targets import Targets, weights_of
from bpnet.training.validation import Validation

_USUAL = Recipe()

_LARGEST = 1 << 28
"""Numbers in a batch of examples that are not in memory."""


@dataclass(frozen=True, eq=False)
class Job:
    """A call of ``train`` that is ready to be run: its plans have steps, its data are in place.

    ``judge`` is that of the first network, without dropout. ``asked`` is what a run that is taken
    up again must be asked for, too; ``saved`` is the checkpoint that this one goes on from.
    """

    call: Call
    backend: Backend
    judge: Judge
    data: Data
    wanted: Targets
    validation: Validation
    asked: dict[str, Any]
    writer: checkpoints.Checkpoint | None
    saved: Snapshot | None

    @contextmanager
    def running(self, i: int) -> Iterator[int | None]:
        """Prepare the backend for the work of network ``i``; yield the threads in use."""
        plan, place = self.call.plans[i], self.call.place
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
        """Tell a network what it learned: classes or labels, its scale, and a table's columns."""
        network.classes, network.scale = self.wanted.classes, self.judge.scale
        network.labels, network.columns = self.wanted.are_labels, self.wanted.columns

    def session(
        self, part: Sequence[int], threads: int | None, saved: Sequence[Saved | None]
    ) -> Any:
        """Return the session of some networks, each where ``saved`` has it or at its start."""
        call, backend, dtype = self.call, self.backend, self.call.place.dtype
        members, first, states = [self._member(i, threads) for i in part], [], []
        for i, one in zip(part, saved, strict=True):
            plan = call.plans[i]
            host = plan.network.parameters if one is None else one.parameters
            first.append(prepare.kept(prepare.arrange(host, plan.layers), backend, dtype))
            states.append(
                None if one is None else tuple(prepare.kept(s, backend, dtype) for s in one.state)
            )
        given = members, backend, self.data, dtype, first, states
        if isinstance(members[0].step.optimizer, LBFGS):
            session: Any = lbfgs.Descent(members[0], backend, self.data, dtype, first[0])
        elif call.several or not call.split.shards:
            session = Session(*given)
        else:
            session = ShardedSession(*given, split=call.split)
        for member in members:
            member.run.pull = partial(self._pull, session, member)
        if not call.several:
            members[0].run.probe = partial(distributions.sample, session, members[0].run)
            if call.split.many:
                members[0].callbacks.append(ranks.Agreement(call.split.ranks, session))
        return session

    def _pull(self, session: Any, member: Member) -> None:
        """Bring the network of a member up to date with its arrays on the device."""
        run = member.run
        arrays = session.to_host(member) if run.result is None else run.result
        run.network.parameters = prepare.arrange(arrays, run.network.layers)
        self.name_outputs(run.network)

    def _member(self, i: int, threads: int | None) -> Member:
        """Network ``i`` and its run."""
        plan, call = self.call.plans[i], self.call
        own: Any = plan.recipe  # its schedule is no name any more
        m, k = plan.m, plan.k
        places, judged, order = None, None, None
        if plan.fold is not None:
            rows, judged = plan.fold
            places = np.zeros(len(self.wanted.values), np.int64)
            places[rows] = np.arange(m)

            def order(epoch: int) -> Host:
                drawn: Host = rows[draws.order(own.seed, epoch, m)] if k < m else rows
                return drawn

        kind = Run if call.several or not call.split.many else ranks.SharedRun
        run = kind(
            plan.network, own.epochs, -(-m // k), m, self.backend.spec, threads,
            compiled=not getattr(self.backend, "eager", True),
        )  # fmt: skip
        return Member(
            plan.step, run, k, own.seed, own.schedule, list(plan.callbacks), plan.weights, order,
            places=places, judged=judged,
        )  # fmt: skip


def opened(call: Call, count: int | None = None) -> Job:
    """Bring a call to its backend, with all that needs the data checked.

    ``count`` are the steps that are made of it, where they are not those of all epochs.
    """
    first, place, split = call.plans[0], call.place, call.split
    backend, judge, data, wanted = prepare.prepare(
        first.network, call.data, first.recipe.cost, device=place.device, dtype=place.dtype,
        backend=split.placed(place.backend, place.device), learn=True,
    )  # fmt: skip
    folds = [plan.fold for plan in call.plans if plan.fold is not None]
    if folds and isinstance(data[0], HostRows):
        msg = "folds are parts of examples in memory, and these are not; train the networks one by "
        raise InputError(f"{msg}one, with (x[rows], y[rows]) of the data and validation")
    steps = [_step(i, call, judge, data, backend) for i in range(len(call.plans))]
    with backend.session(place.dtype):
        validation = Validation.make(
            first.network, call.validation, judge, wanted, data, backend, place.dtype,
            tuple(first.recipe.metrics), folds=folds,
        )  # fmt: skip
    made = zip(call.plans, steps, weights_of(call, wanted), strict=True)
    call = replace(call, plans=[replace(plan, step=s, weights=w) for plan, s, w in made])
    asked: dict[str, Any] = {}
    writer = saved = None
    if split.many or call.checkpoint is not None or call.resume:
        asked = checkpoints.asked(call, judge)
        # from here on the others count on this rank: all that can be refused has been
        writer, saved = ranks.begin(
            split.ranks, call.checkpoint, call.resume, asked, backend.name,
            [plan.network for plan in call.plans], [plan.recipe.epochs for plan in call.plans],
        )  # fmt: skip
    if count is None:
        first = call.plans[0]
        count = 0 if call.several or split.shards else first.recipe.epochs * -(-first.m // first.k)
    if saved is None:
        backend = backend.compiling(place.compiled, count)
    else:
        backend = resuming.compiling(saved, backend, place.compiled, steps=count)
    validation = replace(validation, backend=backend)
    return Job(call, backend, judge, data, wanted, validation, asked, writer, saved)


def _step(i: int, call: Call, judge: Judge, data: Data, backend: Backend) -> TrainingStep:
    """What is done with each batch of network ``i``, its options held against the data."""
    plan, m = call.plans[i], int(data[0].shape[0])
    own, recipe = replace(judge, layers=plan.layers), plan.recipe
    validated = call.validation is not None
    if plan.fold is not None:
        for part in plan.fold:
            wrong = part[(part < 0) | (part >= m)]
            if wrong.size:
                msg = f"folds[{i}] has row {wrong[0]} and the data {m} examples; count from 0"
                raise InputError(msg)
        m, validated = len(plan.fold[0]), len(plan.fold[1]) > 0
        layers.check_batch(plan.layers, plan.batch_size(m))
    _check_together(own, plan, call, data[0])
    learned = smoothed(own, recipe)
    _check_watched(plan, judge, validated=validated)
    if not call.several:
        call.split.check(own, recipe.optimizer, backend, call.place.compiled)
    limits = Regularization(**recipe.taken())
    return TrainingStep(learned, recipe.rule, m, limits, recipe.micro_batch or 0)


def _check_together(judge: Judge, plan: Plan, call: Call, x: Any) -> None:
    """Refuse options that do not go with one another, or with examples that are not in memory."""
    recipe, k = plan.recipe, plan.batch_size(int(x.shape[0]))
    if recipe.micro_batch and any(layer.averages for layer in judge.layers):
        raise InputError("batch normalization needs the whole batch at once; leave micro_batch out")
    layers.check_batch(judge.layers, k)
    if isinstance(recipe.optimizer, LBFGS):
        of_steps = [name for name, about in RECIPE.items() if about.of_steps]
        lbfgs.check(
            judge, batch_size=(recipe.batch_size, None), resume=(call.resume, False),
            checkpoint=(call.checkpoint, None),
            **{name: (getattr(recipe, name), getattr(_USUAL, name)) for name in of_steps},
        )  # fmt: skip
    elif isinstance(x, HostRows) and k * x.width > _LARGEST:
        msg = f"a batch of {k:,} examples of {x.width} numbers is too large for data that is not in"
        raise InputError(f"{msg} memory; give a smaller batch_size, or optimizer='lbfgs'")


def smoothed(judge: Judge, recipe: Recipe) -> Judge:
    """What is learned by: targets are smoothed in training, which validation takes as they are."""
    if not recipe.label_smoothing:
        return judge
    output = judge.layers[-1].activation
    if judge.kind is None or not isinstance(output, Sigmoid | Softmax):
        what = "these are numbers" if judge.kind is None else f"the output is {output!r}"
        msg = f"label_smoothing is {recipe.label_smoothing}, of labels of softmax or sigmoid "
        raise InputError(f"{msg}outputs, and {what}; leave it out")
    return replace(judge, cost=Smoothed(judge.cost, recipe.label_smoothing))


def _check_watched(plan: Plan, judge: Judge, *, validated: bool) -> None:
    """Refuse callbacks that watch what the history will not have.

    A user's callback may write more into it, so that beside one nothing is refused.
    """
    told = ["cost", "accuracy"] if judge.kind else ["cost"]
    judged = [f"validation_{name}" for name in (*told, *plan.recipe.metrics)] if validated else []
    if all(type(c).__module__.startswith("bpnet.") for c in plan.callbacks):
        for name in filter(None, (c.watches() for c in plan.callbacks)):
            check_watched(name, [*told, *judged, "learning_rate", "seconds"])
