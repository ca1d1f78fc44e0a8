"""The loop over epochs: the same for one network, a stack of networks, ranks and L-BFGS."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from bpnet.core.feedforward import Parameters
from bpnet.errors import Diverged
from bpnet.training.callbacks import SIGNALS, Run, named
from bpnet.training.member import Member

Figures = dict[str, float | None]
"""What validation adds to the history of a network, by name."""

Validate = Callable[[Parameters, Sequence[Member]], list[Figures]]
"""From parameters on the device and the members that have them to the figures of each member."""


def run(
    session: Any,
    validate: Validate,
    saved: Sequence[dict[str, Any]] | None = None,
    after: Callable[[str], None] | None = None,
) -> None:
    """Run the epochs that are left of each member's run, with history and callbacks.

    A run that diverges leaves the error in its member. ``saved`` has for each member the state of
    its callbacks in a checkpoint. ``after`` is called with ``"begin"``, and with ``"block"`` or
    ``"epoch"`` whenever one has ended that was not broken off.
    """
    session.after_block = None if after is None else partial(after, "block")
    for i, member in enumerate(session.members):
        for name, callback in named(member.callbacks):
            # on_train_begin resets a callback, so that its saved state comes after it
            callback.on_train_begin(member.run)
            if saved and name in saved[i]:
                callback.take_back(*saved[i][name])
    if after is not None:
        after("begin")
    for i, member in session.live:
        # a resumed run may have been interrupted after its last epoch
        if member.run.epoch >= member.run.epochs:
            end(session, i)
    with deferred_interrupt(session):
        while session.live:
            start, count = time.perf_counter(), len(session.live)
            session.train_epoch()
            # a GPU may still be computing, and the seconds of the epoch are measured here
            session.backend.synchronize()
            # the members of a stack share its time: their seconds add up to those of the stack
            seconds = (time.perf_counter() - start) / count
            # a run that was stopped within an epoch gets no history and no validation for it
            if session.live:
                _end_epoch(session, validate, seconds)
                if after is not None:
                    after("epoch")
            session.compact()


def _end_epoch(session: Any, validate: Validate, seconds: float) -> None:
    """Write the epoch into the histories, and end the runs that are over."""
    validated = validate(session.parameters, session.members)
    for i, member in session.live:
        run = member.run
        try:
            record(run, validated[i], seconds)
        except Diverged as error:
            diverge(session, i, error)
            continue
        for callback in member.callbacks:
            callback.on_epoch_end(run)
    # a callback that turns a signal into a stop reaches its own run only
    stop_all(session)
    for i, member in session.live:
        run = member.run
        if run.stopped or run.epoch + 1 == run.epochs:
            end(session, i)
        else:
            run.epoch, run.step, run.sums = run.epoch + 1, 0, (0.0, 0.0)


def stop_all(session: Any) -> None:
    """Stop all networks where a signal stopped one: a signal is for the whole process."""
    runs = [member.run for _, member in session.live]
    reason = next((run.stopped for run in runs if run.stopped in SIGNALS), None)
    for run in runs if reason else ():
        run.stop(reason)


def end(session: Any, i: int) -> None:
    """End the run of a member, whose result is what it has now."""
    member = session.members[i]
    # L-BFGS ends its search here and writes run.note, which on_train_end may read
    session.leave(i)
    for callback in member.callbacks:
        callback.on_train_end(member.run)


def diverge(session: Any, i: int, error: Diverged, carry: Any = None) -> None:
    """End the run of a member that diverged; its result is ``carry``, or what it has now."""
    member = session.members[i]
    session.leave(i, carry)
    member.error = error
    member.run.stop("diverged")


def record(run: Run, validated: Figures, seconds: float) -> None:
    """Write an epoch into the history; raise Diverged if the validation cost is not finite."""
    if not math.isfinite(validated.get("validation_cost") or 0.0):
        msg = (
            f"training diverged: the validation cost is not finite after epoch {run.epoch + 1}; "
            "try a smaller learning rate, or look for outliers in the validation data"
        )
        raise Diverged(msg)
    values = {
        "cost": run.cost,
        "accuracy": run.accuracy,
        **validated,
        "learning_rate": run.learning_rate,
        "seconds": seconds,
    }
    for name, value in values.items():
        # a regression has no accuracy, and its history lacks the name
        if value is not None:
            run.history.setdefault(name, []).append(value)


@contextmanager
def deferred_interrupt(session: Any) -> Iterator[None]:
    """Let the first Ctrl-C stop the run after the block; a second one interrupts at once."""
    usual = signal.default_int_handler
    # only the main thread may set a handler, and a handler of the user stays in place
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not usual:
        yield
        return

    def first(_signal: int, _frame: Any) -> None:
        session.stop("interrupted")
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
