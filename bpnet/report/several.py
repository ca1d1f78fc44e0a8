"""Lay out the page that compares runs."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from bpnet.display.figures import display_name, value_text
from bpnet.pages.content import Code, Fact, Note, Page, Section, Table, notes, number, percent
from bpnet.report import curves, outcomes, repeat
from bpnet.report.subject import Subject

_TABLES = ("data", "network", "training", "machine")


def page(subjects: Sequence[Subject]) -> Page:
    """Return the page with figures, curves, different settings and different answers of runs."""
    labels = names(subjects)
    sections = [
        _figures(subjects, labels),
        Section("curves", "Learning curves", "", curves.overlaid(subjects, labels)),
        _settings(subjects, labels),
        _answers(subjects, labels),
        *notes([f"{n}: {r}" for s, n in zip(subjects, labels, strict=True) for r in s.replaced]),
        _repeat(subjects, labels),
    ]
    return Page(
        f"{len(subjects)} runs compared",
        ", ".join(labels),
        _facts(subjects, labels),
        sections,
        _warning(subjects, labels),
    )


def _warning(subjects: Sequence[Subject], labels: Sequence[str]) -> str:
    """Return the warning for runs that were evaluated on different examples."""
    if _alike(subjects):
        return ""
    on = [
        f"{label} on {'nothing' if s.evaluation is None else s.evaluation.what}"
        for s, label in zip(subjects, labels, strict=True)
    ]
    start = (
        "These runs were not evaluated on the same examples, so their figures cannot be compared"
    )
    return f"{start}: {'; '.join(on)}. Give --data to evaluate all of them on the same."


def _alike(subjects: Sequence[Subject]) -> bool:
    """Tell whether all runs were evaluated on the same examples."""
    first = subjects[0].evaluation
    return first is not None and all(
        s.evaluation is not None and _same(s.evaluation, first) for s in subjects[1:]
    )


def names(subjects: Sequence[Subject]) -> list[str]:
    """Name each run, with its parent folder or a number where two names would be equal."""
    plain = [subject.name for subject in subjects]
    taken = Counter(plain)
    longer = [
        f"{s.folder.resolve().parent.name}/{name}" if taken[name] > 1 else name
        for s, name in zip(subjects, plain, strict=True)
    ]
    again = Counter(longer)
    return [f"{n} ({i})" if again[n] > 1 else n for i, n in enumerate(longer, start=1)]


def _facts(subjects: Sequence[Subject], labels: Sequence[str]) -> list[Fact]:
    facts = []
    # figures on different examples have no best one
    for name in ("accuracy", "r2") if _alike(subjects) else ():
        title = f"Best {_part(subjects)} {display_name(name)}"
        values = [_figure(s, name) for s in subjects]
        there = [v for v in values if v is not None]
        if there:
            at = values.index(max(there))
            facts.append(Fact(title, _written(name, max(there)), labels[at]))
    paces = [float(np.median(s.history["seconds"])) for s in subjects]
    at = int(np.argmin(paces))
    facts.append(Fact("Fastest epoch", f"{paces[at]:.3g} s", f"{labels[at]}, median"))
    return facts


_NAMES = ("accuracy", "r2", "mae", "rmse", "cost")


def _written(name: str, value: float) -> str:
    return percent(value) if name == "accuracy" else value_text(name, value)


def _part(subjects: Sequence[Subject]) -> str:
    """Return the name of the part of the data, where it is the same for all runs."""
    parts = {s.evaluation.part for s in subjects if s.evaluation is not None}
    return parts.pop() if len(parts) == 1 else "held-out"


def _figure(subject: Subject, name: str) -> float | None:
    return None if subject.evaluation is None else subject.evaluation.figures.get(name)


def _figures(subjects: Sequence[Subject], labels: Sequence[str]) -> Section:
    rows = []
    for subject, label in zip(subjects, labels, strict=True):
        history, calibrated = subject.history, outcomes.calibration(subject)
        validation, epoch = history.get("validation_cost"), subject.kept
        rows.append(
            [
                label,
                subject.backend,
                "" if subject.evaluation is None else subject.evaluation.part,
                *(_cell(_figure(subject, n), partial(_written, n)) for n in _NAMES),
                _cell(None if calibrated is None else calibrated.ece, percent),
                "" if epoch is None or validation is None else number(validation[epoch]),
                "" if epoch is None else number(history["cost"][epoch]),
                "one for each" if epoch is None else f"{epoch + 1} of {len(history['cost'])}",
                f"{subject.best + 1}",
                f"{sum(history['seconds']):,.2f}",
                f"{np.median(history['seconds']):.4g}",
            ]
        )
    head = [
        "run", "backend", "evaluated on", *(f"{_part(subjects)} {display_name(n)}" for n in _NAMES),
        "ECE", "validation cost", "training cost", "epoch of the model", "best epoch", "seconds",
        "an epoch",
    ]  # fmt: skip
    # a column that no run fills is left out
    kept = [j for j in range(len(head)) if any(row[j] for row in rows)]
    table = Table(
        "Final figures", [head[j] for j in kept], [[row[j] for j in kept] for row in rows]
    )
    lead = (
        "The costs of a row are those of one model, which is that of the epoch named. Seconds are "
        "those of training alone, of an epoch the median. ECE is the expected calibration error."
    )
    return Section("figures", "Final figures", lead, [table])


def _cell(value: float | None, text: Any) -> str:
    return "" if value is None else str(text(value))


def _settings(subjects: Sequence[Subject], labels: Sequence[str]) -> Section:
    # the order of the configuration, which a set would lose
    keys = dict.fromkeys(
        (table, key) for s in subjects for table in _TABLES for key in s.config.get(table, {})
    )
    rows, same = [], 0
    for table, key in keys:
        # a run of an older version lacks settings that a newer one has
        values = [_setting(s, table, key) for s in subjects]
        if len(set(values)) > 1:
            rows.append([f"{table}: {key.replace('_', ' ')}", *values])
        else:
            same += 1
    lead = f"{same} other settings are the same in all."
    block: Any = Table("Settings that differ", ["setting", *labels], rows, text=True)
    if not rows:
        block = Note("No setting differs.")
    return Section("settings", "Settings that differ", lead, [block])


def _setting(subject: Subject, table: str, key: str) -> str:
    values = subject.config.get(table, {})
    return repeat.setting(values[key]) if key in values else "not set"


def _answers(subjects: Sequence[Subject], labels: Sequence[str]) -> Section:
    """Compare the outputs of the runs for the same examples."""
    title = "Differences of the outputs"
    base, first = subjects[0], subjects[0].evaluation
    if first is None:
        return Section("answers", title, "", [Note("The first run was not evaluated.")])
    rows = []
    for subject, label in zip(subjects[1:], labels[1:], strict=True):
        evaluation = subject.evaluation
        if evaluation is None or not _same(evaluation, first):
            rows.append([label, "other examples", ""])
            continue
        # in the target's unit, as each run may have standardized its target with numbers of its own
        far = float(
            np.abs(subject.in_units(evaluation.outputs) - base.in_units(first.outputs)).max()
        )
        alike = ""
        if subject.task == base.task == "classes":
            alike = percent(float(np.mean(subject.answers()[0] == base.answers()[0])))
        rows.append([label, number(far), alike])
    # outputs of classes are probabilities or scores, which have no unit
    unit = "" if base.task == "classes" else f", in the unit of {base.target}"
    head = ["run", f"largest difference{unit}", "same class"]
    # only classes can be the same
    shown = 3 if any(row[2] for row in rows) else 2
    table = Table(
        f"Outputs beside those of {labels[0]}", head[:shown], [row[:shown] for row in rows]
    )
    lead = (
        "The same settings and seed on two backends give the same network to rounding; different "
        "seeds or settings do not."
    )
    return Section("answers", title, lead, [table])


def _same(one: Any, other: Any) -> bool:
    """Tell whether two runs were evaluated on the same examples, with outputs of one shape."""
    a, b = one.targets.values, other.targets.values
    if one.outputs.shape != other.outputs.shape or not np.array_equal(a, b):
        return False
    # two runs may have encoded the same rows of a source differently
    same_source = one.source == other.source and np.array_equal(one.data.rows, other.data.rows)
    return same_source or np.array_equal(one.data.x, other.data.x)


def _repeat(subjects: Sequence[Subject], labels: Sequence[str]) -> Section:
    blocks = [
        Code(repeat.command(subject.config), label)
        for subject, label in zip(subjects, labels, strict=True)
    ]
    return Section("repeat", "How to repeat them", "", blocks)
