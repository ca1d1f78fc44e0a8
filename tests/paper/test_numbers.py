"""Numbers of the experiments from the paper's formulas, and what each picture draws of them."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from bpnet import backends, data, paper
from bpnet.check.report import Row
from bpnet.cli import main
from bpnet.pages import markup
from bpnet.paper import Edition, experiments, figures, formulas, learning, page
from bpnet.paper.equations import EQUATIONS
from bpnet.paper.experiments import EXPERIMENTS, Results
from bpnet.paper.lab import Lab
from bpnet.paper.story import STORY

NUMPY = backends.get("numpy")
START = np.asarray(formulas.START)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z, float)))


@pytest.fixture(scope="module")
def results():
    return experiments.run(NUMPY)


def test_numbers_of_formulas(results):
    for name, eta in formulas.RATES.items():
        end = START * (1 - 2 * eta) ** 30
        assert results["descents"].numbers[f"C after 30 steps, {name}"] == pytest.approx(end @ end)
        assert len(results["descents"].curves[name]) == 31
    slopes = results["directions"].curves["slope"]
    assert results["directions"].numbers["length of the gradient"] == pytest.approx(
        2 * np.linalg.norm(START)
    )
    assert results["directions"].numbers["smallest slope"] == slopes.min()
    a = sigmoid([0.0, 8.0])
    assert results["sigmoid"].numbers["largest derivative"] == pytest.approx(0.25)
    assert results["sigmoid"].numbers["derivative at z = 8"] == pytest.approx(a[1] * (1 - a[1]))
    assert results["logarithms"].numbers["both at a = 0.5"] == pytest.approx(math.log(2))
    net = results["network"]
    a2, W3 = net.curves["a2"], net.curves["W3"]
    assert net.numbers["a_4^2"] == a2[3]
    assert net.curves["a3"][0] == net.numbers["a_1^3"]
    assert 0 < net.numbers["a_1^3"] < 1
    assert W3.shape == (1, 4)


@pytest.mark.parametrize("name", ["quadratic", "cross_entropy"])
def test_numbers_of_a_saturated_neuron(results, name):
    numbers, curves = results["saturation"].numbers, results["saturation"].curves
    a = sigmoid(-5.0)
    delta = (a - 1) * a * (1 - a) if name == "quadratic" else a - 1
    assert numbers[f"delta at z = -5, {name}"] == pytest.approx(delta)
    steps = numbers[f"steps to a = 0.5, {name}"]
    assert curves[f"a {name}"][steps - 1] <= 0.5 < curves[f"a {name}"][steps]
    assert len(curves[f"a {name}"]) == 300


def test_numbers_of_decay(results):
    numbers, curves = results["decay"].numbers, results["decay"].curves
    assert numbers["factor of a step"] == pytest.approx(1 - 0.5 * 2.0 / 20)
    np.testing.assert_allclose(curves["law"], 0.95 ** np.arange(61), rtol=1e-12)
    for alpha in (0, 3, 30):
        lengths = curves[f"alpha = {alpha}"]
        assert len(lengths) == 16  # before training, and after each of 15 epochs
        assert numbers[f"length at the end, alpha = {alpha}"] == lengths[-1]


def test_numbers_of_the_spread(results):
    numbers, curves = results["spread"].numbers, results["spread"].curves
    sizes, measured = curves["k"].tolist(), curves["measured"]
    m = len(data.load("digits").x)
    assert numbers["examples"] == m
    for k in (1, 100):
        assert numbers[f"spread at k = {k}"] == measured[sizes.index(k)]
    np.testing.assert_allclose(curves["law"] * np.sqrt(sizes), curves["law"][0], rtol=1e-12)
    without = curves["law"] * np.sqrt(1 - np.asarray(sizes) / m)
    np.testing.assert_allclose(curves["without replacement"], without, rtol=1e-12)


def test_the_law_of_the_spread_has_the_deviation_of_a_sample(monkeypatch):
    """Gradients of 20 examples, written out; their squares are shared out over 19."""
    digits = data.load("digits")
    few = SimpleNamespace(x=digits.x[:20], y=digits.y[:20], scale=digits.scale)
    monkeypatch.setattr(learning.data, "load", lambda _: few)
    monkeypatch.setattr(learning, "SIZES", (1, 2, 3, 4, 5, 10))
    made = []
    network = learning.Network
    monkeypatch.setattr(
        learning, "Network", lambda *a, **o: made.append(network(*a, **o)) or made[0]
    )
    with NUMPY.session("float64"):
        law = learning.spread(Lab(NUMPY)).curves["law"]
    (W1, b1), (W2, b2) = made[0].parameters
    x, y = few.x * few.scale, np.eye(10)[few.y]
    a1 = sigmoid(x @ W1 + b1)
    d2 = sigmoid(a1 @ W2 + b2) - y
    d1 = (d2 @ W2.T) * a1 * (1 - a1)
    parts = [x[:, :, None] * d1[:, None], d1, a1[:, :, None] * d2[:, None], d2]
    each = np.concatenate([part.reshape(20, -1) for part in parts], axis=1)
    variance = ((each - each.mean(axis=0)) ** 2).sum() / 19
    np.testing.assert_allclose(law[0], math.sqrt(variance), rtol=1e-12)


@pytest.fixture(scope="module")
def drawn(results):
    """Axes of each picture, by its name, with its title and its words."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    pictures = {}

    def picture(name, title, says, paint, **subplot):
        axes = Figure().add_subplot(**subplot)
        paint(axes)
        pictures[name] = axes, title, says
        return name

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "picture", picture)
        for name, draw in figures.FIGURES.items():
            list(draw(results[name]))
    return pictures


