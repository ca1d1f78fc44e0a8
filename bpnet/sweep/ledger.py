"""The scores of the networks of a sweep, kept in its folder while it goes on."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bpnet.arguments import finite_number
from bpnet.data import splits
from bpnet.errors import InputError, one_line
from bpnet.runs import folder as run_folder
from bpnet.storage import disk, lock, owned, strict_json
from bpnet.sweep.plan import Plan
from bpnet.sweep.ranking import Sweep, as_csv, networks_of
from bpnet.training import Callback, Run
from bpnet.training.callbacks import SIGNALS

End = tuple[float, int]
"""Score of a network and the epoch that it keeps, from 1; nan and 0 if it diverged."""

_CSV = "sweep.csv"
_SHARE = 20
"""Least time between two writings, in units of the duration of one."""


@dataclass(eq=False)
class Ledger:
    """The networks that are trained, by their numbers, in memory and in ``sweep.json``.

    Parameters
    ----------
    folder : Path or None
        From :func:`bpnet.runs.folder.choose`; None keeps nothing on the disk.
    options : dict
        Options of the sweep as plain data, with which it can be resumed.
    fresh : bool
        Whether the folder is one that :func:`bpnet.runs.folder.choose` has named.
    trained : dict of (float, int)
        Score and epoch of each network.
    rungs : dict of lists
        Scores of networks at the rungs of successive halving that they have reached.
    pruned : dict of int
        Epoch after which each pruned network ended, from 1; it is in ``trained`` too.
    seconds : float
        Time that training took.
    data : str
        Fingerprint of the data.
    split_version : int
        Version of the draw of held-out rows, as :func:`bpnet.data.load` has it.
    """

    folder: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    fresh: bool = False
    trained: dict[int, End] = field(default_factory=dict)
    rungs: dict[int, list[float]] = field(default_factory=dict)
    pruned: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    data: str = ""
    split_version: int = splits.VERSION
    _lock: lock.FolderLock | None = None
    _made: list[Path] = field(default_factory=list)
    _next: float = 0.0
    _is_new: bool = False
    _ranked: Callable[[], Sweep] | None = None

    @classmethod
    def read(cls, folder: Path) -> "Ledger":
        """Ledger of a sweep that is resumed.

        Raises
        ------
        InputError
            If the folder is not that of a sweep, or its ``sweep.json`` is damaged.
        """
        path = folder / run_folder.SWEEP
        if not disk.there(path):
            msg = f"{folder} is not the folder of a sweep: it holds no {path.name}"
            raise InputError(f"{msg}; give the folder that `bpnet sweep` named")
        try:
            file = strict_json.loads(disk.text(path))
            if "trained" not in file:
                msg = f"{path} is of an older bpnet, which kept no networks; sweep again"
                raise InputError(msg)
            ledger = cls(
                folder, file["asked"], seconds=float(file["seconds"]), data=str(file["data"]),
                # files of earlier versions lack some keys; version 1 of the draw is theirs
                split_version=int(file.get("split_version", 1)),
                trained={_whole(i): _end(score, epoch) for i, score, epoch in file["trained"]},
                rungs={_whole(i): [*map(_score, row)] for i, row in file.get("rungs", [])},
                pruned={_whole(i): _whole(epoch) for i, epoch in file.get("pruned", [])},
            )  # fmt: skip
            if not isinstance(ledger.options, dict) or not 0 <= ledger.seconds < math.inf:
                msg = "its options or its seconds are not those of a sweep"
                raise ValueError(msg)
        # an InputError is a ValueError too, and has its own message
        except InputError:
            raise
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            msg = f"{path} is damaged ({one_line(error)}); sweep again"
            raise InputError(msg) from error
        return ledger

    def begin(self, ranked: Callable[[], Sweep], data: str) -> None:
        """Make the folder and lock it.

        Parameters
        ----------
        ranked : callable
            Gives the ranking of what is trained so far.
        data : str
            Fingerprint of the data.

        Raises
        ------
        InputError
            If another process has locked the folder, or the sweep was begun with other data.
        """
        if self.data and self.data != data:
            msg = f"the data is not what the sweep in {self.folder} was begun with"
            raise InputError(f"{msg}; sweep again, with another --out")
        # a ledger that was read has the fingerprint of its data
        self._is_new = not self.data
        self._ranked, self.data = ranked, data
        if self.folder is None:
            return
        self.folder, self._made = owned.claim(self.folder, fresh=self.fresh)
        # a link with one of bpnet's names would lead its writes out of the folder
        run_folder.check(self.folder)
        folder_lock = lock.FolderLock(self.folder)
        folder_lock.take()
        self._lock = folder_lock
        # the folder is locked, so that partial files in it are of processes that were killed
        owned.clear(self.folder, run_folder.FILES)
        # from here on the sweep can be resumed, also if no network comes to its end
        self._write()

    def expected(self, plan: Plan) -> int:
        """Return the number of networks to train, without those that pruning has spared so far."""
        count = len(plan.configurations)
        return sum(len(networks_of(plan, c, self.trained, self.pruned)) for c in range(count))

    def note(self, i: int, end: End, pruned: int | None = None) -> None:
        """Keep the score of a network; it is written soon, or by :meth:`close`."""
        if pruned is not None:
            self.pruned[i] = pruned
        self.trained[i] = end
        start = time.perf_counter()
        # writing takes longer the more networks there are, and gets a fixed share of the time
        if start >= self._next:
            self._write()
            now = time.perf_counter()
            self._next = now + _SHARE * (now - start)

    def close(self, *, finished: bool) -> None:
        """Write the ranking, and unlock the folder."""
        try:
            self._write(finished=finished)
        finally:
            self.release()

    def discard(self) -> None:
        """Delete the files of a sweep that failed, unless it was begun before."""
        if self._is_new and self._lock is not None and self.folder is not None:
            for name in (run_folder.SWEEP, _CSV):
                (self.folder / name).unlink(missing_ok=True)
        self.release()
        # the call of `close` that follows then has nothing to write
        self._ranked = None
        owned.unmake(self._made)

    def release(self) -> None:
        """Unlock the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _write(self, *, finished: bool = False) -> None:
        if self.folder is None or self._ranked is None:
            return
        sweep = self._ranked()
        file = {
            "finished": finished,
            **sweep.summary(),
            # the name of the key is that of earlier versions, whose sweeps can be resumed
            "asked": self.options,
            "data": self.data,
            "split_version": self.split_version,
            "trained": [[i, finite_number(s), at] for i, (s, at) in sorted(self.trained.items())],
            "rungs": [[i, [*map(finite_number, row)]] for i, row in sorted(self.rungs.items())],
            "pruned": sorted(self.pruned.items()),
        }
        # only the last writing waits for the disk: an earlier one is followed by another
        with disk.writing(self.folder / run_folder.SWEEP, text=True, sync=finished) as stream:
            stream.write(json.dumps(file, indent=1))
        # the heading of the CSV is made from its first row
        if sweep.ranking:
            with disk.writing(self.folder / _CSV, text=True, sync=finished) as stream:
                stream.write(as_csv(sweep))


