"""The page of one run."""

from typing import Any

from bpnet.report import curves, layers, outcomes, repeat
from bpnet.report.content import Fact, Page, notes, number, percent
from bpnet.report.subject import Subject


def page(subject: Subject) -> Page:
    """Everything that is known of a run."""
    sections = [
        curves.section(subject),
        *outcomes.sections(subject),
        *notes(subject.replaced),
        *layers.sections(subject),
        repeat.section(subject),
    ]
    data = subject.config["data"]["source"]
    lead = f"{subject.network} trained on {data} with the backend {subject.backend}."
    return Page(subject.name, lead, facts(subject), sections)


def facts(subject: Subject) -> list[Fact]:
    """The figures that a reader looks for first."""
    found, history = [], subject.history
    if subject.judged is not None:
        what = f"on {len(subject.judged.outputs):,} examples: {subject.judged.what}"
        figures = dict(subject.judged.figures)
        for name, text in (("accuracy", percent), ("r2", lambda v: f"{v:.4f}"), ("cost", number)):
            if name in figures:
                label = "R2" if name == "r2" else name
                found.append(Fact(f"Test {label}", text(figures[name]), what))
                what = ""
    calibrated = outcomes.calibration(subject)
    if calibrated is not None:
        found.append(Fact("Calibration error", percent(calibrated.ece), "0 % is perfect"))
    found.append(Fact("Best epoch", f"{subject.best + 1}", f"of {len(history['cost'])}"))
    seconds = sum(history.get("seconds", ()))
    found.append(Fact("Training", f"{seconds:,.2f} s", f"{subject.backend}, {_machine(subject)}"))
    count = sum(a.size for arrays in subject.network.parameters for a in arrays)
    found.append(Fact("Parameters", f"{count:,}", " to ".join(map(str, subject.network.sizes))))
    return found


def figures(subject: Subject) -> dict[str, Any]:
    """The same as plain data, for programs."""
    calibrated = outcomes.calibration(subject)
    return {
        "run": str(subject.folder),
        "backend": subject.backend,
        "best_epoch": subject.best + 1,
        "seconds": sum(subject.history.get("seconds", ())),
        **({} if subject.judged is None else subject.judged.figures),
        "missing": subject.missing,
        **({} if calibrated is None else {"ece": calibrated.ece}),
    }


def _machine(subject: Subject) -> str:
    machine = subject.config.get("machine", {})
    return str(
        machine.get("device") or machine.get("processor") or machine.get("system", "unknown")
    )
