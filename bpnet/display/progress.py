"""``Progress``: the callback that shows a run on a terminal or in a notebook."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.training.callbacks import Callback, Run


@checked
class Progress(Callback):
    """Callback that shows the progress of a run, or how many networks of a set are done.

    On a terminal there is one line for each epoch, about forty for a long run, and a bar with cost,
    elapsed time and time left; in a notebook a table and curves, which are updated. Nothing is
    shown where the output goes to a pipe or a file.

    Parameters
    ----------
    verbose : {1, 2}
        2 also writes the lines to a pipe or a file, for a log.

    Raises
    ------
    InputError
        If ``verbose`` is another number.

    Examples
    --------
    >>> import bpnet
    >>> net = bpnet.Network([64, 16, 10], seed=0)
    >>> data = bpnet.data.load("digits")
    >>> history = bpnet.train(net, data, epochs=2, callbacks=[bpnet.callbacks.Progress()])
    """

    def __init__(self, verbose: int = 1) -> None:
        if verbose not in {1, 2}:
            msg = f"verbose is {verbose}; give 1, or 2 for lines in a file too"
            raise InputError(msg)
        self.verbose = verbose
        self._networks = 0
        self._view: Any = None

    def for_member(self) -> "Progress":
        """Return this callback itself, as one display counts the networks of a set."""
        self._networks += 1
        return self

    def on_train_begin(self, run: Run) -> None:
        """Choose the display when the first network begins."""
        # each network of a set begins, and all share one display
        if self._view is None:
            self._view = _view(self._networks, run, self.verbose)
        self._view.on_train_begin(run)

    def on_block_end(self, run: Run) -> None:
        """Show the progress within the epoch."""
        self._view.on_block_end(run)

    def on_epoch_end(self, run: Run) -> None:
        """Show the figures of the epoch."""
        self._view.on_epoch_end(run)

    def on_train_end(self, run: Run) -> None:
        """Show the end of the run."""
        self._view.on_train_end(run)

    def close(self) -> None:
        """Restore the terminal, also after an error in training."""
        if self._view is not None:
            self._view.close()
        self._view, self._networks = None, 0


class _Silent(Callback):
    """Display of a run that nobody watches."""

    def close(self) -> None:
        """Do nothing."""


def is_watched() -> bool:
    """Whether standard output is a terminal or a notebook."""
    # a program without a console, such as pythonw, has no standard output
    return in_notebook() or bool(sys.stdout is not None and sys.stdout.isatty())


def in_notebook() -> bool:
    """Whether this is the process of a Jupyter notebook."""
    # a notebook has imported IPython by itself, so that no import is needed to know
    shell = sys.modules.get("IPython")
    running = None if shell is None else shell.get_ipython()  # type: ignore[attr-defined]
    # IPython on a terminal has no kernel
    return getattr(running, "kernel", None) is not None


@contextmanager
def watching(callbacks: Any, verbose: int, *, leads: bool) -> Iterator[Any]:
    """Yield the callbacks of a call, with a :class:`Progress` added; close every one at the end.

    Parameters
    ----------
    callbacks : sequence of Callback, or of such sequences
        Callbacks as :func:`bpnet.train` takes them.
    verbose : int
        As in :class:`Progress`; 0 adds none.
    leads : bool
        Whether this process is the rank that prints.
    """
    listed = list(callbacks)
    if verbose and leads:
        own = Progress(verbose)
        # a callback for blocks makes blocks shorter, so that none is added where nobody watches
        if verbose > 1 or is_watched():
            several = any(isinstance(c, list | tuple) for c in listed)
            listed = [[*c, own.for_member()] for c in listed] if several else [*listed, own]
    try:
        yield listed
    finally:
        # the user's own displays are closed too
        for one in listed:
            for callback in one if isinstance(one, list) else [one]:
                if isinstance(callback, Progress):
                    callback.close()


def _view(networks: int, run: Run, verbose: int) -> Any:
    """Make the display of a run, or of the networks of a set."""
    if in_notebook():
        from bpnet.display.notebook import Cell

        return Cell(networks)
    if verbose < 2 and not is_watched():
        return _Silent()
    from rich.console import Console

    from bpnet.display.terminal import Bar, Count

    console = Console(highlight=False)
    if networks > 1:
        # `close` ends the display, which no `with` can enclose
        return Count(console, networks, run.epochs, stays=True).__enter__()
    return Bar(console, live=False)
