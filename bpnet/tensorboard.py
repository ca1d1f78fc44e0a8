"""Event files for TensorBoard, written by tensorboardX while a run goes on."""

import logging
from pathlib import Path
from typing import Any

from bpnet.arguments import checked
from bpnet.errors import InputError
from bpnet.public import listing
from bpnet.requirements import install
from bpnet.runs import folder as run_folder
from bpnet.storage import disk
from bpnet.training import Callback, Distributions, Run

__all__ = ["TensorBoard"]
__dir__ = listing(__all__)

_log = logging.getLogger("bpnet")


def place(asked: str | None, run: Path, resuming: bool, given: Path | None = None) -> Path | None:
    """Folder for the event files of a run; None where there are to be none.

    The configuration of a run that is taken up again may be a stranger's: outside of the run's
    folder event files join others only, unless the folder is given anew.

    Parameters
    ----------
    asked : str or None
        What the configuration says.
    run : Path
        The run's folder.
    resuming : bool
        Whether it is taken up again.
    given : Path, optional
        What the command line says.
    """
    if given is not None:
        return given
    if asked is None:
        return None
    folder = run / asked
    if not resuming or asked == run_folder.EVENTS or any(folder.glob(_FILES)):
        return folder
    msg = "config.toml asks for event files in %s, where there are none yet, and none are written; "
    _log.warning(msg + "give --tensorboard-folder to have them there", folder)
    return None


_FILES = "events.out.tfevents.*"


@checked
class TensorBoard(Callback):
    """Writes what the history holds, the weights, and what was seen in the layers.

    Training and validation of one figure share a chart: ``cost/training``, ``cost/validation``.
    Look at them with ``tensorboard --logdir FOLDER``.

    Parameters
    ----------
    folder : str or Path
        For the event files; made when training begins.
    seen : Distributions, optional
        A callback that comes before this one; medians of updates and the share of silent
        activations of each layer are written too.

    Raises
    ------
    InputError
        If tensorboardX is missing, or the folder is a file.
    """

    def __init__(self, folder: str | Path, seen: Distributions | None = None) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError as error:
            msg = f"event files need tensorboardX; {install('tensorboardX')}"
            raise InputError(msg) from error
        self.folder, self._seen = Path(folder), seen
        disk.makeable(self.folder, "the event files")
        self._writer: Any = None

    def on_train_begin(self, run: Run) -> None:
        """Open a file; of a run that is taken up again, what comes later counts no more."""
        from tensorboardX import SummaryWriter

        again = run.epoch + 1 if run.history else None
        # the name of a file has its second only: a run taken up at once would overwrite the first
        ending = f".{run.epoch}.{run.step}"
        folder = str(disk.followed(self.folder))
        self._writer = SummaryWriter(folder, purge_step=again, filename_suffix=ending)

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch's figures and weights."""
        step = run.epoch + 1
        for name, values in run.history.items():
            self._writer.add_scalar(_tag(name, run), values[-1], step)
        run.pull()
        for l, (W, b) in enumerate(zip(run.network.weights, run.network.biases, strict=True), 1):
            self._writer.add_histogram(f"layer_{l}/weights", W, step)
            self._writer.add_histogram(f"layer_{l}/biases", b, step)
        records = self._seen.records if self._seen else []
        if records and records[-1]["epoch"] == step:
            for l, layer in enumerate(records[-1]["layers"], 1):
                middle = layer["updates"][len(layer["updates"]) // 2]
                self._writer.add_scalar(f"updates/layer_{l}", middle, step)
                self._writer.add_scalar(f"silent/layer_{l}", layer["silent"], step)
        self._writer.flush()

    def on_train_end(self, run: Run) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file, also where training failed."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _tag(name: str, run: Run) -> str:
    held = name.removeprefix("validation_")
    if held != name:
        return f"{held}/validation"
    return f"{name}/training" if f"validation_{name}" in run.history or name == "cost" else name
