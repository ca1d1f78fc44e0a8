"""Show how each column is read, and how much worse the model is without it."""

from itertools import pairwise
from typing import Any

import numpy as np

from bpnet.data import replacements
from bpnet.data.columns import NUMBERS, Column
from bpnet.pages.content import Figure, Section, Table, number, percent, short
from bpnet.pages.drawing import Spot, Theme, bars, render
from bpnet.report.subject import Subject

Host = np.ndarray[Any, Any]

REPEATS = 5
"""Number of times that a column is shuffled."""

_ROWS, _BARS, _NAMES = 2000, 20, 6
"""Largest numbers of examples that are shuffled, of bars, and of categories that are named."""
_WORK = 1e11
"""Largest number of multiplications that the shuffled rows may cost."""


def sections(subject: Subject) -> list[Section]:
    """Return the section on the columns, with their importance unless examples are pictures."""
    blocks: list[Any] = []
    width = 0 if subject.evaluation is None else subject.evaluation.data.x.shape[1]
    # pixels are no columns, and a single column has none to be compared with
    if subject.shape is None and subject.task != "labels" and width > 1:
        blocks.append(_importance(subject))
    if subject.columns is not None:
        blocks.append(_columns(subject))
    lead = "How each column is read, and how much the model relies on it."
    return [Section("inputs", "Columns", lead, blocks)] if blocks else []


def _columns(subject: Subject) -> Table:
    assert subject.columns is not None
    tally = {} if subject.evaluation is None else subject.evaluation.data.tally
    rows = []
    for column in subject.columns.inputs:
        # a column without replaced cells has no entry in the tally
        replaced = tally.get(column.name, replacements.Replaced())
        filled = replacements.filled_with(column) if replaced.missing + replaced.bad else ""
        rows.append(
            [column.name, column.kind, f"{len(column.features)}", _values(column),
             f"{replaced.missing + replaced.bad:,}", filled, f"{replaced.unseen:,}"]
        )  # fmt: skip
    rows += [[name, "left out", "0", "", "", "", ""] for name in subject.columns.left_out]
    head = ["column", "taken as", "inputs", "values in training", "missing", "filled with",
            "not seen in training"]  # fmt: skip
    return Table("Columns of the table, and cells of the evaluated rows", head, rows, text=True)


def _values(column: Column) -> str:
    if column.kind not in NUMBERS:
        more = ", …" * (len(column.categories) > _NAMES)
        return ", ".join(short(c) for c in column.categories[:_NAMES]) + more
    if column.low is None or column.high is None:
        return ""
    as_text = column.date_of if column.kind == "date" else number
    return f"{as_text(column.low)} to {as_text(column.high)}"


def importance(subject: Subject) -> tuple[list[str], Host]:
    """Measure how much worse the model is when a column is shuffled (L. Breiman, 2001).

    Returns
    -------
    names : list of str
        Names of the columns.
    losses : array, (columns, REPEATS)
        Accuracy that is lost; in a regression, the increase of the root mean squared error, in the
        target's unit.
    """
    assert subject.evaluation is not None
    evaluation, net = subject.evaluation, subject.network
    names, ends = _groups(subject)
    weights = sum(W.size for member in subject.members for W in member.weights)
    cost = weights * REPEATS * len(names)
    # a large model is measured on fewer rows, which bounds the time that the page takes
    m = min(len(evaluation.outputs), _ROWS, max(100, int(_WORK / cost)))
    # rows spread over all of them, as a file may be sorted
    at = np.linspace(0, len(evaluation.outputs) - 1, m).astype(np.intp)
    # a fixed seed, so that the report of a run says the same each time
    x, rng = np.asarray(evaluation.data.x)[at], np.random.default_rng(0)
    whole = _figure(subject, evaluation.outputs[at], at)
    losses = np.empty((len(names), REPEATS))
    for j, (first, last) in enumerate(pairwise(ends)):
        for r in range(REPEATS):
            # one permutation for all inputs of a column: parts of two codes would be no cell
            mixed = x.copy()
            mixed[:, first:last] = x[rng.permutation(m), first:last]
            # the backend of the evaluation is not known here, and the rows are few
            losses[j, r] = whole - _figure(subject, net.predict(mixed, backend="numpy"), at)
    return names, losses


def _groups(subject: Subject) -> tuple[list[str], Host]:
    """Return the names of the columns, and where the inputs of each begin and end."""
    assert subject.evaluation is not None
    if subject.columns is None:
        n = subject.evaluation.data.x.shape[1]
        return [f"x{j + 1}" for j in range(n)], np.arange(n + 1)
    widths = [len(column.features) for column in subject.columns.inputs]
    return [column.name for column in subject.columns.inputs], np.cumsum([0, *widths])


def _figure(subject: Subject, outputs: Host, at: Host) -> float:
    """Return the accuracy; for amounts, the negative root of the mean squared error."""
    assert subject.evaluation is not None
    if subject.task == "classes":
        return float(np.mean(subject.decided(outputs)[0] == subject.evaluation.truth[at]))
    # outputs are standardized: only in the target's unit does an error say something to a reader
    error = subject.in_units(outputs) - subject.in_units(subject.evaluation.targets.values[at])
    return -float(np.sqrt(np.mean(error**2)))


def _importance(subject: Subject) -> Figure:
    names, losses = importance(subject)
    classes = subject.task == "classes"
    means, spread = losses.mean(axis=1), losses.std(axis=1)
    order = np.argsort(-means, kind="stable")
    write = percent if classes else number
    rows = [[names[j], write(means[j]), write(spread[j])] for j in order]
    what = "accuracy lost" if classes else "added to the RMSE"
    shown = order[:_BARS]

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        axes.axvline(0, color=theme.muted, lw=1)
        axes.set_xlabel(what)
        if classes:
            axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        texts = [row[1] for row in rows[:_BARS]]
        labels = [names[j] for j in shown]
        return bars(axes, theme, labels, means[shown], texts, errors=spread[shown])

    told_of = ", ".join(f"{row[0]} {row[1]}" for row in rows[:5])
    picture = render("importance", f"Bars of the {what} by column: {told_of}.", draw,
                     1.0 + 0.3 * len(shown))  # fmt: skip
    caption = (
        f"Permutation importance: the {what} when the cells of one column are shuffled among the "
        f"examples, the mean and spread of {REPEATS} times. Each of several columns with the same "
        "information looks less important than it is."
    )
    head = ["column", what, "spread"]
    return Figure(picture, caption, Table("Permutation importance", head, rows, closed=True))
