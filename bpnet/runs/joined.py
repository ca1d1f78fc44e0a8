"""The networks of an ensemble as one run, for callbacks that know one network."""

from collections.abc import Callable, Sequence
from typing import Any

from bpnet.model.ensemble import Ensemble, Model
from bpnet.model.network import Network
from bpnet.training import Callback, History, Recipe, Run
from bpnet.training import train as train_networks
from bpnet.training.callbacks import SIGNALS


class _Whole(Run):
    """The run that the callbacks see; a stop is for all networks."""

    runs: list[Run]

    def stop(self, reason: str) -> None:
        """End the runs of all networks."""
        super().stop(reason)
        for run in self.runs:
            run.stop(reason)


class Joined(Callback):
    """Calls callbacks once where each network of an ensemble would call them.

    They see the ensemble as the network of their run. The history has the mean of what the networks
    have that were trained so long, and the sum of their seconds.

    Parameters
    ----------
    callbacks : sequence of Callback
        What is called; :meth:`finish` calls their ``on_train_end``.
    networks : sequence of Network
        The members.
    """

    def __init__(self, callbacks: Sequence[Callback], networks: Sequence[Network]) -> None:
        self._callbacks, self._networks = callbacks, networks
        self._runs: list[Run] = []
        self._ended: list[Run] = []
        self._before: list[History] = []
        self._whole: _Whole | None = None
        self._told = 0

    def on_train_begin(self, run: Run) -> None:
        """Begin with the first network."""
        self._runs.append(run)
        if self._whole is not None:
            return
        self._whole = whole = _Whole(
            Ensemble(self._networks),  # type: ignore[arg-type]  # answers as a network does
            run.epochs, run.steps, run.samples, run.backend, run.threads, compiled=run.compiled,
        )  # fmt: skip
        whole.runs = self._runs
        whole.pull = self._pull
        self._follow(run)
        self._call(lambda callback: callback.on_train_begin(whole))

    def on_block_end(self, run: Run) -> None:
        """Call with the last network that is under way."""
        under_way = self._under_way()
        if self._whole is None or run is not under_way[-1]:
            return
        self._whole.cost = _mean([r.cost for r in under_way])
        self._whole.accuracy = _mean([r.accuracy for r in under_way])
        self._whole.step, self._whole.epoch = run.step, run.epoch
        self._call(lambda callback: callback.on_block_end(self._whole))  # type: ignore[arg-type]

    def on_epoch_end(self, run: Run) -> None:
        """Call when all networks that are under way have ended the epoch, and none before."""
        whole, under_way = self._whole, self._under_way()
        if whole is None or any(r.position[1] or r.epoch < run.epoch for r in under_way):
            return
        self._follow(run)
        if len(whole.history["cost"]) > self._told:  # networks that follow go over the same epochs
            self._told = len(whole.history["cost"])
            whole.epoch, whole.step = run.epoch, run.step
            self._call(lambda callback: callback.on_epoch_end(whole))

    def on_train_end(self, run: Run) -> None:
        """Take note that a network is trained no more."""
        self._ended.append(run)

    def state(self) -> tuple[dict[str, Any], Any]:
        """Return the histories of the networks that are trained no more."""
        ended = [run.history for run in self._ended if run.stopped not in SIGNALS]
        return {"histories": [*self._before, *ended]}, None

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Take them back."""
        self._before = list(numbers.get("histories", ()))
        self._follow(self._runs[0])
        self._told = len(self._whole.history["cost"]) if self._whole is not None else 0

    def finish(self, ensemble: Ensemble) -> None:
        """End the run of all with the networks that training has left."""
        whole = self._whole
        if whole is None:
            return
        self._follow(self._runs[-1])
        whole.network, whole.pull = ensemble, lambda: None  # type: ignore[assignment]
        whole.stopped = next((r.stopped for r in self._runs if r.stopped in SIGNALS), None)
        self._call(lambda callback: callback.on_train_end(whole))

    def _under_way(self) -> list[Run]:
        return [r for r in self._runs if r not in self._ended and r.stopped != "diverged"]

    def _follow(self, run: Run) -> None:
        """Bring the history of all, in place, and the rate up to date."""
        if self._whole is None:
            return
        self._whole.learning_rate = run.learning_rate
        self._whole.history.update(merged([*self._before, *(r.history for r in self._runs)]))

    def _pull(self) -> None:
        for run in self._under_way():
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
    """Train the networks of a run, one alone or several as one ensemble.

    Parameters
    ----------
    networks, data, recipe, **how
        As in :func:`bpnet.train`.
    seeds, folds : sequences
        One for each network; no folds where all are judged by the same rows.
    callbacks : sequence of Callback
        They see an ensemble as one network.
    stopping : Callback or None
        Called for each network, before the others.

    Returns
    -------
    model : Network or Ensemble
        What was trained; of an ensemble those that have not diverged.
    history : dict of lists
        Of an ensemble, from :func:`merged`.
    """
    each = [] if stopping is None else [stopping]
    if len(networks) == 1:
        called = [*each, *callbacks]  # the recorder saves what is handed over
        return networks[0], train_networks(networks[0], data, recipe, callbacks=called, **how)
    whole = Joined(callbacks, networks)
    histories = train_networks(
        networks, data, recipe, folds=folds, seed=seeds, callbacks=[*each, whole], **how
    )
    kept = [network for i, network in enumerate(networks) if i not in histories.diverged]
    ensemble = Ensemble(kept)
    whole.finish(ensemble)
    return ensemble, merged(histories)


def merged(histories: Sequence[History]) -> History:
    """One history of several: of each epoch the mean of those that have it, of seconds the sum.

    Examples
    --------
    >>> each = [{"cost": [2.0, 1.0], "seconds": [1.0, 1.0]}, {"cost": [4.0], "seconds": [1.0]}]
    >>> dict(merged(each))
    {'cost': [3.0, 1.0], 'seconds': [2.0, 1.0]}
    """
    histories = [history for history in histories if history]
    found = History()
    for name in histories[0] if histories else ():
        columns = [history[name] for history in histories if name in history]
        found[name] = []
        for epoch in range(max(map(len, columns))):
            values = [column[epoch] for column in columns if len(column) > epoch]
            found[name].append(sum(values) / (1 if name == "seconds" else len(values)))
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
