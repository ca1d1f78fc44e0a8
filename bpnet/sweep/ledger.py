"""What the networks of a sweep have scored, kept in its folder while it goes on."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bpnet.arguments import finite_number
from bpnet.errors import InputError, one_line
from bpnet.runs import folder as run_folder
from bpnet.storage import disk, lock, owned, strict_json
from bpnet.sweep.ranking import Sweep, as_csv
from bpnet.training import Callback, Run
from bpnet.training.callbacks import SIGNALS

End = tuple[float, int]
"""Score of a network, nan if it diverged, and the epoch that it keeps, from 1; then 0."""

_CSV = "sweep.csv"
_SHARE = 20
"""Time between two writings, in units of what one takes."""


@dataclass(eq=False)
class Ledger:
    """Networks that are trained, by their numbers; ``sweep.json`` of a folder has them too.

    Parameters
    ----------
    folder : Path or None
        From :func:`bpnet.runs.folder.choose`; None keeps nothing on the disk.
    asked : dict
        What was asked for, plain data with which the sweep can be taken up again.
    fresh : bool
        Whether the folder is one that :func:`bpnet.runs.folder.choose` has named.
    trained : dict of (float, int)
        Score and epoch of each network.
    seconds : float
        Of training them.
    data : str
        Fingerprint of the data.
    """

    folder: Path | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    fresh: bool = False
    trained: dict[int, End] = field(default_factory=dict)
    seconds: float = 0.0
    data: str = ""
    _lock: lock.FolderLock | None = None
    _made: list[Path] = field(default_factory=list)
    _next: float = 0.0
    _is_new: bool = False
    _ranked: Callable[[], Sweep] | None = None

    @classmethod
    def read(cls, folder: Path) -> "Ledger":
        """Ledger of a sweep that is taken up again.

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
            held = strict_json.loads(disk.text(path))
            if "trained" not in held:
                msg = f"{path} is of an older bpnet, which kept no networks; sweep again"
                raise InputError(msg)
            trained = {_whole(i): _end(score, epoch) for i, score, epoch in held["trained"]}
            asked, seconds, data = held["asked"], float(held["seconds"]), str(held["data"])
            if not isinstance(asked, dict) or not 0 <= seconds < math.inf:
                msg = "it does not say what was asked for"
                raise ValueError(msg)
        except InputError:
            raise
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            msg = f"{path} is damaged ({one_line(error)}); sweep again"
            raise InputError(msg) from error
        return cls(folder, asked, False, trained, seconds, data)

    def begin(self, ranked: Callable[[], Sweep], data: str) -> None:
        """Make the folder and hold it.

        Parameters
        ----------
        ranked : callable
            Gives the ranking of what is trained so far.
        data : str
            Fingerprint of the data.

        Raises
        ------
        InputError
            If another process holds the folder, or the sweep was begun with other data.
        """
        if self.data and self.data != data:
            msg = f"the data is not what the sweep in {self.folder} was begun with"
            raise InputError(f"{msg}; sweep again, with another --out")
        self._is_new = not self.data
        self._ranked, self.data = ranked, data
        if self.folder is None:
            return
        self.folder, self._made = owned.claim(self.folder, fresh=self.fresh)
        run_folder.check(self.folder)
        held = lock.FolderLock(self.folder)
        held.take()
        self._lock = held
        owned.clear(self.folder, run_folder.FILES)
        self._write()

    def note(self, i: int, end: End) -> None:
        """Keep what a network scored; it is written soon, or by :meth:`close`."""
        self.trained[i] = end
        start = time.perf_counter()
        if start >= self._next:
            self._write()
            now = time.perf_counter()
            self._next = now + _SHARE * (now - start)

    def close(self, *, finished: bool) -> None:
        """Write the ranking, and let go of the folder."""
        try:
            self._write(finished=finished)
        finally:
            self.release()

    def discard(self) -> None:
        """Take away what a sweep that cannot be has left, unless it was begun before."""
        if self._is_new and self._lock is not None and self.folder is not None:
            for name in (run_folder.SWEEP, _CSV):
                (self.folder / name).unlink(missing_ok=True)
        self.release()
        self._ranked = None
        owned.unmake(self._made)

    def release(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _write(self, *, finished: bool = False) -> None:
        if self.folder is None or self._ranked is None:
            return
        sweep = self._ranked()
        held = {
            "finished": finished,
            **sweep.summary(),
            "asked": self.asked,
            "data": self.data,
            "trained": [[i, finite_number(s), at] for i, (s, at) in sorted(self.trained.items())],
        }
        with disk.writing(self.folder / run_folder.SWEEP, text=True, sync=finished) as file:
            file.write(json.dumps(held, indent=1))
        if sweep.ranking:
            with disk.writing(self.folder / _CSV, text=True, sync=finished) as file:
                file.write(as_csv(sweep))


@dataclass(eq=False)
class Noting(Callback):
    """Tells a ledger of each network of a set, in the order in which they were given.

    Parameters
    ----------
    ledger : Ledger
        Whom to tell.
    numbers : list of int
        Of the networks, in the sweep.
    end : callable
        From a history to score and epoch.
    """

    ledger: Ledger
    numbers: list[int]
    end: Callable[[Any], End]
    _given: int = 0

    def for_member(self) -> "Noting":
        """Return what tells of the next network."""
        self._given += 1
        return Noting(self.ledger, self.numbers[self._given - 1 : self._given], self.end)

    def on_train_end(self, run: Run) -> None:
        """Tell, unless the network was stopped."""
        if run.stopped not in SIGNALS:
            self.ledger.note(self.numbers[0], self.end(run.history))


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        msg = f"it has {str(value)[:20]} where a whole number belongs"
        raise ValueError(msg)
    return value


def _end(score: Any, epoch: Any) -> End:
    if score is not None and (type(score) not in (int, float) or not math.isfinite(score)):
        msg = f"it has the score {str(score)[:20]}"
        raise ValueError(msg)
    return (math.nan if score is None else float(score)), _whole(epoch)
