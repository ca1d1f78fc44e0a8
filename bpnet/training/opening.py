"""Open: a call of ``train`` brought to its backend, with all that needs the data checked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.core import layers
from bpnet.core.lbfgs import LBFGS
from bpnet.core.regularizers import Regularization
from bpnet.data import draws
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.storage.checkpoint import Snapshot
from bpnet.training import (
    agreement,
    checkpoints,
    distributions,
    lbfgs,
    options,
    prepare,
    resuming,
    sharding,
)
from bpnet.training import weights as weighing
from bpnet.training.callbacks import Run
from bpnet.training.judge import Data, Judge
from bpnet.training.member import Member
from bpnet.training.planning import Call, Plan
from bpnet.training.recipe import RECIPE
from bpnet.training.saved import Saved
from bpnet.training.step import TrainingStep
from bpnet.training.targets import Targets
from bpnet.training.validation import Validation

Host = np.ndarray[Any, Any]

_OWN = {"network", "batch_size", "examples", "folds"}
"""What is asked for of each network of a set, beside options."""


@dataclass(frozen=True, eq=False)
class Job:
    """A call of ``train`` that is ready to be run: all on its backend, one step for each network.

    ``judge`` is that of the first network, without dropout. ``asked`` is what a run that is taken
    up again must be asked for, too; ``saved`` is the checkpoint that this one goes on from.
    """

    call: Call
    backend: Backend
    judge: Judge
    data: Data
    wanted: Targets
    validation: Validation
    steps: list[TrainingStep]
    weights: list[Host | None]
    asked: dict[str, Any]
    writer: checkpoints.Checkpoint | None
    saved: Snapshot | None

    @contextmanager
    def running(self, i: int) -> Iterator[int | None]:
        """Prepare the backend for the work of network ``i``; yield the threads in use."""
        plan, place = self.call.plans[i], self.call.place
        work = prepare.largest_product(plan.network, plan.batch_size(self.steps[i].m or 1))
        threads = resuming.threads_of(self.saved, i, self.backend.spec, place.threads)
        threads = sharding.threads(self.call.split, self.backend, threads)
        with (
            self.backend.session(place.dtype),
            self.backend.threads(threads, work) as used,
            self.backend.precision(place.precision),
        ):
            yield used

    def name_outputs(self, network: Network) -> None:
        """Tell a network what its outputs are."""
        prepare.name_outputs(network, self.wanted, self.judge.scale)

    def session(
        self, part: Sequence[int], threads: int | None, saved: Sequence[Saved | None]
    ) -> Any:
        """Return the session of some networks, each where ``saved`` has it or at its start."""
        members = [self._member(i, threads) for i in part]
        backend, dtype, split = self.backend, self.call.place.dtype, self.call.split
        first, states = [], []
        for i, one in zip(part, saved, strict=True):
            plan = self.call.plans[i]
            host = plan.network.parameters if one is None else one.parameters
            first.append(prepare.kept(prepare.arrange(host, plan.layers), backend, dtype))
            states.append(
                None if one is None else tuple(prepare.kept(s, backend, dtype) for s in one.state)
            )
        rule = members[0].step.optimizer
        if isinstance(rule, LBFGS):
            session: Any = lbfgs.Descent.of(members[0], rule, backend, self.data, dtype, first[0])
        else:
            given = members, backend, self.data, dtype, first, states
            alone = replace(split, shards=0) if self.call.several else split
            session = sharding.session(alone, *given)
        for member in members:
            member.run.pull = prepare.pulling(session, member, self.wanted)
        if not self.call.several:
            members[0].run.probe = partial(distributions.sample, session, members[0].run)
            members[0].callbacks += agreement.callbacks(split.ranks, session)
        return session

    def _member(self, i: int, threads: int | None) -> Member:
        """Network ``i`` and its run."""
        plan, step = self.call.plans[i], self.steps[i]
        own: Any = plan.recipe  # its schedule is no name any more
        m = step.m or 1
        k = plan.batch_size(m)
        places, judged, order = None, None, None
        if plan.fold is not None:
            rows, judged = plan.fold
            places = np.zeros(len(self.wanted.values), np.int64)
            places[rows] = np.arange(m)

            def order(epoch: int) -> Host:
                drawn: Host = rows[draws.order(own.seed, epoch, m)] if k < m else rows
                return drawn

        kind = Run if self.call.several else agreement.run(self.call.split.ranks)
        run = kind(
            plan.network, own.epochs, -(-m // k), m, self.backend.spec, threads,
            compiled="compiled" in resuming.machine(self.backend),
        )  # fmt: skip
        return Member(
            step, run, k, own.seed, own.schedule, list(plan.callbacks), self.weights[i], order,
            places=places, judged=judged,
        )  # fmt: skip


def opened(call: Call, count: int | None = None) -> Job:
    """Bring a call to its backend, with all that needs the data checked.

    ``count`` are the steps that are made of it, where they are not those of all epochs.
    """
    first, place, split = call.plans[0], call.place, call.split
    backend, judge, data, wanted = prepare.prepare(
        first.network, call.data, first.recipe.cost,
        backend=sharding.placed(split.ranks, place.backend, place.device), device=place.device,
        dtype=place.dtype, learn=True,
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
    weights = _weights(call, wanted)
    asked = _asked(call, judge, steps, weights)
    # from here on the others count on this rank: all that can be refused has been
    writer, saved = agreement.begin(
        split.ranks, call.checkpoint, call.resume, asked, backend.name,
        [plan.network for plan in call.plans], [plan.recipe.epochs for plan in call.plans],
    )  # fmt: skip
    if count is None:
        m, k = steps[0].m or 1, first.batch_size(steps[0].m or 1)
        count = 0 if call.several or split.shards else first.recipe.epochs * -(-m // k)
    backend = resuming.compiling(saved, backend, place.compiled, steps=count)
    validation = replace(validation, backend=backend)
    return Job(call, backend, judge, data, wanted, validation, steps, weights, asked, writer, saved)


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
    one = None if call.several else call.checkpoint
    options.check_together(own, recipe, one, data[0], resume=call.resume)
    learned = options.smoothed(own, recipe)
    options.check_watched(plan.callbacks, judge, recipe.metrics, validated=validated)
    if not call.several:
        sharding.check(call.split, own, recipe.optimizer, backend, call.place.compiled)
    limits = Regularization(**recipe.taken())
    return TrainingStep(learned, recipe.rule, m, limits, recipe.micro_batch or 0)


def _weights(call: Call, wanted: Targets) -> list[Host | None]:
    """Weights of all examples for each network, with those of a fold made as if it were all."""
    total, by_class = len(wanted.values), call.plans[0].recipe.class_weight
    if call.plans[0].fold is None:
        made = weighing.make(call.sample_weight, by_class, wanted, total)
        return [made] * len(call.plans)
    own = None if call.sample_weight is None else weighing.given(call.sample_weight, total)
    weights: list[Host | None] = []
    for rows, _ in filter(None, (plan.fold for plan in call.plans)):
        part = replace(wanted, values=wanted.values[rows])
        made = weighing.make(None if own is None else own[rows], by_class, part, len(rows))
        whole = None if made is None else np.zeros(total)
        if whole is not None:
            whole[rows] = made
        weights.append(whole)
    return weights


def _asked(
    call: Call, judge: Judge, steps: list[TrainingStep], weights: list[Host | None]
) -> dict[str, Any]:
    """What is asked for, in words: as a checkpoint keeps it, and ranks compare it.

    Of what networks of a set may have different, there is a list.
    """
    if not call.split.many and call.checkpoint is None:
        return {}
    arrays: dict[str, Any] = {
        name: None if pair is None else prepare.pair(pair, name)
        for name, pair in {"data": call.data, "validation": call.validation}.items()
    }
    if call.several:
        arrays["sample_weight"] = None if call.sample_weight is None else (call.sample_weight,)
    shared = {n: None if a is None else checkpoints.fingerprint(*a) for n, a in arrays.items()}

    def of(plan: Plan, step: TrainingStep, own: Host | None) -> dict[str, Any]:
        m, recipe, more = step.m or 1, plan.recipe, sharding.asked(call.split)
        if call.several:
            fold = None if plan.fold is None else checkpoints.fingerprint(*plan.fold)
            more = {name: getattr(recipe, name) for name in ("metrics", "class_weight")}
            more["folds"], own = fold, None
        return checkpoints.asked(
            recipe, call.place, weights=own, network=plan.layers, cost=judge.cost,
            batch_size=plan.batch_size(m), examples=m, scale=judge.scale, **shared, **more,
        )  # fmt: skip

    each = [of(*one) for one in zip(call.plans, steps, weights, strict=True)]
    if not call.several:
        return each[0]
    own = _OWN | {name for name, about in RECIPE.items() if about.each}
    return {
        name: f"[{', '.join(str(one[name]) for one in each)}]" if name in own else value
        for name, value in each[0].items()
    }
