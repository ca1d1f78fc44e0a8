"""Draw the learning curves of one run, or of several runs in one picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet.pages.content import Figure, Picture, Section, Table, number, percent, short
from bpnet.pages.drawing import DASHES, Spot, Theme, bars, columns, log_axis, render
from bpnet.report.subject import Subject
from bpnet.training import History
from bpnet.training.scores import grows

_SHARES = {"accuracy", "balanced_accuracy", "f1", "auc"}
"""Quantities that are shares, and are shown in percent."""
_TRAINED, _HELD = "training", "validation"


def section(subject: Subject) -> Section:
    """Draw every quantity of the history against the epoch."""
    history = subject.history
    # the rate has a figure of its own below, and the seconds are a fact at the head of the page
    plain = [
        n.removeprefix("validation_") for n in history if n not in {"learning_rate", "seconds"}
    ]
    # training and validation of one quantity share a figure
    names = list(dict.fromkeys(plain))
    table = _table(history)
    figures = [
        Figure(_curve(subject, name), _caption(subject, name), table if name == "cost" else None)
        for name in names
    ]
    if len(set(history.get("learning_rate", ()))) > 1:
        figures.append(Figure(_rate(history), "The learning rate of each epoch, by its schedule."))
    epochs, best = len(history["cost"]), subject.best + 1
    extreme = "largest" if grows(subject.watched) else "least"
    lead = (
        f"{epochs} epochs; the best, with the {extreme} {words(subject.watched)}, was epoch {best}."
        if epochs > 1
        else "One epoch."
    )
    if subject.config["training"].get("patience"):
        lead += (
            " The model is that of the best epoch."
            if len(subject.members) == 1
            else " The curves are the means over the networks, each of which has its own best "
            "epoch."
        )
    return Section("curves", "Learning curves", lead, figures)


def words(name: str) -> str:
    """Return a name of the history as people write it.

    Examples
    --------
    >>> words("validation_balanced_accuracy"), words("r2")
    ('validation balanced accuracy', 'R2')
    """
    parts = name.split("_")
    return " ".join(
        p.upper() if p in {"r2", "f1", "auc", "mse", "mae", "rmse"} else p for p in parts
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def written(name: str, value: float) -> str:
    """Format a value of the history, a share in percent."""
    return percent(value) if name.removeprefix("validation_") in _SHARES else number(value)


def _curves(history: History, name: str) -> dict[str, list[float]]:
    pairs = {_TRAINED: history.get(name), _HELD: history.get(f"validation_{name}")}
    return {label: values for label, values in pairs.items() if values}


def _curve(subject: Subject, name: str) -> Picture:
    curves, best = _curves(subject.history, name), subject.best

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes, order = figure.subplots(), [_TRAINED, _HELD]
        # a place in a fixed order keeps the color of validation where training has no such curve
        lines = [(label, order.index(label), values) for label, values in curves.items()]
        spots = _lines(axes, theme, lines)
        # the best epoch was chosen by validation, where there is one
        watched = curves.get(_HELD) or next(iter(curves.values()))
        axes.axvline(best + 1, color=theme.muted, lw=1, ls=":")
        axes.plot(
            [best + 1], [watched[best]], "o", ms=8, mfc="none", mec=theme.ink, mew=1.2,
            label=f"best epoch, {best + 1}",
        )  # fmt: skip
        axes.set(xlabel="epoch", ylabel=words(name))
        scale(axes, name, [v for values in curves.values() for v in values])
        axes.legend()
        return spots

    return render(name.replace("_", "-"), _alt(subject, name), draw, 3.1)


def _lines(axes: Any, theme: Theme, lines: Sequence[tuple[str, int, Any]]) -> list[Spot]:
    """Draw curves against the epoch, with the values of each epoch under the pointer."""
    most = max(len(values) for _, _, values in lines)
    for label, at, values in lines:
        axes.plot(
            # of few epochs each one is marked; the marks of many would hide the curve
            range(1, len(values) + 1), values, DASHES[at % len(DASHES)], label=label, ms=3,
            color=theme.series[at % len(theme.series)], marker="os"[at % 2] if most <= 30 else None,
        )  # fmt: skip
    axes.xaxis.get_major_locator().set_params(integer=True)
    # the axis of one epoch would have ticks at fractions of an epoch
    if most == 1:
        axes.set(xlim=(0.5, 1.5), xticks=[1])
    # early stopping ends runs after different numbers of epochs
    said = [
        "\n".join(f"{label} {number(v[i])}" for label, _, v in lines if i < len(v))
        for i in range(most)
    ]
    texts = [f"epoch {i}\n{text}" for i, text in enumerate(said, start=1)]
    return columns(axes, range(1, most + 1), texts)


def scale(axes: Any, name: str, values: Sequence[float]) -> None:
    """Label shares in percent, and make the axis logarithmic where a cost falls far."""
    from matplotlib.ticker import PercentFormatter

    if name.removeprefix("validation_") in _SHARES:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    elif min(values) > 0 and max(values) > 30 * min(values):
        # on a linear axis a cost that falls by orders of magnitude would soon be a flat line
        axes.set_yscale("log")
        log_axis(axes.yaxis, min(values), max(values))


def _alt(subject: Subject, name: str) -> str:
    parts = []
    for label, values in _curves(subject.history, name).items():
        least = max(values) if grows(name) else min(values)
        at = values.index(least) + 1
        parts.append(
            f"{label} from {written(name, values[0])} to {written(name, values[-1])}, "
            f"best {written(name, least)} at epoch {at}"
        )
    return f"Line chart of {words(name)} against epoch: {'; '.join(parts)}."


def _caption(subject: Subject, name: str) -> str:
    if name != "cost":
        return f"{_capital(words(name))} of each epoch."
    if "validation_cost" not in subject.history:
        return "Cost of each epoch. Nothing was held out, so overfitting cannot be seen here."
    return (
        "Cost of each epoch. A validation cost that turns up while the training cost still falls "
        "is overfitting; two curves that lie high and close together are underfitting."
    )


def _rate(history: History) -> Picture:
    rates = history["learning_rate"]

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        axes.set(xlabel="epoch", ylabel="learning rate")
        return _lines(axes, theme, [("learning rate", 0, rates)])

    alt = f"Line chart of the learning rate, from {number(rates[0])} to {number(rates[-1])}."
    return render("learning-rate", alt, draw, 3.1)


_ROWS = 200
"""Largest number of epochs in a table."""


def _table(history: History) -> Table:
    epochs = len(history["cost"])
    # rounded up, so that at most `_ROWS` rows and the last epoch are left
    step = -(-epochs // _ROWS)
    rows = [
        [str(i + 1), *(written(name, values[i]) for name, values in history.items())]
        for i in sorted({*range(0, epochs, step), epochs - 1})
    ]
    which = "Each epoch" if step == 1 else f"Every {step}th epoch"
    return Table(f"{which} in figures", ["epoch", *map(words, history)], rows, closed=True)


def overlaid(subjects: Sequence[Subject], labels: Sequence[str]) -> list[Figure]:
    """Draw cost and accuracy of several runs against the epoch and against the seconds."""
    names = ["cost", "validation_cost", "accuracy", "validation_accuracy"]
    common = [n for n in names if all(n in s.history for s in subjects)]
    figures = []
    for name in common:
        caption = f"{_capital(words(name))} of each epoch."
        if name == "cost":
            caption += " Runs with equal settings and seed lie on each other on every backend."
        lines = [(np.arange(1, len(s.history[name]) + 1), s.history[name]) for s in subjects]
        picture = _overlay(lines, labels, name, "epoch")
        figures.append(Figure(picture, caption, _side_by_side(subjects, labels, name)))
    last = "validation_cost" if "validation_cost" in common else "cost"
    # the epochs of two runs take different times: only the sum of the seconds places a value
    spent = [(np.cumsum(s.history["seconds"]), s.history[last]) for s in subjects]
    timed = Figure(
        _overlay(spent, labels, last, "seconds of training"),
        f"The {words(last)} against the seconds spent in training: the curve furthest to the left "
        "learned fastest on its machine. A backend that compiles does so in its first epoch.",
    )
    return [*figures, timed, _paces(subjects, labels)]


def _side_by_side(subjects: Sequence[Subject], labels: Sequence[str], name: str) -> Table:
    """Return one quantity of the histories as a table with a column for each run."""
    most = max(len(s.history[name]) for s in subjects)
    rows = []
    for i in sorted({*range(0, most, -(-most // _ROWS)), most - 1}):
        values = [s.history[name] for s in subjects]
        rows.append([f"{i + 1}", *(written(name, v[i]) if i < len(v) else "" for v in values)])
    return Table(f"{_capital(words(name))} of each run", ["epoch", *labels], rows, closed=True)


def _overlay(
    lines: Sequence[tuple[Any, Sequence[float]]], labels: Sequence[str], name: str, against: str
) -> Picture:
    ends = [float(x[-1]) for x, _ in lines]

    def draw(figure: Any, theme: Theme) -> list[Spot] | None:
        axes, spots = figure.subplots(), None
        # matplotlib leaves a label that begins with an underscore out of the legend
        shown = [f" {short(label, 28)}" for label in labels]
        if against == "epoch":
            numbered = [(shown[i], i, y) for i, (_, y) in enumerate(lines)]
            spots = _lines(axes, theme, numbered)
        else:
            for i, (x, y) in enumerate(lines):
                # no spots: at a given second, most runs are in the middle of an epoch
                color, dash = theme.series[i % len(theme.series)], DASHES[i % len(DASHES)]
                axes.plot(x, y, dash, color=color, label=shown[i])
            # beside a slow run the whole curve of a fast one would be a stroke at the left edge
            if max(ends) > 10 * min(ends) > 0:
                axes.set_xscale("log")
                first = min(float(x[0]) for x, _ in lines)
                # an epoch may take 0 seconds by a coarse clock, and 0 has no logarithm
                log_axis(axes.xaxis, max(first, 1e-9), max(ends))
        axes.set(xlabel=against, ylabel=words(name))
        scale(axes, name, [v for _, y in lines for v in y])
        # names of runs are long: a legend within the axes would cover the curves
        figure.legend(loc="outside lower left", ncols=1 if len(lines) < 4 else 2)
        return spots

    last = zip(labels, (y[-1] for _, y in lines), strict=True)
    said = "; ".join(f"{label} ends at {written(name, value)}" for label, value in last)
    alt = f"Line chart of {words(name)} against {against}, one line a run: {said}."
    # each row of the legend below the axes needs room, with two names to a row from four runs on
    height = 3.1 + 0.17 * (len(lines) if len(lines) < 4 else -(-len(lines) // 2))
    return render(f"{name}-by-{against.partition(' ')[0]}".replace("_", "-"), alt, draw, height)


def _paces(subjects: Sequence[Subject], labels: Sequence[str]) -> Figure:
    """Draw the median seconds of an epoch of each run as bars."""
    paces = [float(np.median(s.history["seconds"])) for s in subjects]

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        axes.set_xlabel("seconds an epoch, median")
        colors = [theme.series[i % len(theme.series)] for i in range(len(paces))]
        return bars(axes, theme, labels, paces, [f"{pace:.3g}" for pace in paces], colors)

    said = ", ".join(f"{label} {pace:.3g} s" for label, pace in zip(labels, paces, strict=True))
    rows = [[label, f"{pace:.4g}"] for label, pace in zip(labels, paces, strict=True)]
    return Figure(
        render("seconds-an-epoch", f"Bars of the seconds of an epoch: {said}.", draw,
               1.2 + 0.45 * len(paces)),
        "Seconds of an epoch of training, the median over the run. Shorter is faster; only runs "
        "on one machine can be compared.",
        Table("Seconds of an epoch", ["run", "seconds"], rows, closed=True),
    )  # fmt: skip
