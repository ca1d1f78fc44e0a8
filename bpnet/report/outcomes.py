"""Show the quality of the answers: confusions, mistakes, calibration, or residuals."""

from typing import Any

import numpy as np

from bpnet.core import metrics
from bpnet.pages.content import (
    Figure,
    Note,
    Picture,
    Section,
    Table,
    Tile,
    Tiles,
    number,
    percent,
    short,
)
from bpnet.pages.drawing import LIGHT, Spot, Theme, image, render, shades
from bpnet.report import detail, rows, threshold
from bpnet.report.detail import Calibration
from bpnet.report.subject import Subject

Host = np.ndarray[Any, Any]

_NAMED, _COUNTED = 30, 12
"""Largest numbers of classes that get names on the axes, and counts in the squares."""


def sections(subject: Subject) -> list[Section]:
    """Return the sections on the answers of a run."""
    if subject.evaluation is None:
        return [Section("answers", "Answers", "", [Note(f"Not evaluated: {subject.missing}.")])]
    if subject.task == "numbers":
        return [rows.residuals(subject)]
    if subject.task == "labels":
        return [_labels(subject), _calibration(subject)]
    blocks = [_confusion(subject), *threshold.sections(subject), _mistakes(subject)]
    return [*blocks, _calibration(subject)]


def calibration(subject: Subject) -> Calibration | None:
    """Return the calibration of the probabilities; None where outputs are no probabilities."""
    evaluation = subject.evaluation
    if evaluation is None or not subject.probable or subject.task == "numbers":
        return None
    if subject.task == "labels":
        # each label is an answer of its own, and the confidence of a "no" is 1 - p
        p = evaluation.outputs.reshape(-1)
        right = (p > 0.5) == (evaluation.targets.values.reshape(-1) > 0.5)
        return detail.calibrate(np.maximum(p, 1 - p), right)
    decided, scores = subject.answers()
    return detail.calibrate(scores, decided == evaluation.truth)


def _confusion(subject: Subject) -> Section:
    evaluation = subject.evaluation
    assert evaluation is not None
    names = subject.labels
    decided, _ = subject.answers()
    counts = detail.confusion(evaluation.truth, decided, len(names))
    off = counts - np.diag(np.diag(counts))
    worst = np.unravel_index(np.argmax(off), off.shape)
    wrong = int(off.sum())
    # one wrong example is no pattern worth a sentence
    said = (
        f" Most often, {off[worst]} times, {short(names[worst[0]])} was predicted as "
        f"{short(names[worst[1]])}."
        if off[worst] > 1
        else ""
    )
    alt = f"Confusion matrix of {len(names)} classes: {wrong:,} of {counts.sum():,} wrong.{said}"
    caption = (
        "Each row is a true class, each column a predicted class. Blue on the diagonal is "
        "right, orange is wrong; the stronger the color, the larger the share of the row (as its "
        "root, so that few can be seen)."
    )
    figure = Figure(_matrix(counts, names, alt), caption, _counts(counts, names))
    total = f"{counts.sum():,} examples of {evaluation.what}"
    lead = f"{wrong:,} of {total} were classified wrongly.{said}"
    return Section("confusion", "Confusion matrix", lead, [figure, _scores(counts, names)])


def _matrix(counts: Host, names: list[str], alt: str) -> Picture:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n = len(names)

    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        axes.grid(False)
        # pixels cannot follow the page's colors: transparency lets them suit light and dark
        right, wrong = (shades("", color)(np.sqrt(shares)) for color in (LIGHT.one, LIGHT.two))
        squares = np.where(np.eye(n, dtype=bool)[..., None], right, wrong)
        axes.imshow(squares, interpolation="none")
        axes.set(xlabel="predicted", ylabel="true")
        if n <= _NAMED:
            labels = [short(name, 12) for name in names]
            turned = any(len(label) > 3 for label in labels)
            axes.set_xticks(range(n), labels, rotation=90 if turned else 0)
            axes.set_yticks(range(n), labels)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        if n <= _COUNTED:
            for (i, j), count in np.ndenumerate(counts):
                if count:
                    # the color of a large share is too strong for text in the page's color
                    color = "#ffffff" if shares[i, j] > 0.5 else theme.ink
                    size = 8.5 if count < 1000 else 7
                    axes.text(j, i, f"{count}", ha="center", va="center", color=color, size=size)
        return [
            Spot(axes, f"true {names[i]}, predicted {names[j]}: {counts[i, j]:,}",
                 (j - 0.5, j + 0.5), (i - 0.5, i + 0.5))
            # a spot for each square of hundreds of classes would make the file large
            for i, j in np.argwhere(counts)[:2000]
        ]  # fmt: skip

    return render("confusion", alt, draw, 4.5 if n > 4 else 3.0)


