"""The page of one run."""

from typing import Any

from bpnet.display.figures import display_name, value_text
from bpnet.pages.content import Fact, Page, notes, percent
from bpnet.report import curves, inputs, layers, outcomes, repeat, sweeps, threshold
from bpnet.report.subject import Judged, Subject
from bpnet.runs import data as run_data
from bpnet.runs import results


def page(subject: Subject) -> Page:
    """Everything that is known of a run."""
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
    """The figures that a reader looks for first."""
    found, history = _figures(subject), subject.history
    calibrated = outcomes.calibration(subject)
    if calibrated is not None:
        found.append(Fact("Calibration error", percent(calibrated.ece), "0 % is perfect"))
    two = threshold.found(subject)
    if two is not None:
        found.insert(1, Fact("Area under ROC", f"{two.auc:.4f}", "0.5 is chance"))
    found.append(Fact("Best epoch", f"{subject.best + 1}", f"of {len(history['cost'])}"))
    seconds = sum(history.get("seconds", ()))
    found.append(Fact("Training", f"{seconds:,.2f} s", f"{subject.backend}, {_machine(subject)}"))
    count = sum(
        a.size for member in subject.members for arrays in member.parameters for a in arrays
    )
    found.append(Fact("Parameters", f"{count:,}", " to ".join(map(str, subject.network.sizes))))
    return found


def _figures(subject: Subject) -> list[Fact]:
    """How it does, each figure with its interval and what a constant answer reaches."""
    if subject.judged is None:
        return []
    judged, told = subject.judged, subject.judged.figures
    found = [
        Fact(f"{judged.part.capitalize()} {display_name(name)}",
             percent(told[name]) if name == "accuracy" else value_text(name, told[name]),
             _beside(told, name))
        for name in ("accuracy", "r2", "mae", "rmse", "cost") if name in told
    ]  # fmt: skip
    what = f"{len(judged.outputs):,} examples: {judged.what}"
    return [*found, Fact("Evaluated on", judged.part, f"{what}. {judged.note}".rstrip(". "))]


def _beside(told: dict[str, Any], name: str) -> str:
    """Interval and baseline of a figure."""
    if name not in told["interval"]:
        return ""
    constant = value_text(name, told["baseline"][name])
    answer = results.answer_text(told["baseline"]["answer"])
    return f"95 % interval {results.interval_text(told, name)}; always {answer}: {constant}"


def figures(subject: Subject) -> dict[str, Any]:
    """The same as plain data, for programs."""
    calibrated = outcomes.calibration(subject)
    return {
        "run": str(subject.folder),
        "backend": subject.backend,
        "best_epoch": subject.best + 1,
        "seconds": sum(subject.history.get("seconds", ())),
        **({} if subject.judged is None else _judged(subject.judged)),
        "missing": subject.missing,
        **({} if calibrated is None else {"ece": calibrated.ece}),
    }


def _judged(judged: Judged) -> dict[str, Any]:
    about = {"part": judged.part, "examples": len(judged.outputs)}
    return {**about, **judged.figures, "replaced": run_data.replacement_counts(judged.data)}


def _machine(subject: Subject) -> str:
    machine = subject.config.get("machine", {})
    return str(
        machine.get("device") or machine.get("processor") or machine.get("system", "unknown")
    )
