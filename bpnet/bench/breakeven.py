"""From which width and batch one backend is ahead of another."""

from collections.abc import Sequence
from pathlib import Path

from bpnet import plots
from bpnet.bench.measure import Timing


def crossings(timings: Sequence[Timing]) -> list[str]:
    """For each backend and batch size: from which width on it is faster than NumPy.

    The timings are of a grid with one hidden layer. Without NumPy it is the first backend that the
    others are held against.
    """
    names = list(dict.fromkeys(t.backend for t in timings))
    base = "numpy" if "numpy" in names else names[0]
    rates = {(t.backend, t.cell.batch_size, t.cell.hidden[0]): t.rate for t in timings if t.epoch}
    widths = sorted({width for _, _, width in rates})
    sentences = []
    for other in (name for name in names if name != base):
        for k in sorted({k for name, k, _ in rates if name == other}):
            ahead = [rates.get((other, k, w), 0) > rates.get((base, k, w), 0) for w in widths]
            sentences.append(f"batch {k}: {_when(other, base, widths, ahead)}")
    return sentences


def _when(other: str, base: str, widths: list[int], ahead: list[bool]) -> str:
    if all(ahead):
        return f"{other} is ahead of {base} at every width"
    if not ahead[-1]:
        some = [str(w) for w, wins in zip(widths, ahead, strict=True) if wins]
        return f"{other} is ahead of {base} at " + (f"width {', '.join(some)}" if some else "none")
    behind = max(w for w, wins in zip(widths, ahead, strict=True) if not wins)
    return f"{other} is ahead of {base} above width {behind}"


def plot(timings: Sequence[Timing], path: Path) -> Path:
    """Samples a second against the width, one panel a batch size, one line a backend."""
    batches = sorted({t.cell.batch_size for t in timings})
    figure, axes = plots.pyplot().subplots(
        1, len(batches), figsize=(4 * len(batches), 3.6), sharey=True, squeeze=False
    )
    for panel, k in zip(axes[0], batches, strict=True):
        for name in dict.fromkeys(t.backend for t in timings):
            points = [
                (t.cell.hidden[0], t.rate)
                for t in timings
                if t.epoch and t.backend == name and t.cell.batch_size == k
            ]
            if points:
                panel.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
        widths = sorted({t.cell.hidden[0] for t in timings})
        panel.set(title=f"batch {k}", xlabel="width of the hidden layer", xscale="log")
        panel.set_xticks(widths, [str(w) for w in widths])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    axes[0][0].set(ylabel="samples a second", yscale="log")
    axes[0][0].legend()
    return plots.save(figure, path)
