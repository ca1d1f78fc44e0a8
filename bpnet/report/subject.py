"""Read a run for a report: its folder, and the answers of its model for held-out examples."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bpnet import runs
from bpnet.backends import Backend
from bpnet.core import costs, metrics
from bpnet.data import Columns, Dataset, sources, standard
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError, one_line
from bpnet.model.ensemble import Ensemble, Model
from bpnet.model.network import Network
from bpnet.report import sweep_file
from bpnet.runs import data as run_data
from bpnet.runs import folder as run_folder
from bpnet.runs import results
from bpnet.runs.data import EvaluationSet
from bpnet.shown import plain
from bpnet.storage import disk, strict_json
from bpnet.training import History, distributions
from bpnet.training.prepare import suited_cost
from bpnet.training.scores import best_epoch
from bpnet.training.targets import Targets, make_targets

Host = np.ndarray[Any, Any]

_NUMBERS = 1 << 26
"""Largest count of numbers that a page reads of streamed examples."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The answers of a model for examples that it was not trained with.

    Parameters
    ----------
    data : Dataset
        The examples.
    what : str
        Name of the examples.
    outputs : array, (m, n_L)
        Outputs a^L of the model.
    targets : Targets
        Targets of the examples.
    figures : dict
        Result of :func:`bpnet.runs.results.figures`.
    part : {"test", "validation"}
        Part of the data of the run that the examples are.
    note : str
        Note on the choices that these examples have decided.
    source : str
        Source of the examples, and of the numbers of their rows.
    """

    data: Dataset
    what: str
    outputs: Host
    targets: Targets
    figures: dict[str, Any]
    part: str = "test"
    note: str = ""
    source: str = ""

    @property
    def truth(self) -> Host:
        """Number of the class of each example, (m,)."""
        values: Host = self.targets.values
        if values.ndim == 1:
            return values
        # several outputs have one-hot rows, one output has the numbers 0 and 1 themselves
        numbers: Host = values[:, 0] if values.shape[1] == 1 else np.argmax(values, axis=1)
        return numbers.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Subject:
    """A run as a report reads it.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    config : dict of dicts
        Configuration of the run.
    history : dict of lists
        Quantities with one value for each epoch.
    records : list of dict
        Records of the layers, see :class:`bpnet.training.Distributions`.
    network : Network or Ensemble
        The model.
    columns : Columns or None
        Columns of a table, as training has learned them.
    evaluation : Evaluation or None
        Answers of the model for held-out examples.
    missing : str
        Reason why there is no evaluation.
    sweep : SweepFile or None
        The sweep whose best combination the run is.
    """

    folder: Path
    config: runs.Config
    history: History
    records: list[Any]
    network: Model
    columns: Columns | None
    evaluation: Evaluation | None
    missing: str = ""
    sweep: sweep_file.SweepFile | None = None

    @property
    def name(self) -> str:
        """Name of the folder."""
        return plain(self.folder.resolve().name)

    @property
    def replaced(self) -> tuple[str, ...]:
        """Lines on the cells whose values were replaced."""
        return () if self.evaluation is None else run_data.replacement_notes(self.evaluation.data)

    @property
    def backend(self) -> str:
        """Name and device of the backend of the training."""
        return str(self.config.get("machine", {}).get("backend", "unknown"))

    @property
    def task(self) -> str:
        """``classes``, ``labels`` that do not exclude each other, or ``numbers``."""
        if self.network.classes is not None:
            return "classes"
        kind = None if self.evaluation is None else self.evaluation.targets.kind
        return "labels" if kind == "threshold" else "numbers"

    @property
    def members(self) -> tuple[Network, ...]:
        """Networks of the model: one, or those of an ensemble."""
        return self.network.networks if isinstance(self.network, Ensemble) else (self.network,)

    @property
    def probable(self) -> bool:
        """Whether the outputs are probabilities."""
        return metrics.is_probability(self.network.output)

    @property
    def watched(self) -> str:
        """Figure of the history that the best epoch is chosen by, as in training.

        A sweep has a score. It is of validation rows, so that the history lacks it where the best
        combination of a cross-validation was trained on all examples.
        """
        score = str(self.config.get("sweep", {}).get("score"))
        return next((n for n in (score, "validation_cost") if n in self.history), "cost")

    @property
    def best(self) -> int:
        """Epoch with the best value of the figure that is watched, from 0."""
        return best_epoch(self.watched, self.history[self.watched])

    @property
    def kept(self) -> int | None:
        """Epoch of the model, from 0: the best one of a run with a patience, else the last one.

        None is for an ensemble with a patience, of which each network has its own best epoch.
        """
        if self.config.get("training", {}).get("patience") is None:
            return len(self.history["cost"]) - 1
        return self.best if len(self.members) == 1 else None

    @property
    def target(self) -> str:
        """Name of the target."""
        return "the target" if self.columns is None else f"'{self.columns.target}'"

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Rows, columns and colors of an example that is a picture."""
        shape = None if self.evaluation is None else self.evaluation.data.shape
        # a single row of pixels, or a spectrum, is no picture
        if shape is None or len(shape) not in {2, 3} or min(shape[:2]) < 2:
            return None
        if len(shape) == 3 and shape[2] == 1:
            return shape[:2]
        # colors other than gray and RGB cannot be shown
        return shape if len(shape) == 2 or shape[2] == 3 else None

    def named(self, at: int) -> str:
        """Return the row of an example in the source, or else its number, from 1."""
        rows: Any = None if self.evaluation is None else self.evaluation.data.rows
        return f"{at + 1 if rows is None else rows[at] + 1}"

    @property
    def labels(self) -> list[str]:
        """Names of the classes; of a built-in data set that names them, with their numbers."""
        assert self.network.classes is not None
        names = [str(name) for name in self.network.classes.tolist()]
        built_in = standard.labels(self.config["data"]["source"])
        # data that are not built in have no such names
        fits = len(built_in) == len(names)
        return [f"{a} ({b})" for a, b in zip(built_in, names, strict=True)] if fits else names

    def in_units(self, values: Host) -> Host:
        """Return outputs or targets in the unit of the target, (m, n)."""
        if self.columns is not None:
            values = self.columns.decode_target(values)
        # targets of one output may be (m,)
        return values.reshape(len(values), -1)

    def answers(self) -> tuple[Host, Host]:
        """Return the predicted class of each example and its score, (m,)."""
        assert self.evaluation is not None
        return self.decided(self.evaluation.outputs)

    def decided(self, a: Host) -> tuple[Host, Host]:
        """Return predicted classes and scores of any outputs, (m, n_L)."""
        if a.shape[1] > 1:
            decided = np.argmax(a, axis=1)
            return decided, a[np.arange(len(a)), decided]
        decided = (a[:, 0] > metrics.middle(self.network.output)).astype(np.int64)
        # a score is that of the predicted class: for the first one the other side of the middle
        other = 1 - a[:, 0] if self.probable else -a[:, 0]
        return decided, np.where(decided == 1, a[:, 0], other)


