"""The networks of an ensemble as one run, for callbacks that know one network."""

from collections.abc import Callable, Sequence
from typing import Any

from bpnet.model.ensemble import Ensemble, Model
from bpnet.model.network import Network
from bpnet.training import Callback, History, Recipe, Run
from bpnet.training import train as train_networks
from bpnet.training.callbacks import SIGNALS


class _EnsembleRun(Run):
    """The run of an ensemble, as callbacks get it; it is stopped with the runs of all members."""

    runs: list[Run]

    def stop(self, reason: str) -> None:
        """Stop the runs of all members."""
        super().stop(reason)
        for run in self.runs:
            run.stop(reason)


class Joined(Callback):
    """Callback of all members of an ensemble, which calls other callbacks once for the ensemble.

    Those callbacks get the ensemble as the network of one run. Its history is :func:`merged` from
    the histories of the members.

    Parameters
    ----------
    callbacks : sequence of Callback
        Callbacks of the ensemble; :meth:`finish` calls their ``on_train_end``.
    networks : sequence of Network
        Members of the ensemble.
    """

    def __init__(self, callbacks: Sequence[Callback], networks: Sequence[Network]) -> None:
        self._callbacks, self._networks = callbacks, networks
        self._runs: list[Run] = []
        self._ended: list[Run] = []
        self._before: list[History] = []
        self._run: _EnsembleRun | None = None
        self._epochs_reported = 0

    def on_train_begin(self, run: Run) -> None:
        """Call the callbacks when the first member begins."""
        self._runs.append(run)
        if self._run is not None:
            return
        self._run = ensemble_run = _EnsembleRun(
            Ensemble(self._networks),  # type: ignore[arg-type]  # answers as a network does
            run.epochs, run.steps, run.samples, run.backend, run.threads, compiled=run.compiled,
        )  # fmt: skip
        ensemble_run.runs = self._runs
        ensemble_run.pull = self._pull
        self._follow(run)
        self._call(lambda callback: callback.on_train_begin(ensemble_run))

    def on_block_end(self, run: Run) -> None:
        """Call the callbacks after the block of the last member in training."""
        runs = self._in_training()
        if self._run is None or run is not runs[-1]:
            return
        self._run.cost = _mean([r.cost for r in runs])
        self._run.accuracy = _mean([r.accuracy for r in runs])
        self._run.step, self._run.epoch = run.step, run.epoch
        self._call(lambda callback: callback.on_block_end(self._run))  # type: ignore[arg-type]

    def on_epoch_end(self, run: Run) -> None:
        """Call the callbacks when the last member in training has ended the epoch."""
        ensemble_run, runs = self._run, self._in_training()
        if ensemble_run is None or any(r.position[1] or r.epoch < run.epoch for r in runs):
            return
        self._follow(run)
        epochs = len(ensemble_run.history["cost"])
        # members that are trained one after the other repeat the epochs: each is reported once
        if epochs > self._epochs_reported:
            self._epochs_reported = epochs
            ensemble_run.epoch, ensemble_run.step = run.epoch, run.step
            self._call(lambda callback: callback.on_epoch_end(ensemble_run))

    def on_train_end(self, run: Run) -> None:
        """Note that a member has ended."""
        self._ended.append(run)

    def state(self) -> tuple[dict[str, Any], Any]:
        """Return the histories of the members that have ended, for a checkpoint."""
        ended = [run.history for run in self._ended if run.stopped not in SIGNALS]
        return {"histories": [*self._before, *ended]}, None

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Restore the histories of :meth:`state`."""
        self._before = list(numbers.get("histories", ()))
        self._follow(self._runs[0])
        self._epochs_reported = len(self._run.history["cost"]) if self._run is not None else 0

    def finish(self, ensemble: Ensemble) -> None:
        """End the run of the ensemble, whose members have not diverged."""
        ensemble_run = self._run
        if ensemble_run is None:
            return
        self._follow(self._runs[-1])
        ensemble_run.network, ensemble_run.pull = ensemble, lambda: None  # type: ignore[assignment]
        ensemble_run.stopped = next((r.stopped for r in self._runs if r.stopped in SIGNALS), None)
        self._call(lambda callback: callback.on_train_end(ensemble_run))

    def _in_training(self) -> list[Run]:
        # A member that has diverged is no longer trained.
        return [r for r in self._runs if r not in self._ended and r.stopped != "diverged"]

    def _follow(self, run: Run) -> None:
        """Update the learning rate and, in place, the history of the ensemble."""
        if self._run is None:
            return
        self._run.learning_rate = run.learning_rate
        # In place, as the callbacks may have kept the history that they were handed.
        self._run.history.update(merged([*self._before, *(r.history for r in self._runs)]))

    def _pull(self) -> None:
        for run in self._in_training():
            run.pull()

    def _call(self, function: Callable[[Callback], None]) -> None:
        for callback in self._callbacks:
            function(callback)


def train(
    networks: Sequence[Network],
    data: Any,
    recipe: Recipe,
    *,
    seeds: Sequence[int],
    folds: Any,
    callbacks: Sequence[Callback],
    stopping: Callback | None,
    **how: Any,
) -> tuple[Model, History]:
    """Train the networks of a run: a single network, or the members of an ensemble.

    Parameters
    ----------
    networks, data, recipe, **how
        As in :func:`bpnet.train`.
    seeds, folds : sequences
        One for each network; ``folds`` is None where all networks share the validation rows.
    callbacks : sequence of Callback
        Called once for an ensemble, by :class:`Joined`.
    stopping : Callback or None
        Called for each network, before the other callbacks.

    Returns
    -------
    model : Network or Ensemble
        The trained model; an ensemble lacks the members that have diverged.
    history : dict of lists
        The history of training; that of an ensemble comes from :func:`merged`.
    """
    per_network = [] if stopping is None else [stopping]
    if len(networks) == 1:
        listeners = [*per_network, *callbacks]  # the recorder saves what is handed over
        return networks[0], train_networks(networks[0], data, recipe, callbacks=listeners, **how)
    joined = Joined(callbacks, networks)
    histories = train_networks(
        networks, data, recipe, folds=folds, seed=seeds, callbacks=[*per_network, joined], **how
    )
    finished = [network for i, network in enumerate(networks) if i not in histories.diverged]
    ensemble = Ensemble(finished)
    joined.finish(ensemble)
    return ensemble, merged(histories)


def merged(histories: Sequence[History]) -> History:
    """Merge histories: for each epoch the mean of those that reach it, and the sum of seconds.

    Examples
    --------
    >>> each = [{"cost": [2.0, 1.0], "seconds": [1.0, 1.0]}, {"cost": [4.0], "seconds": [1.0]}]
    >>> dict(merged(each))
    {'cost': [3.0, 1.0], 'seconds': [2.0, 1.0]}
    """
    histories = [history for history in histories if history]
    merged_history = History()
    for name in histories[0] if histories else ():
        columns = [history[name] for history in histories if name in history]
        merged_history[name] = []
        for epoch in range(max(map(len, columns))):
            values = [column[epoch] for column in columns if len(column) > epoch]
            # The members share the time of an epoch, so their seconds add up.
            merged_history[name].append(sum(values) / (1 if name == "seconds" else len(values)))
    return merged_history


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
