"""Event files for TensorBoard, which tensorboardX writes during training."""

import logging
from pathlib import Path
from typing import Any

from bpnet.arguments import checked
from bpnet.public import listing
from bpnet.requirements import require
from bpnet.runs import folder as run_folder
from bpnet.storage import disk
from bpnet.training import Callback, Distributions, Run

__all__ = ["TensorBoard"]
__dir__ = listing(__all__)

_log = logging.getLogger("bpnet")


def place(
    setting: str | None, run: Path, resuming: bool, option: Path | None = None
) -> Path | None:
    """Folder for the event files of a run; None for no event files.

    The ``option`` of the command line takes precedence over the ``setting`` in config.toml. A
    resumed run's config.toml may come from a stranger: a folder outside of the run is used only if
    it has event files.
    """
    if option is not None or setting is None:
        return option
    folder = run / setting  # an absolute path in the setting is outside of the run
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
        Folder of the event files; it is made when training begins.
    distributions : Distributions, optional
        A callback that runs before this one. With it, the median update and the share of silent
        activations of each layer are written too.

    Raises
    ------
    InputError
        If tensorboardX is missing, or the folder is a file.
    """

    def __init__(self, folder: str | Path, distributions: Distributions | None = None) -> None:
        require("tensorboardX", "event files need")
        self.folder, self._distributions = Path(folder), distributions
        disk.makeable(self.folder, "the event files")
        self._writer: Any = None

    def on_train_begin(self, run: Run) -> None:
        """Open an event file; in a resumed run it replaces later steps of earlier files."""
        from tensorboardX import SummaryWriter

        purge_step = run.epoch + 1 if run.history else None
        # names of event files differ by the second: a run resumed at once would overwrite the first
        suffix = f".{run.epoch}.{run.step}"
        folder = str(disk.followed(self.folder))
        self._writer = SummaryWriter(folder, purge_step=purge_step, filename_suffix=suffix)

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch's history, weights and distributions."""
        step = run.epoch + 1
        for name, values in run.history.items():
            self._writer.add_scalar(_tag(name, run), values[-1], step)
        run.pull()  # training keeps the weights on the device
        model: Any = run.network
        # an ensemble has the networks of its members, a network is its own
        members = getattr(model, "networks", (model,))
        for i, network in enumerate(members, 1):
            prefix = f"network_{i}/" if len(members) > 1 else ""
            for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True), 1):
                self._writer.add_histogram(f"{prefix}layer_{l}/weights", W, step)
                self._writer.add_histogram(f"{prefix}layer_{l}/biases", b, step)
        records = self._distributions.records if self._distributions else []
        if records and records[-1]["epoch"] == step:
            for l, layer in enumerate(records[-1]["layers"], 1):
                # The stored quantiles are odd in number, and the middle one is the median.
                median = layer["updates"][len(layer["updates"]) // 2]
                self._writer.add_scalar(f"updates/layer_{l}", median, step)
                self._writer.add_scalar(f"silent/layer_{l}", layer["silent"], step)
        self._writer.flush()

    def on_train_end(self, run: Run) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file, also after an error in training."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _tag(name: str, run: Run) -> str:
    figure = name.removeprefix("validation_")
    if figure != name:
        return f"{figure}/validation"
    return f"{name}/training" if f"validation_{name}" in run.history or name == "cost" else name
