"""The paper's figures and further ones, drawn from the results of the experiments."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bpnet.pages.content import Picture
from bpnet.paper.formulas import RATES, START, STEPS
from bpnet.paper.lab import Results
from bpnet.paper.learning import ALPHAS, SATURATED
from bpnet.paper.pictures import COLORS, LINES, curve, picture, text


def _rings(axes: Any) -> None:
    """Contour lines of x^2 + y^2."""
    turn = np.linspace(0, 2 * np.pi, 181)
    for radius in (0.5, 1.0, 1.5, 2.0, 2.5):
        axes.plot(radius * np.cos(turn), radius * np.sin(turn), color=COLORS["grid"], lw=1)
    axes.set(aspect="equal", xlabel="x", ylabel="y", xlim=(-2.6, 2.6), ylim=(-2, 2))
    axes.grid(visible=False)


def descents(results: Results) -> Iterator[Picture]:
    """Figure 1, the path of descent, and the effect of the learning rate."""
    path = results.curves["suitable"]

    def surface(axes: Any) -> None:
        r, turn = np.meshgrid(np.linspace(0, 2.2, 12), np.linspace(0, 2 * np.pi, 37))
        axes.plot_wireframe(
            r * np.cos(turn), r * np.sin(turn), r**2, color=COLORS["muted"], lw=0.5, alpha=0.7
        )
        height = (path**2).sum(axis=1)
        axes.plot(*path.T, height, color=COLORS["two"], marker="o", ms=3.5, zorder=9)
        axes.set(xlabel="x", ylabel="y", xticks=[-2, 0, 2], yticks=[-2, 0, 2], zticks=[0, 2, 4])
        axes.set_box_aspect((4, 4, 3), zoom=1.1)
        axes.view_init(28, -62)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            # transparent panes have the color of the page, light or dark
            axis.set_pane_color((0, 0, 0, 0))
            # matplotlib has no public setting for the grid of axes in 3D
            axis._axinfo["grid"]["color"] = COLORS["grid"]

    def plane(axes: Any) -> None:
        _rings(axes)
        curve(axes, path[:, 0], path[:, 1], "two", ls="-", marker="o", ms=4)
        text(axes, START[0], START[1] + 0.15, "start", "two")

    def rates(axes: Any) -> None:
        for color, (name, eta) in zip(LINES, RATES.items(), strict=True):
            C = (results.curves[name] ** 2).sum(axis=1)
            curve(axes, range(STEPS + 1), C, color, label=rf"$\eta$ = {eta:g}, {name}")
        # room for the legend above the curves, which end below 100
        axes.set(yscale="log", xlabel="step", ylabel="C", ylim=(1e-6, 3e3))
        axes.legend(fontsize=8.5, ncols=2, loc="upper center")

    def across(axes: Any) -> None:
        # 0.1 is left out: the picture beside it has its whole path
        for color, name in {"one": "too small", "three": "large", "four": "too large"}.items():
            x = results.curves[name][:, 0]
            curve(axes, range(STEPS + 1), x, color, label=f"{RATES[name]:g}, {name}", lw=1.4)
        axes.set(xlabel="step", ylabel="x", ylim=(-6, 8.8))
        axes.legend(fontsize=9, loc="upper left", ncols=2)

    yield picture(
        "bowl", "Figure 1: f(x, y) = x² + y²",
        "The bowl of x squared plus y squared; descent runs down its side to the bottom.",
        surface, projection="3d",
    )  # fmt: skip
    yield picture(
        "path", f"Seen from above, learning rate {RATES['suitable']:g}",
        "From above the path is straight to the center, each step shorter than the one before.",
        plane,
    )  # fmt: skip
    yield picture(
        "across", "Too small, and too large",
        "With 0.01 x has come less than half of the way after 30 steps; with 0.95 it jumps from "
        "side to side and nears 0 slowly; with 1.02 the jumps grow.",
        across,
    )  # fmt: skip
    yield picture(
        "rates", "The cost at each step",
        "On a logarithmic scale the cost falls in a straight line, slowly for 0.01, fast for 0.1, "
        "slowly again for 0.95, and rises for 1.02.",
        rates,
    )  # fmt: skip


def directions(results: Results) -> Iterator[Picture]:
    """Figure 2, and the directional derivative by direction."""
    angle, slope = results.curves["angle"], results.curves["slope"]

    def arrows(axes: Any) -> None:
        _rings(axes)
        for degrees in range(-180, 180, 15):
            at = int(np.argmin(abs(angle - degrees)))
            v = 0.95 * np.asarray([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
            # the steeper the slope, the thicker the arrow
            color = COLORS["one" if slope[at] < 0 else "three"]
            axes.annotate(
                "", START + v, START,
                arrowprops={"arrowstyle": "->", "color": color, "lw": 0.3 + abs(slope[at]) / 3},
            )  # fmt: skip
        tip = START + 1.5 * results.curves["steepest"]
        axes.annotate(
            "", tip, START, arrowprops={"arrowstyle": "-|>", "color": COLORS["two"], "lw": 2.2}
        )
        axes.set(ylim=(-1.5, 2.4))
        text(axes, -0.95, 0.05, "steepest descent", "two", fontsize=9)
        text(axes, -2.5, -1.05, "falling", "one", fontsize=9)
        text(axes, -2.5, -1.35, "rising", "three", fontsize=9)

    def cosine(axes: Any) -> None:
        curve(axes, angle, slope, "one")
        least = results.numbers["angle of steepest descent"]
        axes.plot([least], [slope.min()], "o", color=COLORS["two"], ms=6)
        text(
            axes, least, slope.min() - 0.65, "against the gradient", "two", ha="center", fontsize=9
        )
        axes.set(
            ylim=(-5, 4.5),
            xlabel="direction of v in degrees",
            ylabel="∇C · v",
            xticks=range(-180, 181, 60),
        )

    yield picture(
        "arrows", "Figure 2: the direction of steepest descent",
        "Arrows in all directions from a point on the side of the bowl: C rises along those that "
        "lead outwards and falls along the others, fastest along the one to the center.",
        arrows,
    )  # fmt: skip
    yield picture(
        "slopes", "The slope in each direction",
        "Against the angle the slope is a cosine wave, lowest where v points against the gradient.",
        cosine,
    )  # fmt: skip


def sigmoid(results: Results) -> Iterator[Picture]:
    """Figure 3, with the derivative."""

    def both(axes: Any) -> None:
        curve(axes, results.curves["z"], results.curves["a"], "one")
        curve(axes, results.curves["z"], results.curves["prime"], "two")
        text(axes, -7.8, 0.9, "σ(z)", "one")
        text(axes, -7.8, 0.78, "σ'(z) = σ(z)(1 − σ(z))", "two")
        axes.set(xlabel="z")

    yield picture(
        "sigmoid", "Figure 3: the sigmoid and its derivative",
        "The sigmoid rises from 0 to 1 in an S; its derivative is a bell of height one quarter "
        "that is almost 0 beyond 6 on either side.",
        both,
    )  # fmt: skip


def network(results: Results) -> Iterator[Picture]:
    """Figure 4, with the values of one example."""

    def drawing(axes: Any) -> None:
        columns = [results.curves[name] for name in ("a1", "a2", "a3")]
        # the layers are centered, each on the middle of the picture
        height = [np.linspace(len(a) - 1, 1 - len(a), len(a)) / 2 for a in columns]
        for l, W in enumerate((results.curves["W2"], results.curves["W3"])):
            for j, k in np.ndindex(W.shape):
                axes.plot(
                    [2 * l, 2 * l + 2], [height[l][k], height[l + 1][j]], zorder=1,
                    color=COLORS["one" if W[j, k] < 0 else "two"], lw=0.4 + 1.4 * abs(W[j, k]),
                    ls="--" if W[j, k] < 0 else "-",
                )  # fmt: skip
        for l, (a, at) in enumerate(zip(columns, height, strict=True)):
            axes.scatter(
                [2 * l] * len(a), at, 760, COLORS["surface"], zorder=2, edgecolor=COLORS["ink"]
            )
            for j, value in enumerate(a):
                text(
                    axes, 2 * l, at[j], f"{value:.2f}", "ink", ha="center", va="center", fontsize=9
                )
        names = ("$x_1 \\ldots x_5$", "$a^2_1 \\ldots a^2_4$", "$a^3_1$")
        for l, (name, role) in enumerate(zip(names, ("input", "hidden", "output"), strict=True)):
            text(axes, 2 * l, -2.85, f"{role}\n{name}", "ink", ha="center", va="center", fontsize=9)
        axes.set(xlim=(-0.7, 4.7), ylim=(-3.3, 2.5))
        axes.axis("off")

    yield picture(
        "network", "Figure 4: a network, and one example in it",
        "Five input neurons, four hidden ones and one output; each is joined to all of the next "
        "layer. Solid lines are positive weights, dashed ones negative, thick ones large.",
        drawing,
    )  # fmt: skip


def logarithms(results: Results) -> Iterator[Picture]:
    """Figures 5 and 6."""
    for number, y, name in ((5, 1, "−ln a"), (6, 0, "−ln(1 − a)")):
        # y of this figure: the closure would read the variable of the loop
        def logarithm(axes: Any, y: int = y) -> None:
            curve(
                axes, results.curves["a"], results.curves[f"y = {y}"], "one" if y else "two", ls="-"
            )
            axes.set(xlabel="a", ylabel=f"cost where y = {y}", ylim=(0, 6.4))

        right, wrong = (1, 0) if y else (0, 1)
        yield picture(
            f"log{y}", f"Figure {number}: {name}",
            f"Where y is {y} the cost is 0 at a = {right} and grows without bound near {wrong}.",
            logarithm,
        )  # fmt: skip


_NAMES = {"quadratic": "quadratic, (17)", "cross_entropy": "cross-entropy, (26)"}


def saturation(results: Results) -> Iterator[Picture]:
    """Quadratic cost against cross-entropy."""

    def errors(axes: Any) -> None:
        # `LINES` has more colors than there are costs
        for color, (name, label) in zip(LINES, _NAMES.items(), strict=False):
            curve(axes, results.curves["z"], results.curves[f"delta {name}"], color, label=label)
        axes.axvline(SATURATED, color=COLORS["muted"], lw=1)
        text(axes, SATURATED + 0.2, -0.55, "start", "muted", fontsize=9)
        axes.set(xlabel="z", ylabel="δ, where y = 1")
        axes.legend(fontsize=9, loc="lower right")

    def outputs(axes: Any) -> None:
        for color, (name, label) in zip(LINES, _NAMES.items(), strict=False):
            # the output before each of the 300 steps
            curve(axes, range(300), results.curves[f"a {name}"], color, label=label)
        axes.set(xlabel="step", ylabel="output a; 1 is wanted", ylim=(-0.02, 1.02))
        axes.legend(fontsize=9, loc="lower right")

    yield picture(
        "errors", "The error that drives the step",
        "Far on the wrong side the error of the quadratic cost vanishes; that of the "
        "cross-entropy stays near minus one.",
        errors,
    )  # fmt: skip
    yield picture(
        "outputs", "Learning from a saturated start",
        "With cross-entropy the output rises at once; with the quadratic cost it stays near 0 for "
        f"{results.numbers['steps to a = 0.5, quadratic']:.0f} steps before it turns.",
        outputs,
    )  # fmt: skip


def spread(results: Results) -> Iterator[Picture]:
    """Spread of mini-batch gradients."""

    def points(axes: Any) -> None:
        k, c = results.curves["k"], results.curves
        curve(axes, k, c["law"], "one", label="σ / √k")
        curve(axes, k, c["without replacement"], "three", label="σ / √k · √(1 − k/m)")
        axes.plot(k, c["measured"], "o", color=COLORS["two"], label="measured", ms=6)
        axes.set(xscale="log", yscale="log", xlabel="k, examples in a mini-batch")
        # an axis of two decades would have few ticks, and powers of ten as their texts
        axes.set(ylabel="distance from ∇C", yticks=[0.1, 0.2, 0.5, 1, 2], ylim=(0.1, 3))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.minorticks_off()
        axes.legend(fontsize=9)

    yield picture(
        "spread", "How far a mini-batch is from the whole",
        "On logarithmic scales the measured distances lie on a falling line of slope minus one "
        "half.",
        points,
    )  # fmt: skip


def decay(results: Results) -> Iterator[Picture]:
    """Weight decay."""

    def alone(axes: Any) -> None:
        steps = np.arange(len(results.curves["w"]))
        curve(
            axes, steps, results.curves["law"], "one", label="(1 − ηα/m) to the power of the step"
        )
        # marks at each fourth step leave the curve visible between them
        axes.plot(steps[::4], results.curves["w"][::4], "o", color=COLORS["two"], ms=4, label="w")
        axes.plot(steps[::4], results.curves["b"][::4], "s", color=COLORS["three"], ms=4, label="b")
        axes.set(xlabel="step", ylim=(-0.03, 1.25))
        axes.legend(fontsize=9, loc="center right")

    def digits(axes: Any) -> None:
        for color, alpha in zip(LINES, ALPHAS, strict=False):
            lengths = results.curves[f"alpha = {alpha:g}"]
            curve(axes, range(len(lengths)), lengths, color, label=f"α = {alpha:g}")
        axes.set(xlabel="epoch", ylabel="length of all weights")
        axes.legend(fontsize=9, loc="upper left")
        axes.set_ylim(0, None)

    yield picture(
        "alone", "A weight that the data says nothing about",
        "The weight falls along the geometric curve, the bias stays where it was.",
        alone,
    )  # fmt: skip
    yield picture(
        "digits", "In training on digits",
        "Without regularization the weights grow; with alpha 3 they stay shorter, with 30 they "
        "shrink.",
        digits,
    )  # fmt: skip


FIGURES: dict[str, Callable[[Results], Iterator[Picture]]] = {
    "descents": descents,
    "directions": directions,
    "sigmoid": sigmoid,
    "network": network,
    "logarithms": logarithms,
    "saturation": saturation,
    "spread": spread,
    "decay": decay,
}
"""Function that draws the figures of each experiment, by its name."""
