"""From which width and batch one backend is ahead of another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpnet.bench.measure import Timing
from bpnet.pages.drawing import DASHES, Theme, log_axis
from bpnet.pages.picture_files import save


def crossings(timings: Sequence[Timing]) -> list[str]:
    """Say from which width on each backend is faster than NumPy, for each batch size.

    The timings are of a grid with one hidden layer. Without NumPy the others are compared with the
    first backend.
    """
    names = list(dict.fromkeys(t.backend for t in timings))
    base = "numpy" if "numpy" in names else names[0]
    # a cell that failed has no rate, which counts as 0 below
    rates = {(t.backend, t.cell.batch_size, t.cell.hidden[0]): t.rate for t in timings if t.epoch}
    widths = sorted({width for _, _, width in rates})
    sentences = []
    for other in (name for name in names if name != base):
        for k in sorted({k for name, k, _ in rates if name == other}):
            ahead = [rates.get((other, k, w), 0) > rates.get((base, k, w), 0) for w in widths]
            sentences.append(f"batch {k}: {_when(other, base, widths, ahead)}")
    return sentences


def _when(other: str, base: str, widths: list[int], ahead: list[bool]) -> str:
    """Clause that says at which widths one backend is ahead of the other."""
    if all(ahead):
        return f"{other} is ahead of {base} at every width"
    if not ahead[-1]:
        some = [str(w) for w, wins in zip(widths, ahead, strict=True) if wins]
        return f"{other} is ahead of {base} at " + (f"width {', '.join(some)}" if some else "none")
    behind = max(w for w, wins in zip(widths, ahead, strict=True) if not wins)
    return f"{other} is ahead of {base} above width {behind}"


def plot(timings: Sequence[Timing], path: Path, about: Sequence[str] = ()) -> Path:
    """Samples a second against the width, one panel a batch size, one line a backend.

    Where a backend goes past the first one, or past NumPy, a ring marks the width.

    Raises
    ------
    InputError
        If matplotlib is missing, or the path's ending is no picture's.
    """
    batches = sorted({t.cell.batch_size for t in timings})
    widths = sorted({t.cell.hidden[0] for t in timings})
    rates = {(t.backend, t.cell.batch_size, t.cell.hidden[0]): t.rate for t in timings if t.epoch}
    names = list(dict.fromkeys(t.backend for t in timings))
    names.sort(key=lambda name: name != "numpy")  # the others are compared with it

    def draw(figure: Any, theme: Theme) -> None:
        panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
        for panel, k in zip(panels, batches, strict=True):
            for i, name in enumerate(names):
                measured = [w for w in widths if (name, k, w) in rates]
                panel.plot(
                    measured, [rates[name, k, w] for w in measured], DASHES[i % len(DASHES)],
                    marker="o", ms=4, color=theme.series[i % len(theme.series)], label=name,
                )  # fmt: skip
                ahead = [rates[name, k, w] > rates.get((names[0], k, w), 0) for w in measured]
                for j in range(1, len(measured)):
                    # the first backend is what the others are compared with, and gets no rings
                    if i and ahead[j] and not ahead[j - 1]:
                        panel.plot(measured[j], rates[name, k, measured[j]], "o", ms=11, mfc="none",
                                   mec=theme.ink)  # fmt: skip
            panel.set(title=f"batch {k}", xlabel="width of the hidden layer", xscale="log")
            panel.set_xticks(widths, [str(w) for w in widths])
            panel.minorticks_off()
        panels[0].set(ylabel="samples a second", yscale="log")
        if rates:
            log_axis(panels[0].yaxis, min(rates.values()), max(rates.values()))
        panels[0].legend()

    size = (max(4.0 * len(batches), 6.4), 4.0)
    return save(path, draw, f"Break-even of backends with {names[0]}", about, size)