def check(folder: Path) -> None:
    """Check that a folder is that of a run, before any work is done.

    Raises
    ------
    InputError
        If the folder is not that of a run.
    """
    runs.check_exists(folder)  # not a model's file, which has no history
    runs.open_run(folder)
    _history(folder)


def read(folder: Path, source: str | None, backend: Backend) -> Subject:
    """Read a run and evaluate its model.

    Parameters
    ----------
    folder : Path
        Folder of the run.
    source : str or None
        Data to evaluate the model on; None are the rows that the run held out.
    backend : Backend
        Backend that the model is evaluated with.

    Raises
    ------
    InputError
        If the folder is not that of a run, a file in it is damaged, or ``source`` cannot be read.
    """
    network, config, columns = runs.open_run(folder)
    # a damaged file is refused before the model is evaluated
    history, records, swept = _history(folder), _records(folder), sweep_file.read(folder)
    try:
        part = _in_memory(run_data.evaluation_set(config, columns, source, None, stream=False))
    except InputError as error:
        # the run's own data may be gone: the page is then made without an evaluation
        if source is not None:
            raise
        return Subject(
            folder, config, history, records, network, columns, None, str(error), sweep=swept
        )
    evaluated = sources.absolute(source or config["data"]["source"])
    evaluation = replace(_evaluate(network, config, part, backend), source=evaluated)
    return Subject(folder, config, history, records, network, columns, evaluation, sweep=swept)


def _in_memory(part: EvaluationSet) -> EvaluationSet:
    """Return the examples in memory; of streamed data the first, as a page needs all at once."""
    data, title = part.data, part.title
    x: Any = data.x
    if not isinstance(x, HostRows):
        return part
    rows = np.arange(min(len(x), max(1, _NUMBERS // x.width)))
    if len(rows) < len(x):
        title = f"{title}, the first {len(rows):,} of {len(x):,}"
    y: Any = data.y
    # notes and counts of the whole part would not fit the examples that are read
    data = replace(data, x=x.take(rows), y=y[rows], notes=(), tallies={"": x.tally()})
    return replace(part, data=data, title=title)


def _evaluate(
    network: Model, config: runs.Config, part: EvaluationSet, backend: Backend
) -> Evaluation:
    data, cost = part.data, config["training"].get("cost")
    figures = results.figures(network, part, config["training"], (), backend)
    outputs = network.predict(data.x, backend=backend).astype(np.float64)
    # a run has no cost of its own where it took the one that suits the output
    made = costs.get(suited_cost(network.output) if cost is None else cost, network.output)
    n = network.sizes[-1]
    targets = make_targets(data.y, len(outputs), n, network.output, made, network.classes,
                   labels=network.labels)  # fmt: skip
    return Evaluation(data, part.title, outputs, targets, figures, part.name, part.note)


def _history(folder: Path) -> History:
    history = runs.read_history(folder)
    if not history["cost"]:
        msg = f"the run in {folder} has no finished epoch; train longer for a report"
        raise InputError(msg)
    return history


def _records(folder: Path) -> list[Any]:
    path = folder / run_folder.DISTRIBUTIONS
    if not path.is_file():
        return []  # a run of an older version, or of Python
    try:
        return list(distributions.checked_records(strict_json.loads(disk.text(path))))
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        msg = f"{path} is damaged ({one_line(error)}); delete it for a report without it"
        raise InputError(msg) from error
