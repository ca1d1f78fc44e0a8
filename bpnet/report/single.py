"""Lay out the page of one run."""

from typing import Any

from bpnet.display.figures import display_name, value_text
from bpnet.pages.content import Fact, Page, notes, percent
from bpnet.report import curves, inputs, layers, outcomes, repeat, sweeps, threshold
from bpnet.report.subject import Evaluation, Subject
from bpnet.runs import data as run_data
from bpnet.runs import results


def page(subject: Subject) -> Page:
    """Return the page of a run."""
    sections = [
        curves.section(subject),
        *sweeps.sections(subject.sweep),
        *outcomes.sections(subject),
        *inputs.sections(subject),
        *notes(subject.replaced),
        *layers.sections(subject),
        repeat.section(subject),
    ]
    data = subject.config["data"]["source"]
    lead = f"{subject.network} trained on {data} with the backend {subject.backend}."
    return Page(subject.name, lead, facts(subject), sections)


def facts(subject: Subject) -> list[Fact]:
    """Return the figures at the head of the page."""
    shown, history = _figures(subject), subject.history
    calibrated = outcomes.calibration(subject)
    if calibrated is not None:
        shown.append(Fact("Calibration error", percent(calibrated.ece), "0 % is perfect"))
    two = threshold.thresholds(subject)
    if two is not None:
        # it stands beside the accuracy, which is the first fact
        shown.insert(1, Fact("Area under ROC", f"{two.auc:.4f}", "0.5 is chance"))
    shown.append(Fact("Best epoch", f"{subject.best + 1}", f"of {len(history['cost'])}"))
    seconds = sum(history.get("seconds", ()))
    shown.append(Fact("Training", f"{seconds:,.2f} s", f"{subject.backend}, {_machine(subject)}"))
    count = sum(
        a.size for member in subject.members for arrays in member.parameters for a in arrays
    )
    shown.append(Fact("Parameters", f"{count:,}", " to ".join(map(str, subject.network.sizes))))
    return shown


def _figures(subject: Subject) -> list[Fact]:
    """Return the scores of the model, with interval and baseline of each."""
    if subject.evaluation is None:
        return []
    evaluation, values = subject.evaluation, subject.evaluation.figures
    shown = [
        Fact(f"{evaluation.part.capitalize()} {display_name(name)}",
             percent(values[name]) if name == "accuracy" else value_text(name, values[name]),
             _beside(values, name))
        for name in ("accuracy", "r2", "mae", "rmse", "cost") if name in values
    ]  # fmt: skip
    # a fact ends without a full stop, with and without a note
    what = f"{len(evaluation.outputs):,} examples: {evaluation.what}"
    return [
        *shown,
        Fact("Evaluated on", evaluation.part, f"{what}. {evaluation.note}".rstrip(". ")),
    ]


def _beside(values: dict[str, Any], name: str) -> str:
    """Describe interval and baseline of a figure."""
    if name not in values["interval"]:
        return ""
    constant = value_text(name, values["baseline"][name])
    answer = results.answer_text(values["baseline"]["answer"])
    return f"95 % interval {results.interval_text(values, name)}; always {answer}: {constant}"


def figures(subject: Subject) -> dict[str, Any]:
    """Return the figures of a report as plain data."""
    calibrated = outcomes.calibration(subject)
    return {
        "run": str(subject.folder),
        "backend": subject.backend,
        "best_epoch": subject.best + 1,
        "seconds": sum(subject.history.get("seconds", ())),
        **({} if subject.evaluation is None else _evaluation(subject.evaluation)),
        "missing": subject.missing,
        **({} if calibrated is None else {"ece": calibrated.ece}),
    }


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    about = {"part": evaluation.part, "examples": len(evaluation.outputs)}
    return {**about, **evaluation.figures, "replaced": run_data.replacement_counts(evaluation.data)}


def _machine(subject: Subject) -> str:
    machine = subject.config.get("machine", {})
    return str(
        machine.get("device") or machine.get("processor") or machine.get("system", "unknown")
    )