def _counts(counts: Host, names: list[str]) -> Table:
    """Return the matrix as a table, or the commonest confusions of a large one."""
    if len(names) <= _COUNTED:
        rows = [
            [name, *(f"{c:,}" for c in row)]
            for name, row in zip(names, counts.tolist(), strict=True)
        ]
        return Table("Counts: a row for each true class", ["true", *names], rows, closed=True)
    off = counts - np.diag(np.diag(counts))
    # a stable sort lists equally frequent confusions in the order of the classes
    order = np.argsort(-off, axis=None, kind="stable")[:30]
    pairs = [np.unravel_index(i, off.shape) for i in order if off.flat[i]]
    rows = [[names[i], names[j], f"{off[i, j]:,}"] for i, j in pairs]
    return Table(
        "The most frequent confusions", ["true", "predicted", "examples"], rows, closed=True
    )


def _scores(counts: Host, names: list[str]) -> Table:
    columns = detail.by_class(counts)
    rows = [
        [name, *(percent(column[i]) for column in columns), f"{counts[i].sum():,}"]
        for i, name in enumerate(names)
    ]
    head = ["class", "precision", "recall", "F1", "examples"]
    return Table("Each class", head, rows, closed=len(names) > _COUNTED)


def _labels(subject: Subject) -> Section:
    """Return the figures of labels that do not exclude each other, each by itself."""
    evaluation = subject.evaluation
    assert evaluation is not None
    middle = metrics.middle(subject.network.output)
    said, true = evaluation.outputs > middle, evaluation.targets.values > 0.5
    rows = []
    for j in range(said.shape[1]):
        counts = detail.confusion(true[:, j].astype(int), said[:, j].astype(int), 2)
        # each label is a problem of two classes, of which the second one is the label itself
        precision, recall, f1 = (column[1] for column in detail.by_class(counts))
        rows.append(
            [f"label {j + 1}", *map(percent, (precision, recall, f1)), f"{counts[1].sum()}"]
        )
    table = Table("Each label", ["label", "precision", "recall", "F1", "examples"], rows)
    lead = f"Several labels may be right at once; evaluated on {evaluation.what}."
    return Section("labels", "Labels", lead, [table])


def _mistakes(subject: Subject) -> Section:
    evaluation = subject.evaluation
    assert evaluation is not None
    decided, scores = subject.answers()
    mistakes = detail.most_confident(scores, evaluation.truth, decided)
    title = "Most confident mistakes"
    if not len(mistakes):
        return Section("mistakes", title, "There are none: every example was right.", [])
    names = subject.labels
    pairs = [(names[evaluation.truth[i]], names[decided[i]]) for i in mistakes]
    said = [
        percent(scores[i]) if subject.probable else f"score {number(scores[i])}" for i in mistakes
    ]
    lead = (
        "The examples that were wrong with the highest score. Look for wrong labels, for examples "
        "that people would get wrong too, and for a kind that the training examples lack."
    )
    if subject.shape is None:
        block: Any = rows.mistakes(subject, mistakes, pairs, said)
    else:
        tiles = [
            Tile(
                _example(subject, at, n, pair, how),
                [f"true {pair[0]}", f"predicted {pair[1]}, {how}", f"example {subject.named(at)}"],
            )
            for n, (at, pair, how) in enumerate(zip(mistakes, pairs, said, strict=True), start=1)
        ]
        block = Tiles(
            tiles,
            "With each: its true class, the predicted class and its probability, and its number "
            f"in {evaluation.what}, from 1.",
        )
    return Section("mistakes", title, lead, [block])