@dataclass(eq=False)
class Noting(Callback):
    """Enters each network of a set into a ledger, in the order of the set.

    Parameters
    ----------
    ledger : Ledger
        Where the networks are entered.
    numbers : list of int
        Numbers of the networks in the sweep.
    end : callable
        From a history to score and epoch.
    """

    ledger: Ledger
    numbers: list[int]
    end: Callable[[Any], End]
    _members: int = field(default=0, init=False)

    def for_member(self) -> "Noting":
        """Return the callback of the next network."""
        self._members += 1
        return replace(self, numbers=self.numbers[self._members - 1 : self._members])

    def on_train_end(self, run: Run) -> None:
        """Enter the network, unless a signal stopped it."""
        # a network that a signal stopped is trained again when the sweep is resumed
        if run.stopped not in SIGNALS:
            self.ledger.note(self.numbers[0], self.end(run.history))


def _whole(value: Any) -> int:
    # `isinstance` would take a boolean for a number
    if type(value) is not int or value < 0:
        msg = f"it has {str(value)[:20]} where a whole number belongs"
        raise ValueError(msg)
    return value


def _score(value: Any) -> float:
    if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
        msg = f"it has the score {str(value)[:20]}"
        raise ValueError(msg)
    return math.nan if value is None else float(value)


def _end(score: Any, epoch: Any) -> End:
    return _score(score), _whole(epoch)
