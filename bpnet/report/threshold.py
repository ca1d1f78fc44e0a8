"""Show two classes at every threshold: ROC and precision-recall curves, and a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.core import metrics
from bpnet.core.activations import Softmax
from bpnet.pages.content import Figure, Section, Table, number, percent
from bpnet.pages.drawing import Spot, Theme, render
from bpnet.report.subject import Subject

Host = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Thresholds:
    """Counts of examples that are taken for the positive class, from no example to all.

    Parameters
    ----------
    at : array, (k,)
        Thresholds of the score, falling; the first is infinite.
    right, wrong : array, (k,)
        Numbers of the true and of the false positives whose scores are at least that.
    ties : bool
        Whether a score that equals the threshold decides for the positive class.
    """

    at: Host
    right: Host
    wrong: Host
    ties: bool = False

    @classmethod
    def of(cls, scores: Host, positive: Host, *, ties: bool = False) -> "Thresholds":
        """Count at every threshold of a score, (m,), where some examples are positive, (m,)."""
        order = np.argsort(-scores, kind="stable")
        scores, positive = scores[order], positive[order].astype(bool)
        ends = np.flatnonzero(np.diff(scores, append=-np.inf))  # equal scores go together
        right = np.cumsum(positive)[ends]
        # an infinite threshold, which no example reaches, begins the curves at no example
        first = [np.asarray([start]) for start in (np.inf, 0, 0)]
        kept = (scores[ends], right, ends + 1 - right)
        at, right, wrong = (np.concatenate(pair) for pair in zip(first, kept, strict=True))
        return cls(at, right, wrong, ties)

    @property
    def recall(self) -> Host:
        """Share of the positive class that is taken for it."""
        shares: Host = self.right / max(self.right[-1], 1)
        return shares

    @property
    def fallout(self) -> Host:
        """Share of the other class that is taken for the positive one."""
        shares: Host = self.wrong / max(self.wrong[-1], 1)
        return shares

    @property
    def precision(self) -> Host:
        """Share of the positive class in the examples taken for it; 1 where none are taken."""
        taken = self.right + self.wrong
        return np.where(taken > 0, self.right / np.maximum(taken, 1), 1.0)

    @property
    def f1(self) -> Host:
        """Harmonic mean of precision and recall."""
        total: Host = self.right + self.wrong + self.right[-1]
        return 2 * self.right / np.maximum(total, 1)

    @property
    def auc(self) -> float:
        """Area under the ROC curve."""
        return float(np.trapezoid(self.recall, self.fallout))

    @property
    def average_precision(self) -> float:
        """Mean precision over the recall, by steps."""
        # precision holds over the step of recall that it ends, without interpolation
        return float(np.sum(np.diff(self.recall) * self.precision[1:]))

    def index(self, threshold: float) -> int:
        """Return the position of the counts of the examples that a threshold takes."""
        # thresholds fall, and searchsorted needs values that rise
        side: Any = "right" if self.ties else "left"
        return int(np.searchsorted(-self.at, -threshold, side=side)) - 1


def thresholds(subject: Subject) -> Thresholds | None:
    """Return the counts of a run with two classes, where both have examples."""
    evaluation = subject.evaluation
    if evaluation is None or subject.task != "classes" or len(set(evaluation.truth.tolist())) != 2:
        return None
    if subject.network.classes is None or len(subject.network.classes) != 2:
        return None
    class_, outputs = _positive(subject), evaluation.outputs
    if outputs.shape[1] == 1:
        # a single output is the score of the second class, and its mirror image that of the first
        scores = outputs[:, 0] if class_ else 2 * _used(subject) - outputs[:, 0]
    else:
        scores = outputs[:, class_] - (outputs[:, 1 - class_] if _is_difference(subject) else 0)
    # the network decides for the first class where both are equal
    return Thresholds.of(scores, evaluation.truth == class_, ties=class_ == 0)


def _positive(subject: Subject) -> int:
    """Return the number of the rarer class, or of the second where both are equally frequent."""
    assert subject.evaluation is not None
    return int(np.mean(subject.evaluation.truth == 1) <= 0.5)


def _used(subject: Subject) -> float:
    """Return the threshold by which the network decides."""
    if subject.network.sizes[-1] == 1:
        return metrics.middle(subject.network.output)
    # above 0.5 one of two softmax outputs is the larger one
    return 0.0 if _is_difference(subject) else 0.5


def _is_difference(subject: Subject) -> bool:
    """Return whether the score is an output less the other one: their sum is not 1."""
    return subject.network.sizes[-1] == 2 and not isinstance(subject.network.output, Softmax)


def sections(subject: Subject) -> list[Section]:
    """Return the section with the curves and a table of thresholds."""
    all_ = thresholds(subject)
    if all_ is None:
        return []
    used, name = _used(subject), subject.labels[_positive(subject)]
    here, best = all_.index(used), int(np.argmax(all_.f1))
    rarer = ", the rarer one" * bool(all_.right[-1] != all_.wrong[-1])
    lead = (
        f"'{name}' is the positive class{rarer}: an example whose score is "
        f"{'at least' if all_.ties else 'above'} {number(used)} is taken for it, with an F1 of "
        f"{percent(all_.f1[here])}. F1 is largest, {percent(all_.f1[best])}, where scores of at "
        f"least {number(all_.at[best])} are taken for it. A threshold is to be chosen on other "
        "rows than these, by the costs of the two errors."
    )
    if _is_difference(subject):
        lead += " The score is the output of the class less that of the other class."
    total = int(all_.right[-1] + all_.wrong[-1])
    marks = [(here, f"threshold {number(used)}")]
    roc = _figure(
        "roc", all_, ("false positive rate", all_.fallout),
        ("true positive rate", all_.recall), marks, [(0, 1), (0, 1)],
        f"ROC curve: the share of '{name}' that is found against the share of the other class that "
        f"is taken for it, at each threshold. The area under the curve is {all_.auc:.4f}; chance, "
        "the diagonal, has 0.5.",
    )  # fmt: skip
    share = float(all_.right[-1]) / total
    curve = _figure(
        "precision-recall", all_, ("recall", all_.recall), ("precision", all_.precision), marks,
        [(0, 1), (share, share)],
        f"Precision against recall; the average precision is {all_.average_precision:.4f}. "
        f"The line at {percent(share)} is the share of '{name}', which chance reaches.",
    )  # fmt: skip
    shares = np.arange(1, 10) / 10
    # scores that are no probabilities have no fixed range: the table has their deciles
    fixed = subject.probable and not _is_difference(subject)
    scores = shares if fixed else np.unique(np.quantile(all_.at[1:], shares))
    rows = [_row(all_, t) for t in scores]
    head = ["threshold", "precision", "recall", "F1", "true positives", "false positives",
            "false negatives"]  # fmt: skip
    return [Section("threshold", "Threshold", lead, [roc, curve, Table("Thresholds", head, rows)])]


def _row(all_: Thresholds, threshold: float) -> list[str]:
    i = all_.index(threshold)
    # where no example is taken the curve begins at 1, and a figure is 0 as in every other table
    precision = all_.precision[i] if i else 0.0
    shares = (precision, all_.recall[i], all_.f1[i])
    counts = (all_.right[i], all_.wrong[i], all_.right[-1] - all_.right[i])
    return [number(threshold), *map(percent, shares), *(f"{count:,}" for count in counts)]


def _figure(
    name: str, all_: Thresholds, x: tuple[str, Host], y: tuple[str, Host],
    marks: list[tuple[int, str]], chance: list[tuple[float, float]], caption: str,
) -> Figure:  # fmt: skip
    def draw(figure: Any, theme: Theme) -> list[Spot]:
        axes = figure.subplots()
        axes.plot(*chance, ls="--", lw=1, color=theme.muted, label="chance")
        axes.plot(x[1], y[1], color=theme.one, drawstyle="steps-post")
        for i, label in marks:
            axes.plot(x[1][i], y[1][i], "o", ms=8, mfc="none", mec=theme.ink, label=label)
        axes.set(xlabel=x[0], ylabel=y[0], xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
        # where precision is low, its curve lies along the bottom
        corner = "lower left" if all_.average_precision > 0.5 else "upper right"
        axes.legend(loc="lower right" if name == "roc" else corner)
        # the first threshold is infinite, and has no text
        some = np.unique(np.linspace(1, len(all_.at) - 1, 200).astype(int))
        return [
            Spot(axes, f"scores of at least {number(all_.at[i])}\n{x[0]} {percent(x[1][i])}\n"
                 f"{y[0]} {percent(y[1][i])}", (x[1][i],) * 2, (y[1][i],) * 2)
            for i in some
        ]  # fmt: skip

    return Figure(render(name, caption, draw, 3.8), caption)