def _example(subject: Subject, at: int, n: int, pair: tuple[str, str], how: str) -> Picture:
    assert subject.evaluation is not None
    assert subject.shape is not None
    x = np.asarray(subject.evaluation.data.x)
    # pixels of the digits are uint8 from 0 to 16, and would be almost black from 0 to 255
    limits = (0, 255) if x.dtype == np.uint8 and x.max() > 16 else (float(x.min()), float(x.max()))
    what = f"a picture of {pair[0]} that the network took for {pair[1]}, {how}"
    alt = f"Example {subject.named(at)}: {what}"
    return image(f"mistake-{n:02d}", alt, x[at].reshape(subject.shape), limits)


def _calibration(subject: Subject) -> Section:
    calibrated = calibration(subject)
    title = "Calibration"
    if calibrated is None:
        note = Note("The outputs are scores, not probabilities: they cannot be calibrated.")
        return Section("calibration", title, "", [note])
    caption = (
        "Accuracy of the answers in each bin of confidence, with its 95\xa0% interval; the bars "
        "below are the numbers of examples. Points under the diagonal: surer than right; above "
        "it: more often right than sure."
    )
    picture = render(
        "calibration", _calibration_alt(calibrated), lambda f, t: _diagram(f, t, calibrated), 4.4
    )
    rows = [
        [
            f"{percent(low)} to {percent(high)}", f"{count:,}",
            percent(confidence) if count else "", percent(accuracy) if count else "",
        ]
        for low, high, count, confidence, accuracy in zip(
            calibrated.edges[:-1], calibrated.edges[1:], calibrated.counts,
            calibrated.confidence, calibrated.accuracy, strict=True,
        )
    ]  # fmt: skip
    head = ["confidence", "examples", "mean confidence", "accuracy"]
    table = Table("Bins of confidence", head, rows, closed=True)
    lead = (
        f"The expected calibration error is {percent(calibrated.ece)}: the mean distance between "
        "the probability of an answer and the share of such answers that are right "
        f"({detail.BINS} bins; Guo et al. 2017)."
    )
    return Section("calibration", title, lead, [Figure(picture, caption, table)])


def _calibration_alt(calibrated: Calibration) -> str:
    points = ", ".join(
        f"{percent(c)} sure and {percent(a)} right"
        for c, a, n in zip(
            calibrated.confidence, calibrated.accuracy, calibrated.counts, strict=True
        )
        if n
    )
    return f"Reliability diagram, calibration error {percent(calibrated.ece)}. By bin: {points}."


def _diagram(figure: Any, theme: Theme, calibrated: Calibration) -> list[Spot]:
    from matplotlib.ticker import PercentFormatter

    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    # an empty bin has no accuracy
    here = calibrated.counts > 0
    x, y = calibrated.confidence[here], calibrated.accuracy[here]
    # an interval may end past its mean by rounding, and matplotlib refuses negative bars
    spread = np.maximum([y - calibrated.low[here], calibrated.high[here] - y], 0)
    above.plot([0, 1], [0, 1], ls="--", lw=1, color=theme.muted, label="perfect")
    above.errorbar(
        x, y, yerr=spread, fmt="o", ms=5, capsize=2.5, lw=1.4, color=theme.series[0],
        label=f"this model, ECE {percent(calibrated.ece)}",
    )  # fmt: skip
    above.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.03))
    above.legend(loc="lower right")
    width = np.diff(calibrated.edges)
    below.bar(
        calibrated.edges[:-1], calibrated.counts, width * 0.9, align="edge", color=theme.series[0]
    )
    below.set(xlabel="confidence", ylabel="examples")
    for axis in (above.xaxis, above.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    texts = [f"{percent(a)} sure, {percent(b)} right" for a, b in zip(x, y, strict=True)]
    return [Spot(above, text, (a, a), (b, b)) for text, a, b in zip(texts, x, y, strict=True)]
