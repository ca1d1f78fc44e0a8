"""Figures of a run on rows that it was not trained with, and the lines that report them."""

from functools import partial
from typing import Any

from bpnet.display.figures import display_name, value_text
from bpnet.errors import InputError
from bpnet.model.ensemble import Model
from bpnet.runs.data import EvaluationSet
from bpnet.training import evaluate, scores


def figures(
    network: Model, rows: EvaluationSet, training: dict[str, Any], metrics: Any, backend: Any
) -> dict[str, Any]:
    """Cost and metrics of a network on some rows, with their intervals and a baseline.

    ``training`` is the table of the run's configuration: it has the cost, and the metrics where
    ``metrics`` names none and they are defined for these rows.
    """
    evaluated = partial(
        evaluate, network, rows.data, cost=training.get("cost"), backend=backend, detailed=True
    )
    if metrics:
        return evaluated(metrics=metrics)
    try:
        names = scores.names_of(training.get("metrics") or ())
        return evaluated(metrics=[name for name in names if name not in scores.USUAL])
    except InputError:  # such as the area under the curve, where a class has no example
        return evaluated()


def lines(figures: dict[str, Any], rows: EvaluationSet) -> list[str]:
    """Lines that report :func:`figures`, with the main figure in the last line."""
    intervals, baseline = figures["interval"], figures["baseline"]
    main = "accuracy" if "accuracy" in intervals else "r2"
    errors = [n for n in ("rmse", "mae") if n in intervals]
    others = [n for n in figures if n not in {"interval", "baseline", main, *errors}]
    text = {n: f"{display_name(n)}: {value_text(n, figures[n])}" for n in [*others, *errors, main]}
    reached = ", ".join(
        f"{display_name(n)} {value_text(n, v)}" for n, v in baseline.items() if n != "answer"
    )
    return [
        *(f"{rows.name} {text[n]}" for n in others),
        f"baseline: {reached}, by always predicting {answer_text(baseline['answer'])}",
        *(f"{rows.name} {text[n]} (95 %: {interval_text(figures, n)})" for n in errors),
        f"95 % interval of the {display_name(main)}: {interval_text(figures, main)}",
        f"{rows.name} {text[main]}",
    ]


def interval_text(figures: dict[str, Any], name: str) -> str:
    """The 95 % interval of a figure as text."""
    low, high = figures["interval"][name]
    return f"{value_text(name, low)} to {value_text(name, high)}"


def answer_text(answer: Any) -> str:
    """The baseline's constant answer as text: a class, labels, or the mean."""
    return answer if answer == "the mean" else repr(answer)
