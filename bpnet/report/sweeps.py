"""The sweep that a run is the best of: parallel coordinates, and the best score by trial."""

import math
from collections.abc import Sequence
from typing import Any

from bpnet.pages.content import Figure, Picture, Section, Table, short
from bpnet.pages.drawing import Spot, Theme, columns, render
from bpnet.report.coordinates import Axis, parallel
from bpnet.report.curves import scale, words, written
from bpnet.report.sweep_file import SweepFile, Trial
from bpnet.sweep.ranking import as_text
from bpnet.training.scores import grows

_ROWS = 200
"""Combinations in a picture and in a table."""


def sections(sweep: SweepFile | None) -> list[Section]:
    """The section of a sweep; none where there was no choice between combinations."""
    # a combination that diverged has no score to be drawn at
    trials = [] if sweep is None else [t for t in sweep.trials if t.state != "diverged"]
    if sweep is None or len(trials) < 2:
        return []
    names = [name for name in trials[0].options if _varies(name, trials)]
    table = _table(sweep, names)
    figures = [
        Figure(_parallel(sweep, trials[:_ROWS], names), _caption(sweep, trials), table),
        Figure(
            _by_trial(sweep, trials),
            f"The {words(sweep.score)} of each trial by its number, and the best complete one "
            "so far. A line that has long been level says that more trials promise little.",
        ),
    ]
    return [Section("sweep", "Sweep", _lead(sweep), figures)]


def _varies(name: str, trials: Sequence[Trial]) -> bool:
    # values may be lists, which cannot be hashed
    return len({repr(trial.options.get(name)) for trial in trials}) > 1


def _lead(sweep: SweepFile) -> str:
    seeds = f"{sweep.seeds} seed{'s' * (sweep.seeds > 1)}"
    parts = f"{sweep.folds} folds" if sweep.folds else "the validation split"
    states = [trial.state for trial in sweep.trials]
    pruned, diverged = states.count("pruned"), states.count("diverged")
    note = f" {pruned} of them {'was' if pruned == 1 else 'were'} pruned." if pruned else ""
    note += f" {diverged} of them diverged." if diverged else ""
    return (
        f"{len(sweep.trials)} combinations, trained with {seeds} and ranked by the "
        f"{words(sweep.score)} on {parts}.{note} This run is the best."
    )


def _caption(sweep: SweepFile, trials: Sequence[Trial]) -> str:
    pruned = " A dotted line is a combination that was pruned."
    return (
        "A line for each combination, from its options to its score: the stronger the line, the "
        "better the score, and the thick one is the best."
        f"{pruned if any(trial.state == 'pruned' for trial in trials) else ''}"
        f"{f' The {_ROWS} best are drawn.' if len(trials) > _ROWS else ''}"
    )


def _table(sweep: SweepFile, names: Sequence[str]) -> Table:
    rows = [
        [
            str(rank), str(trial.number), *(_text(trial.options.get(name)) for name in names),
            # nan is the score of a combination that diverged
            *("" if math.isnan(trial.score) else written(sweep.score, value)
              for value in (trial.score, trial.deviation)),
            f"{trial.epochs:g}", trial.state,
        ]
        for rank, trial in enumerate(sweep.trials[:_ROWS], start=1)
    ]  # fmt: skip
    head = ["rank", "trial", *map(_name, names), words(sweep.score), "+-", "epochs", "state"]
    which = "The combinations" if len(sweep.trials) <= _ROWS else f"The {_ROWS} best combinations"
    return Table(which, head, rows, closed=True)


def _name(option: str) -> str:
    return option.replace("_", " ")


def _text(value: Any) -> str:
    """Value of an option as a reader knows it; no batch size is the whole set."""
    return "all" if value is None else as_text(value)


def _written(sweep: SweepFile, score: float) -> str:
    """A score as the text of a place, in which only a plain space is printable."""
    return written(sweep.score, score).replace("\xa0", " ")


def _said(sweep: SweepFile, trial: Trial, names: Sequence[str]) -> str:
    options = [f"{_name(name)} {_text(trial.options.get(name))}" for name in names]
    state = "" if trial.pruned is None else f", pruned after epoch {trial.pruned}"
    score = f"{words(sweep.score)} {_written(sweep, trial.score)}{state}"
    return "\n".join([f"trial {trial.number}", *options, score])


def _parallel(sweep: SweepFile, trials: Sequence[Trial], names: Sequence[str]) -> Picture:
    axes = [Axis.of(_name(n), [t.options.get(n) for t in trials], _text) for n in names]
    scores = [trial.score for trial in trials]
    axes.append(Axis.of_numbers(words(sweep.score), scores, lambda v: written(sweep.score, v)))
    texts = [_said(sweep, trial, names) for trial in trials]
    dotted = [trial.state == "pruned" for trial in trials]

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        return parallel(figure, theme, axes, texts, dotted, rising=grows(sweep.score))

    best = trials[0]
    alt = (
        f"Parallel coordinates of {len(trials)} combinations over "
        f"{', '.join(map(_name, names))} and the {words(sweep.score)}. The best is "
        f"{short(_said(sweep, best, names), 200)}."
    )
    return render("sweep-coordinates", alt, draw, 3.4)


def _by_trial(sweep: SweepFile, trials: Sequence[Trial]) -> Picture:
    ordered = sorted(trials, key=lambda trial: trial.number)
    numbers = [trial.number for trial in ordered]
    scores = [trial.score for trial in ordered]
    best: list[float] = []
    for trial in ordered:
        # the score of a pruned trial is that of an early epoch, no best of complete ones
        known = [*best[-1:], *([trial.score] if trial.state == "complete" else [])]
        pick = max if grows(sweep.score) else min
        # before the first complete trial there is no best one
        best.append(pick((v for v in known if not math.isnan(v)), default=math.nan))

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        for state, marker, fill in (("complete", "o", theme.one), ("pruned", "o", "none")):
            chosen = [i for i, trial in enumerate(ordered) if trial.state == state]
            if chosen:
                axes.plot([numbers[i] for i in chosen], [scores[i] for i in chosen], marker, ms=4,
                          ls="none", mfc=fill, mec=theme.one, label=state)  # fmt: skip
        # the best score holds until a later trial is better
        axes.step(numbers, best, where="post", color=theme.two, label="best so far")
        axes.set(xlabel="trial", ylabel=words(sweep.score))
        axes.xaxis.get_major_locator().set_params(integer=True)
        scale(axes, sweep.score, scores)
        axes.legend()
        texts = [
            f"{_said(sweep, trial, [])}\nbest so far {_written(sweep, value)}"
            for trial, value in zip(ordered, best, strict=True)
        ]
        return columns(axes, numbers, texts)

    alt = (
        f"The {words(sweep.score)} of {len(trials)} trials by their number; the best so far ends "
        f"at {written(sweep.score, best[-1])}."
    )
    return render("sweep-trials", alt, draw, 3.4)