def lines(drawn, name):
    """Points of the lines of a picture, and their dashes, by their labels."""
    axes = drawn[name][0]
    return {
        line.get_label(): (line.get_xydata(), line.get_linestyle()) for line in axes.get_lines()
    }


def same(points, x, y):
    np.testing.assert_allclose(points[:, 0], x, rtol=1e-12)
    np.testing.assert_allclose(points[:, 1], y, rtol=1e-12)


def test_every_experiment_has_its_pictures(drawn):
    assert list(figures.FIGURES) == list(EXPERIMENTS)
    titles = [title for _, title, _ in drawn.values()]
    numbers = [title.split(":")[0] for title in titles if title.startswith("Figure")]
    assert numbers == [f"Figure {n}" for n in range(1, 7)]
    assert len(set(drawn)) == len(titles)


@pytest.mark.parametrize(
    ("name", "x", "y", "scales"),
    [
        ("path", "x", "y", "linear linear"), ("rates", "step", "C", "linear log"),
        ("across", "step", "x", "linear linear"), ("sigmoid", "z", "", "linear linear"),
        ("slopes", "direction of v in degrees", "∇C · v", "linear linear"),
        ("log1", "a", "cost where y = 1", "linear linear"),
        ("log0", "a", "cost where y = 0", "linear linear"),
        ("errors", "z", "δ, where y = 1", "linear linear"),
        ("outputs", "step", "output a; 1 is wanted", "linear linear"),
        ("spread", "k, examples in a mini-batch", "distance from ∇C", "log log"),
        ("alone", "step", "", "linear linear"),
        ("digits", "epoch", "length of all weights", "linear linear"),
    ],
)  # fmt: skip
def test_axes_are_named_and_scaled(drawn, name, x, y, scales):
    axes = drawn[name][0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (x, y)
    assert f"{axes.get_xscale()} {axes.get_yscale()}" == scales


def test_pictures_of_descent(drawn, results):
    curves = results["descents"].curves
    rates = lines(drawn, "rates")
    assert len(rates) == len({dash for _, dash in rates.values()}) == 4
    for (points, _), (name, eta) in zip(rates.values(), formulas.RATES.items(), strict=True):
        same(points, range(31), (curves[name] ** 2).sum(axis=1))
        assert rf"$\eta$ = {eta:g}, {name}" in rates
    across = lines(drawn, "across")
    assert list(across) == ["0.01, too small", "0.95, large", "1.02, too large"]
    for label, (points, _) in across.items():
        same(points, range(31), curves[label.partition(", ")[2]][:, 0])
    path = [p for p, _ in lines(drawn, "path").values()][-1]
    same(path, curves["suitable"][:, 0], curves["suitable"][:, 1])
    ring = drawn["path"][0].get_lines()[1].get_xydata()
    np.testing.assert_allclose(np.hypot(*ring.T), 1.0)
    assert "0.1" in drawn["path"][1]


def test_pictures_of_directions(drawn, results):
    curves, numbers = results["directions"].curves, results["directions"].numbers
    wave, least = (line.get_xydata() for line in drawn["slopes"][0].get_lines())
    same(wave, curves["angle"], curves["slope"])
    assert least.tolist() == [[numbers["angle of steepest descent"], curves["slope"].min()]]
    arrows = [a for a in drawn["arrows"][0].texts if getattr(a, "arrow_patch", None)]
    assert len(arrows) == 25
    for arrow in arrows[:-1]:
        rises = (arrow.xy - START) @ START > 0
        color = figures.COLORS["three" if rises else "one"]
        if abs((arrow.xy - START) @ START) > 1e-6:
            assert arrow.arrow_patch.get_edgecolor()[:3] == pytest.approx(rgb(color))
    steepest = arrows[-1].xy - START
    np.testing.assert_allclose(steepest, -1.5 * START / np.linalg.norm(START))


def rgb(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def test_pictures_of_the_sigmoid_and_of_logarithms(drawn, results):
    a, prime = (line.get_xydata() for line in drawn["sigmoid"][0].get_lines())
    z = results["sigmoid"].curves["z"]
    same(a, z, sigmoid(z))
    same(prime, z, sigmoid(z) * (1 - sigmoid(z)))
    x = results["logarithms"].curves["a"]
    (one,), (zero,) = (drawn[name][0].get_lines() for name in ("log1", "log0"))
    same(one.get_xydata(), x, -np.log(x))
    same(zero.get_xydata(), x, -np.log(1 - x))
    assert drawn["log1"][1].endswith("−ln a")
    assert "is 0 at a = 1 and grows without bound near 0" in drawn["log1"][2]
    assert "is 0 at a = 0 and grows without bound near 1" in drawn["log0"][2]


def test_pictures_of_learning(drawn, results):
    for name, key, x in (("errors", "delta", None), ("outputs", "a", range(300))):
        by_label, curves = lines(drawn, name), results["saturation"].curves
        for cost, label in figures._NAMES.items():
            same(by_label[label][0], curves["z"] if x is None else x, curves[f"{key} {cost}"])
    assert drawn["errors"][0].get_lines()[-1].get_xdata()[0] == -5.0
    steps = results["saturation"].numbers["steps to a = 0.5, quadratic"]
    assert f"for {steps} steps" in drawn["outputs"][2]
    spread, curves = lines(drawn, "spread"), results["spread"].curves
    for label, name in {"σ / √k": "law", "measured": "measured",
                        "σ / √k · √(1 − k/m)": "without replacement"}.items():  # fmt: skip
        same(spread[label][0], curves["k"], curves[name])
    alone, curves = lines(drawn, "alone"), results["decay"].curves
    same(alone["(1 − ηα/m) to the power of the step"][0], range(61), curves["law"])
    same(alone["w"][0], range(0, 61, 4), curves["w"][::4])
    same(alone["b"][0], range(0, 61, 4), curves["b"][::4])
    for alpha in learning.ALPHAS:
        same(lines(drawn, "digits")[f"α = {alpha:g}"][0], range(16), curves[f"alpha = {alpha:g}"])


def test_neurons_of_figure_4_stand_in_columns_from_the_first_down(drawn, results):
    texts = [t for t in drawn["network"][0].texts if t.get_text().replace(".", "").isdigit()]
    curves = results["network"].curves
    shown = [f"{v:.2f}" for name in ("a1", "a2", "a3") for v in curves[name]]
    assert [text.get_text() for text in texts] == shown
    places = [text.get_position() for text in texts]
    assert [x for x, _ in places] == [0] * 5 + [2] * 4 + [4]
    assert places[0][1] == 2.0
    assert places[4][1] == -2.0
    first = drawn["network"][0].get_lines()[0].get_xydata()
    assert first.tolist() == [[0, 2.0], [2, 1.5]]  # from x_1 to the first hidden neuron


def test_a_picture_is_the_same_each_time_and_has_ids_of_its_own():
    pytest.importorskip("matplotlib")
    from bpnet.paper.pictures import COLORS, picture

    paint = lambda axes: axes.plot([0, 1], [1, 0], color=COLORS["one"], clip_on=True)  # noqa: E731
    one, again = (picture("first", "t", "s", paint) for _ in range(2))
    other = picture("second", "t", "s", paint)
    assert one == again
    assert 'id="first-' in one.svg
    assert "second-" not in one.svg
    assert "first-" not in other.svg
    assert 'href="#first-' in one.svg
    assert COLORS["one"] not in one.svg
    assert "var(--one)" in one.svg
    assert one.svg.startswith('<svg aria-hidden="true" focusable="false"')
    assert "<metadata>" not in one.svg
    head = one.svg[: one.svg.index(">")]
    assert "viewBox" in head
    assert "width=" not in head
    assert "height=" not in head


def test_the_parts_show_every_equation_once_in_order():
    numbers = [n for part in STORY for n in part.equations]
    assert numbers == list(range(1, 30)) == sorted(EQUATIONS)
    assert sorted(name for part in STORY for name in part.experiments) == sorted(EXPERIMENTS)


def test_a_number_takes_its_own_form_and_a_true_minus_sign():
    text = "{a:.2f} and {a:.0f}, {b:.1e}; {c:.1f} stays"
    assert page._filled(text, {"a": -1.256, "b": 20.0}) == "−1.26 and −1, 2.0e+01; {c:.1f} stays"


def row(error, dtype="float64"):
    return Row("equations", "(3) a step", dtype, error, 1e-12, "a < b")


def test_an_equation_shows_each_of_its_checks():
    pytest.importorskip("jinja2")
    group = [(3, EQUATIONS[3], [row(1e-13), row(1.0, "float32")])]
    part = {"title": "T", "says": ["S"], "pairs": [(group, [])], "pictures": []}
    html = markup.html(
        "paper.html", {"mathml": lambda latex: "<math/>", "colored": str}, version="1",
        highlighting="", verdict="v", verdict_class="fail", about={}, parts=[part], slips={},
    )  # fmt: skip
    assert EQUATIONS[3].says.partition("'")[0] in html
    assert 'id="eq-3"' in html
    assert (
        '<li class="pass"><b>passed</b> in float64: error 1.0e-13, at most 1e-12 a &lt; b' in html
    )
    assert '<li class="fail"><b>FAILED</b> in float32: error 1.0e+00, at most 1e-12' in html


@pytest.mark.parametrize(
    ("errors", "passed", "verdict"),
    [((0.0, 0.0), True, "all 3 checks passed"), ((0.0, 1.0), False, "1 of 3 checks FAILED"),
     ((1.0, 0.0), False, "1 of 3 checks FAILED"), ((1.0, 1.0), False, "2 of 3 checks FAILED")],
)  # fmt: skip
def test_an_edition_has_passed_where_every_check_has(errors, passed, verdict):
    rows = {1: [row(errors[0]), row(0.0)], 2: [row(errors[1])]}
    edition = Edition(NUMPY, rows, {"x": Results({}, {"n": 1.5})})
    assert (edition.passed, edition.verdict) == (passed, verdict)
    plain = edition.as_dict()
    assert (plain["passed"], plain["backend"]) == (passed, "numpy")
    assert plain["version"] == NUMPY.version
    assert plain["experiments"] == {"x": {"n": 1.5}}
    assert [len(plain["equations"][n]) for n in (1, 2)] == [2, 1]


def test_the_command_is_quiet_and_fails_by_its_status(tmp_path, monkeypatch, capsys):
    rows = {1: [row(0.0)]}
    edition = Edition(NUMPY, rows, {})
    monkeypatch.setattr(Edition, "html", lambda self, version: "page")
    monkeypatch.setattr(paper, "make", lambda backend: edition)
    out = ["-o", str(tmp_path / "p.html"), "--backend", "numpy", "-q"]
    assert main(["paper", *out]) == 0
    assert capsys.readouterr().out == ""
    rows[1].append(row(1.0))
    assert main(["paper", *out]) == 1
    assert capsys.readouterr().out.startswith("FAIL  equations  (3) a step")
    assert main(["paper", *out, "--json"]) == 1
    assert main(["paper", "-o", str(paper.sources.CORE / "costs.py")]) == 2
