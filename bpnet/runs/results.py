"""How a run does on rows that it was not trained with: figures, and the lines that tell them."""

from functools import partial
from typing import Any

from bpnet.errors import InputError
from bpnet.model.network import Network
from bpnet.runs.data import Part
from bpnet.training import evaluate, scores

FIGURES = {"cost": "cost", "accuracy": "accuracy", "r2": "R2", "mae": "MAE", "rmse": "RMSE"}
"""Names of figures as people write them."""


def judged(
    network: Network, part: Part, training: dict[str, Any], metrics: Any, backend: Any
) -> dict[str, Any]:
    """Figures of a network, with their intervals and a baseline.

    Parameters
    ----------
    network : Network
        The run's.
    part : Part
        Rows to judge it on.
    training : dict
        The table of the run's configuration: its cost, and its metrics where none are named, if
        they are defined for these rows.
    metrics : str or sequence of str
        What else to tell.
    backend : Backend
        Where to compute.
    """
    ask = partial(
        evaluate, network, part.data, cost=training.get("cost"), backend=backend, detailed=True
    )
    if metrics:
        return ask(metrics=metrics)
    try:
        remembered = scores.names_of(training.get("metrics") or ())
        return ask(metrics=[name for name in remembered if name not in scores.USUAL])
    except InputError:  # such as the area under the curve, where a class has no example
        return ask()


def lines(found: dict[str, Any], part: Part) -> list[str]:
    """Lines on what :func:`judged` found, the one that matters most at the end."""
    best, intervals, baseline = _main(found), found["interval"], found["baseline"]
    last = [n for n in ("rmse", "mae") if n in intervals]
    first = [n for n in found if n not in {"interval", "baseline", best, *last}]
    reached = [f"{named(n)} {written(n, v)}" for n, v in baseline.items() if n != "answer"]
    return [
        *(f"{part.name} {named(name)}: {written(name, found[name])}" for name in first),
        f"baseline: {', '.join(reached)}, by always answering {said(baseline['answer'])}",
        *(f"{part.name} {named(n)}: {written(n, found[n])} (95 %: {between(found, n)})"
          for n in last),
        f"95 % interval of the {named(best)}: {between(found, best)}",
        f"{part.name} {named(best)}: {written(best, found[best])}",
    ]  # fmt: skip


def _main(found: dict[str, Any]) -> str:
    return "accuracy" if "accuracy" in found["interval"] else "r2"


def named(name: str) -> str:
    """The name of a figure as people write it."""
    return FIGURES.get(name, name)


def between(found: dict[str, Any], name: str) -> str:
    """The 95 % interval of a figure."""
    low, high = found["interval"][name]
    return f"{written(name, low)} to {written(name, high)}"


def said(answer: Any) -> str:
    """A constant answer: a class, labels, or the mean."""
    return answer if answer == "the mean" else repr(answer)


def written(name: str, value: float) -> str:
    """A figure as text: an accuracy in percent, an error in the target's unit with five digits."""
    if name == "accuracy":
        return f"{100 * value:.1f} %"
    if name in {"mae", "rmse", "mse"}:
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.5g}"
    return f"{value:.4f}"
