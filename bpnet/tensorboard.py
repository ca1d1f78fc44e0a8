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


def place(
    setting: str | None, run: Path, resuming: bool, option: Path | None = None
) -> Path | None:
    """Folder for the event files of a run, None for no event files.

    ``option`` of the command line goes before the ``setting`` in config.toml. That of a resumed run
    may be a stranger's: a folder outside of the run's, without event files, is not used.
    """
    if option is not None or setting is None:
        return option
    folder = run / setting
    if not resuming or setting == run_folder.EVENTS or any(folder.glob(_FILES)):
        return folder
    msg = "config.toml asks for event files in %s, where there are none yet, and none are written; "
    _log.warning(msg + "give --tensorboard-folder to have them there", folder)
    return None


_FILES = "events.out.tfevents.*"


@checked
class TensorBoard(Callback):
    """Callback that writes the history, the weights and the distributions of the layers.

    Training and validation of one figure share a chart: ``cost/training``, ``cost/validation``.
    ``tensorboard --logdir FOLDER`` shows them.

    Parameters
    ----------
    folder : str or Path
        Folder of the event files; made when training begins.
    seen : Distributions, optional
        A callback that runs before this one. It adds the median update and the share of silent
        activations of each layer.

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
        """Open an event file; that of a resumed run replaces later steps of earlier files."""
        from tensorboardX import SummaryWriter

        purge_step = run.epoch + 1 if run.history else None
        # a file's name has only the second: a run resumed at once would overwrite the first file
        suffix = f".{run.epoch}.{run.step}"
        folder = str(disk.followed(self.folder))
        self._writer = SummaryWriter(folder, purge_step=purge_step, filename_suffix=suffix)

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch's figures and weights."""
        step = run.epoch + 1
        for name, values in run.history.items():
            self._writer.add_scalar(_tag(name, run), values[-1], step)
        run.pull()
        model: Any = run.network
        members = getattr(model, "networks", (model,))
        for i, network in enumerate(members, 1):
            of = f"network_{i}/" if len(members) > 1 else ""
            for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
                self._writer.add_histogram(f"{of}layer_{l}/weights", W, step)
                self._writer.add_histogram(f"{of}layer_{l}/biases", b, step)
        records = self._seen.records if self._seen else []
        if records and records[-1]["epoch"] == step:
            for l, layer in enumerate(records[-1]["layers"], 1):
                median = layer["updates"][len(layer["updates"]) // 2]
                self._writer.add_scalar(f"updates/layer_{l}", median, step)
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
    figure = name.removeprefix("validation_")
    if figure != name:
        return f"{figure}/validation"
    return f"{name}/training" if f"validation_{name}" in run.history or name == "cost" else name
