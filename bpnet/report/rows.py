"""Show rows of a table: mistakes in their own columns, and residuals of predicted amounts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet.data import Columns
from bpnet.display.figures import display_name, value_text
from bpnet.pages.content import Figure, Picture, Section, Table, number
from bpnet.pages.drawing import Spot, Theme, render
from bpnet.report.detail import Residuals
from bpnet.report.subject import Subject
from bpnet.runs import results
from bpnet.runs.data import replacement_counts

Host = np.ndarray[Any, Any]

_CELLS = 12
"""Largest number of columns that are shown of a row."""

_FILLED = "*"
"""Mark of a number that was missing and was replaced by the mean."""

_POINTS = 4000
"""Largest number of points in a picture."""

_OUTPUTS = 4
"""Largest number of outputs that have pictures; the table has the figures of all."""


def mistakes(
    subject: Subject, examples: Host, pairs: Sequence[tuple[str, str]], said: Sequence[str]
) -> Table:
    """Return the misclassified rows as a table, with their cells."""
    head, cells = _cells(subject, examples)
    rows = [
        [subject.named(at), true, answer, how, *row]
        for at, (true, answer), how, row in zip(examples, pairs, said, cells, strict=True)
    ]
    return Table(
        _caption(subject),
        [_head(subject), "true", "predicted", "confidence", *head],
        rows,
        text=True,
    )


def _head(subject: Subject) -> str:
    """Return the heading of the number of an example, which is its row where that is known."""
    assert subject.evaluation is not None
    return "example" if subject.evaluation.data.rows is None else "row"


def _caption(subject: Subject) -> str:
    assert subject.evaluation is not None
    columns, width = subject.columns, subject.evaluation.data.x.shape[1]
    width = width if columns is None else len(columns.inputs)
    caption = f"Examples of {subject.evaluation.what}"
    if width > _CELLS:
        caption += f"; {_CELLS} of {width} columns"
    if _head(subject) == "row":
        caption += "; rows of the file are counted from 1, without the header"
    return caption + ("" if columns is None else f"; {_FILLED} marks imputed cells")


def _cells(subject: Subject, examples: Host) -> tuple[list[str], list[list[str]]]:
    """Return headings and cells of some examples."""
    assert subject.evaluation is not None
    x = np.asarray(subject.evaluation.data.x)[examples]
    if subject.columns is None:
        head = [f"x{j + 1}" for j in range(min(x.shape[1], _CELLS))]
        return head, [[number(float(v)) for v in row[:_CELLS]] for row in x]
    columns = subject.columns
    counts = replacement_counts(subject.evaluation.data)
    # an unknown text is no number that was filled in
    replaced = frozenset(name for name, n in counts.items() if {"missing", "bad"} & n.keys())
    cells = [_decoded(columns, row, replaced) for row in x]
    return [c.name for c in columns.inputs[:_CELLS]], cells


def _decoded(columns: Columns, row: Host, replaced: frozenset[str]) -> list[str]:
    """Decode values, (n,), to the cells of the table.

    A number at the mean is marked as filled in only in the columns ``replaced``, of which some
    cells were: elsewhere it is a number that happens to be the mean.
    """
    out, at = [], 0
    for column in columns.inputs[:_CELLS]:
        width = len(column.features)
        piece = row[at : at + width]
        if column.categories:
            # a code of zeros is a category that training has not seen
            out.append(column.categories[int(np.argmax(piece))] if piece.any() else "unknown")
        else:
            value = float(piece[0]) * column.std + column.mean
            text = column.date_of(value) if column.kind == "date" else number(value)
            at_mean = piece[0] == 0.0 and column.name in replaced
            # an indicator of missing cells is the last input of its column
            missing = bool(piece[-1] if column.indicator else at_mean)
            out.append(text + _FILLED * missing)
        at += width
    return out


def residuals(subject: Subject) -> Section:
    """Return the section on predicted and actual amounts, and their differences."""
    evaluation = subject.evaluation
    assert evaluation is not None
    actual, predicted = map(subject.in_units, (evaluation.targets.values, evaluation.outputs))
    n = actual.shape[1]
    names: Sequence[str] = ["target"] if n == 1 else [f"output {j + 1}" for j in range(n)]
    if subject.columns is not None:
        names = subject.columns.target_names
    pairs = [Residuals(actual[:, j], predicted[:, j]) for j in range(n)]
    blocks: list[Any] = []
    for j, (label, r) in enumerate(list(zip(names, pairs, strict=True))[:_OUTPUTS]):
        blocks += _figures(label, r, "" if n == 1 else f"-{j + 1}")
    rows = [row for label, r in zip(names, pairs, strict=True) for row in _figure_rows(label, r)]
    head = ["figure", "value", "95 % interval", "always the mean"]
    blocks.append(Table("Figures, in the target's own unit", head, rows, wide=True))
    blocks.append(_largest(subject, pairs[0], names[0]))
    lead = (
        f"Evaluated on {len(actual):,} examples of {evaluation.what}. R2 is the share of the "
        "target's variance that is explained: 1 is perfect, 0 no better than the mean."
    )
    if n > _OUTPUTS:
        lead += f" The pictures show the first {_OUTPUTS} of {n} outputs."
    return Section("residuals", "Predicted and actual", lead, blocks)


def _figure_rows(name: str, r: Residuals) -> list[list[str]]:
    """Return the figures of an output, each with interval and baseline."""
    return [
        [f"{display_name(key)} of {name}", value_text(key, value),
         results.interval_text(r.evidence, key),
         value_text(key, r.evidence["baseline"][key])]
        for key, value in r.figures.items()
    ]  # fmt: skip


def _figures(name: str, r: Residuals, ending: str) -> list[Figure]:
    scatter = Figure(
        _scatter(name, r, ending),
        "Predicted against actual; on the dashed line they agree. A cloud that is flatter than the "
        "line means that extremes are missed.",
        _tenths(r),
    )
    left = Figure(
        _spread(name, r, ending),
        "Residuals, predicted less actual, against the predicted value. They should lie around 0 "
        "without a shape: a bend is something not learned, a funnel an error that grows.",
        _quantiles(r),
    )
    return [scatter, left]


def _some(r: Residuals) -> Host:
    """Return the numbers of the examples that are drawn: all, or evenly spread ones."""
    m = len(r.actual)
    return np.unique(np.linspace(0, m - 1, min(m, _POINTS)).astype(int))


def _dots(axes: Any, theme: Theme, x: Host, y: Host) -> None:
    # many points are drawn paler, so that dense places stand out
    alpha = float(np.clip(60 / np.sqrt(len(x)) / 4, 0.15, 0.8))
    axes.plot(x, y, "o", ms=3.2, mew=0, alpha=alpha, color=theme.series[0])


def _units(axis: Any, values: Host) -> None:
    """Abbreviate thousands and millions where numbers are large."""
    from matplotlib.ticker import EngFormatter

    if np.abs(values).max() >= 1e4:
        axis.set_major_formatter(EngFormatter(sep=""))


def _scatter(name: str, r: Residuals, ending: str) -> Picture:
    at = _some(r)

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        low = min(r.actual.min(), r.predicted.min())
        high = max(r.actual.max(), r.predicted.max())
        axes.plot([low, high], [low, high], ls="--", lw=1, color=theme.muted)
        _dots(axes, theme, r.actual[at], r.predicted[at])
        axes.set(xlabel="actual", ylabel="predicted")
        # predicted and actual amounts have one unit
        for axis in (axes.xaxis, axes.yaxis):
            _units(axis, r.actual)
        return _spots(axes, r, at, r.actual, r.predicted)

    r2, rmse = (number(r.figures[name]) for name in ("r2", "rmse"))
    alt = f"Scatter of predicted against actual {name}: R2 {r2}, RMSE {rmse}."
    return render(f"predicted{ending}", alt, draw, 3.6)


def _spread(name: str, r: Residuals, ending: str) -> Picture:
    at, errors = _some(r), r.errors

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes, side = figure.subplots(1, 2, sharey=True, width_ratios=[3.2, 1])
        axes.axhline(0, ls="--", lw=1, color=theme.muted)
        _dots(axes, theme, r.predicted[at], errors[at])
        axes.set(xlabel="predicted", ylabel="residual")
        side.hist(errors, bins=30, orientation="horizontal", color=theme.series[0])
        side.set(xlabel="examples")
        _units(axes.xaxis, r.predicted)
        _units(axes.yaxis, errors)
        return _spots(axes, r, at, r.predicted, errors)

    low, middle, high = np.quantile(errors, [0.05, 0.5, 0.95])
    alt = (
        f"Residuals of {name} against the predicted value, with their histogram: median "
        f"{number(middle)}, nine tenths between {number(low)} and {number(high)}."
    )
    return render(f"residuals{ending}", alt, draw, 3.6)


def _spots(axes: Any, r: Residuals, at: Host, x: Host, y: Host) -> list[Spot]:
    """Return the texts under the pointer of the first thousand points."""
    return [
        Spot(axes, f"actual {number(r.actual[i])}\npredicted {number(r.predicted[i])}",
             (x[i], x[i]), (y[i], y[i]))
        # a text for each of thousands of points would make the file large
        for i in at[:1000]
    ]  # fmt: skip


def _tenths(r: Residuals) -> Table:
    """Return the means of actual and predicted values, by tenths of the actual ones."""
    order = np.argsort(r.actual, kind="stable")
    # fewer examples than tenths would leave parts without a mean
    parts = np.array_split(order, min(10, len(order)))
    rows = [
        [f"{i}", number(r.actual[at].mean()), number(r.predicted[at].mean()), f"{len(at):,}"]
        for i, at in enumerate(parts, start=1)
    ]
    head = ["tenth", "mean actual", "mean predicted", "examples"]
    return Table("Tenths of the examples by their actual value", head, rows, closed=True)


def _quantiles(r: Residuals) -> Table:
    shares = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
    names = ("least", "5 %", "25 %", "median", "75 %", "95 %", "largest")
    quantiles = np.quantile(r.errors, shares)
    rows = [[name, number(q)] for name, q in zip(names, quantiles, strict=True)]
    return Table("Quantiles of the residuals", ["quantile", "residual"], rows, closed=True)


def _largest(subject: Subject, r: Residuals, name: str) -> Table:
    examples = np.argsort(-np.abs(r.errors), kind="stable")[:10]
    head, cells = _cells(subject, examples)
    rows = [
        [
            subject.named(at),
            number(r.actual[at]),
            number(r.predicted[at]),
            number(r.errors[at]),
            *row,
        ]
        for at, row in zip(examples, cells, strict=True)
    ]
    caption = f"Largest residuals of {name}. {_caption(subject)}"
    return Table(
        caption, [_head(subject), "actual", "predicted", "residual", *head], rows, text=True
    )
