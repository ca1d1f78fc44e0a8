"""Draw the inside of a network: its first weights as pictures, and its layers over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpnet.pages.content import Figure, Picture, Section, Table, number, percent
from bpnet.pages.drawing import DASHES, LIGHT, WIDTH, Theme, log_axis, render, shades
from bpnet.report.subject import Subject
from bpnet.training.distributions import QUANTILES

Host = np.ndarray[Any, Any]

_NEURONS, _LAYERS = 48, 10
"""Largest numbers of neurons and layers that are drawn."""


def sections(subject: Subject) -> list[Section]:
    """Return the sections on the layers, as far as the run has recorded them."""
    blocks = [] if subject.shape is None else [_weights(subject)]
    return [*blocks, _over_time(subject)] if subject.records else blocks


def _weights(subject: Subject) -> Section:
    assert subject.shape is not None
    # of an ensemble the first network stands for all
    W = np.asarray(subject.members[0].weights[0], np.float64)
    sizes = np.linalg.norm(W, axis=1)
    # all pictures have one scale of colors, on which neurons with small weights would be pale
    at = np.argsort(-sizes, kind="stable")[:_NEURONS]
    picture = _tiles(W[at], subject.shape)
    n = len(W)
    which = "all neurons" if n <= _NEURONS else f"the {_NEURONS} of {n} neurons with most weight"
    colors = (
        "One color is a weight above zero, the other below, the background zero"
        if len(subject.shape) == 2
        else "Gray is a weight of zero"
    )
    caption = (
        f"Weights into {which}, each laid out as an example is. {colors}. Strokes and edges are "
        "features that were learned; noise is a neuron that learned little, or too much of single "
        "examples."
    )
    table = Table(
        "Sizes of the weights into each neuron shown", ["neuron", "norm", "least", "largest"],
        [[f"{i + 1}", number(sizes[i]), number(W[i].min()), number(W[i].max())] for i in at],
        closed=True,
    )  # fmt: skip
    lead = "What each neuron of the first layer responds to."
    return Section("weights", "First-layer weights", lead, [Figure(picture, caption, table)])


def _tiles(W: Host, shape: tuple[int, ...]) -> Picture:
    columns = min(8, len(W))
    lines = -(-len(W) // columns)
    # a few outliers would make all other weights pale
    limit = float(np.quantile(np.abs(W), 0.995)) or 1.0

    def draw(figure: Any, theme: Theme) -> None:
        axes = figure.subplots()
        axes.set_axis_off()
        if len(shape) == 3:
            # the channels of a colored example are those of its weights, with zero in the middle
            colors = _mosaic(np.clip(0.5 + W / (2 * limit), 0, 1), shape, columns)
            axes.imshow(colors, interpolation="none")
            return
        # pixels cannot follow the page's colors, so that zero is transparent on light and on dark
        shown = axes.imshow(
            _mosaic(W, shape, columns), cmap=shades(LIGHT.one, "", LIGHT.two), vmin=-limit,
            vmax=limit, interpolation="none",
        )  # fmt: skip
        bar = figure.colorbar(
            shown, ax=axes, location="bottom", shrink=0.6, aspect=40, pad=0.02, label="weight"
        )
        bar.outline.set_visible(False)

    alt = (
        f"{len(W)} small pictures of the weights into a neuron each, {shape[0]} by {shape[1]}, "
        f"from {number(-limit)} to {number(limit)}."
    )
    return render("first-layer-weights", alt, draw, WIDTH / columns * lines + 0.7)


def _mosaic(W: Host, shape: tuple[int, ...], columns: int) -> Any:
    """Lay the rows of ``W`` out as pictures side by side, with empty gaps between them."""
    rows, wide, gap = shape[0], shape[1], max(1, shape[1] // 8)
    lines = -(-len(W) // columns)
    # nan marks the gaps
    sheet = np.full((lines * (rows + gap), columns * (wide + gap), *shape[2:]), np.nan)
    for i, w in enumerate(W):
        top, left = (i // columns) * (rows + gap), (i % columns) * (wide + gap)
        sheet[top : top + rows, left : left + wide] = w.reshape(shape)
    if len(shape) == 2:
        return np.ma.masked_invalid(sheet)
    # the fourth channel is the opacity, as an array of colors cannot be masked
    there = np.isfinite(sheet[..., :1])
    return np.concatenate([np.where(there, sheet, 0.5), there], axis=2)


_KINDS = {
    "activations": (
        "Activations",
        "What each layer gives. A layer that is silent almost everywhere, or at the ends of its "
        "sigmoid, no longer learns; values that spread from layer to layer point to the first "
        "weights.",
    ),
    "gradients": (
        "Gradients",
        "Sizes of dC/dW, those that are not zero. Layers whose gradients are orders of magnitude "
        "below the others' learn as much slower (vanishing gradients); growth means that a "
        "smaller learning rate or clipping is due.",
    ),
    "updates": (
        "Update ratios",
        "How far one step moves a weight, over the root mean square of the layer's weights. About "
        "a thousandth is common; far more is restless, far less is slow.",
    ),
}


def _over_time(subject: Subject) -> Section:
    title = "Layers over time"
    records = subject.records
    n = len(records[0]["layers"])
    # of a deep network layers at even distances are drawn, with the first and the last
    at = sorted({round(i) for i in np.linspace(0, n - 1, min(n, _LAYERS))})
    figures = [
        Figure(_fans(subject, kind, at), caption, _table(records, kind, at))
        for kind, (_, caption) in _KINDS.items()
    ]
    figures.append(_zeros(subject, at))
    shown = "" if n == len(at) else f" {len(at)} of {n} layers are shown."
    lead = (
        "Seen by a probe of some training examples at the ends of epochs. The line is the median, "
        f"the dark band holds the middle half of the values and the light one nine tenths.{shown}"
    )
    return Section("layers", title, lead, figures)


def _zeros(subject: Subject, at: Sequence[int]) -> Figure:
    """Draw the share of the activations that are zero, a line for each layer."""
    records = subject.records
    epochs = [record["epoch"] for record in records]
    shares = [[record["layers"][l]["silent"] for record in records] for l in at]

    def draw(figure: Any, theme: Theme) -> None:
        from matplotlib.ticker import PercentFormatter

        axes = figure.subplots()
        for i, (l, values) in enumerate(zip(at, shares, strict=True)):
            color, dash = theme.series[i % len(theme.series)], DASHES[i % len(DASHES)]
            mark = "o" if len(epochs) <= 30 else None
            axes.plot(epochs, values, dash, color=color, marker=mark, ms=3, label=f"layer {l + 1}")
        axes.set(xlabel="epoch", ylabel="activations that are zero", ylim=(-0.02, 1.02))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(ncols=1 if len(at) < 5 else 2)

    ends = ", ".join(
        f"layer {l + 1} from {percent(v[0])} to {percent(v[-1])}"
        for l, v in zip(at, shares, strict=True)
    )
    caption = (
        "Share of the activations that are exactly zero. Half is common with relu; a layer that "
        "climbs towards all has neurons that no example wakes (dead units)."
    )
    alt = f"Line chart of the share of zero activations against epoch: {ends}."
    return Figure(render("layers-silent", alt, draw, 3.1), caption)


def _bands(records: Sequence[Any], kind: str, l: int) -> tuple[Host, Host]:
    """Return the epochs, (records,), and the quantiles, (5, records)."""
    epochs = np.asarray([record["epoch"] for record in records])
    return epochs, np.asarray([record["layers"][l][kind] for record in records], np.float64).T


def _fans(subject: Subject, kind: str, at: Sequence[int]) -> Picture:
    records, name = subject.records, _KINDS[kind][0]

    def draw(figure: Any, theme: Theme) -> None:
        column = figure.subplots(len(at), 1, sharex=True, squeeze=False)[:, 0]
        for axes, l in zip(column, at, strict=True):
            epochs, q = _bands(records, kind, l)
            color = theme.series[l % 2]
            if len(epochs) == 1:  # a band needs two
                epochs, q = np.asarray([0.9, 1.1]), np.repeat(q, 2, axis=1)
            axes.fill_between(epochs, q[0], q[4], color=color, alpha=0.22, lw=0)
            axes.fill_between(epochs, q[1], q[3], color=color, alpha=0.42, lw=0)
            axes.plot(epochs, q[2], color=color, lw=1.5)
            axes.set_title(_layer(subject, l))
            # activations have both signs, gradients and updates are sizes of many magnitudes
            if kind != "activations":
                _log(axes, q)
        column[-1].set_xlabel("epoch")
        column[-1].xaxis.get_major_locator().set_params(integer=True)

    alt = f"{name} of {len(at)} layers against epoch. Medians: {_medians(records, kind, at)}."
    return render(f"layers-{kind}", alt, draw, 0.55 + 1.25 * len(at))


def _log(axes: Any, q: Host) -> None:
    # where nothing is above zero a logarithmic axis has no range
    if not (q > 0).any():
        return
    top, inner = float(q.max()), q[1][q[1] > 0]  # the lower quarter decides: some never move
    low = max(float(inner.min()) / 10 if inner.size else 0.0, top * 1e-6)
    # a quantile of zero is drawn at the lower edge, where a logarithm would leave a gap
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(low, top * 2)
    # the pictures are low, so that the ticks are powers of ten as in a wide range
    log_axis(axes.yaxis, low, 300 * low)


def _layer(subject: Subject, l: int) -> str:
    layer = subject.members[0].dense[l]
    last = l == len(subject.members[0].dense) - 1
    return f"layer {l + 1}{', output' if last else ''}: {layer.n_in} to {layer.n_out}"


def _medians(records: Sequence[Any], kind: str, at: Sequence[int]) -> str:
    parts = []
    for l in at:
        _, q = _bands(records, kind, l)
        parts.append(f"layer {l + 1} from {number(q[2][0])} to {number(q[2][-1])}")
    return ", ".join(parts)


def _table(records: Sequence[Any], kind: str, at: Sequence[int]) -> Table:
    """Return a table of the first, middle and last record of each layer."""
    # updates have no share of zeros in the records
    zero = {"activations": "silent", "gradients": "still"}.get(kind)
    chosen = [records[i] for i in sorted({0, len(records) // 2, len(records) - 1})]
    rows = []
    for l in at:
        for record in chosen:
            layer = record["layers"][l]
            share = [percent(layer[zero])] if zero else []
            rows.append([f"{l + 1}", f"{record['epoch']}", *map(number, layer[kind]), *share])
    head = ["layer", "epoch", *(f"{100 * q:g} %" for q in QUANTILES), *(["zero"] if zero else [])]
    return Table(f"{_KINDS[kind][0]}: quantiles", head, rows, closed=True)
