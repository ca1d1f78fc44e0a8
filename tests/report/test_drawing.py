"""The style of all pictures: colors, texts of places, axes and files."""

import re

import pytest

from bpnet.errors import InputError
from bpnet.pages import drawing, picture_files
from bpnet.pages.drawing import DARK, LIGHT
from tests.report.drawn import rgb

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_and_curves_can_be_told_from_the_background(theme):
    """Contrast by WCAG 2.1: 4.5 for text, 3 for what is drawn."""

    def luminance(color):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(color)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    settings = theme.settings()
    assert {settings["figure.facecolor"], settings["axes.facecolor"]} == {theme.surface}
    for name in ("axes.labelcolor", "axes.titlecolor", "text.color", "xtick.labelcolor",
                 "ytick.labelcolor", "axes.edgecolor"):  # fmt: skip
        assert contrast(settings[name], theme.surface) >= 4.5, name
    assert min(contrast(color, theme.surface) for color in theme.series) >= 3
    assert len(set(theme.series)) == len(theme.series)


def drawn(draw, height=2.0, **options):
    return drawing.render("x", "signs", draw, height, **options)


def test_signs_that_the_font_lacks_are_drawn_without_a_word():
    picture = drawn(lambda figure, _: figure.suptitle("\U00012000") and None, title="Signs")
    assert "\U00012000" in picture.svg
    assert (picture.name, picture.alt, picture.title, picture.png) == ("x", "signs", "Signs", b"")


def test_a_drawing_has_the_pages_colors_names_of_its_own_and_no_size():
    def draw(figure, theme):
        axes = figure.subplots()
        axes.set_title("a", color=theme.muted)
        for color in theme.series:
            axes.plot([0, 1], [0, 1], "o", color=color)
        axes.set_facecolor(theme.surface)

    svg = drawn(draw).svg
    names = {"surface", "ink", "muted", "grid", "one", "two", "three", "four", "five", "six",
             "seven"}  # fmt: skip
    assert set(re.findall(r"var\(--([a-z]+)\)", svg)) == names
    assert all(name.startswith("x-") for name in re.findall(r'\bid="([^"]*)"', svg))
    assert all(name.startswith("x-") for name in re.findall(r'href="#([^"]*)"', svg))
    head = svg[: svg.index(">")]
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert 'aria-hidden="true"' in head
    assert "width=" not in head
    assert 'viewBox="0 0 345.6 144"' in head  # 4.8 by 2 inches in points
    assert "<metadata>" not in svg
    assert drawn(draw).svg == svg
    light = drawing.in_light(svg).decode()
    assert "var(" not in light
    assert all(color in light for color in (*LIGHT.series, LIGHT.muted))


def test_places_tell_their_values_over_at_least_eight_points():
    def draw(figure, theme):
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 345.6), ylim=(0, 144))
        return [drawing.Spot(axes, "a < b\nc", (100, 120), (40, 44)),
                drawing.Spot(axes, "whole", (10, 10))]  # fmt: skip

    svg = drawn(draw).svg
    spots = re.findall(r'<rect class="spot" (.*?)><title>(.*?)</title></rect>', svg, re.DOTALL)
    assert spots == [
        ('x="100.0" y="98.0" width="20.0" height="8.0"', "a &lt; b\nc"),
        ('x="6.0" y="0.0" width="8.0" height="144.0"', "whole"),
    ]
    assert "spot" not in drawing.in_light(svg).decode()


def test_columns_reach_half_of_the_way_to_the_next():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.set_xlim(5, 0)
    found = drawing.columns(axes, [1, 2, 4], ["a", "b", "c"])
    assert [(spot.text, spot.x, spot.y) for spot in found] == [
        ("a", (0, 1.5), None), ("b", (1.5, 3), None), ("c", (3, 5), None)
    ]  # fmt: skip
    assert len(drawing.columns(axes, range(400), ["a"] * 400)) == 400
    assert drawing.columns(axes, range(401), ["a"] * 401) == []


def test_bars_tell_their_values_the_first_on_top():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    long = "c" * 30
    spots = drawing.bars(axes, LIGHT, ["a", long], [2.0, -1.0], ["two", "less"], errors=[0.5, 0.25])
    assert [(bar.get_width(), bar.get_y() + 0.3) for bar in axes.patches] == [(2, 0), (-1, 1)]
    assert axes.yaxis_inverted()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", drawing.short(long, 24)]
    assert {text.get_text(): text.xy for text in axes.texts} == {
        "two": (2.5, 0), "less": (0.25, 1)
    }  # fmt: skip
    assert [spot.text for spot in spots] == ["a: two", f"{long}: less"]
    assert [spot.y for spot in spots] == [(-0.45, 0.45), (0.55, 1.45)]
    assert {spot.x for spot in spots} == {axes.get_xlim()}


@pytest.mark.parametrize(
    ("high", "ticks"), [(299, [1, 2, 5, 10, 20, 50, 100, 200]), (300, [1, 10, 100])]
)
def test_ticks_of_a_logarithmic_axis_are_plain_numbers(high, ticks):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.set(xscale="log", xlim=(1, high))
    drawing.log_axis(axes.xaxis, 1, high)
    there = [t for t in axes.xaxis.get_major_locator()() if 1 <= t <= high]
    assert there == pytest.approx(ticks)
    assert axes.xaxis.get_major_formatter()(20.0) == "20"
    assert len(axes.xaxis.get_minor_locator()()) == 0


def test_where_there_is_no_color_the_background_shows():
    fading = drawing.shades("#ff0000", "", "#0000ff")
    assert fading(0.0) == (1.0, 0.0, 0.0, 1.0)
    assert fading(1.0) == (0.0, 0.0, 1.0, 1.0)
    assert fading(0.5)[3] < 0.02
    assert drawing.shades("", "#0000ff")(0.0)[3] == 0.0


def test_a_page_has_both_sets_of_colors_dark_ones_for_dark_screens():
    light, dark = drawing.style().split("@media screen and (prefers-color-scheme: dark)")
    for text, theme in ((light, LIGHT), (dark, DARK)):
        assert f"--surface: {theme.surface};" in text
        assert f"--seven: {theme.seven};" in text
        assert text.count("--") == 11


@pytest.mark.parametrize("name", ["a.PNG", "a.svg", "b.pdf"])
def test_pictures_that_stand_alone_have_the_form_of_their_ending(tmp_path, name):
    picture_files.check(tmp_path / name)
    path = picture_files.save(
        tmp_path / name, lambda f, t: f.text(0, 0, "a"), "T", ["d", "", "m"], (2, 1)
    )
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert path == tmp_path / name
    assert path.read_bytes().startswith(starts[name[2:].lower()])
    assert [p.name for p in tmp_path.iterdir()] == [name]
    gone = tmp_path / "gone" / name
    with pytest.raises(InputError, match=r"can't be written .*; give a folder that is there"):
        picture_files.save(gone, lambda f, t: None, "T", [], (2, 1))


@pytest.mark.parametrize("name", ["a.jpg", "a", "png"])
def test_no_other_ending_is_a_pictures(tmp_path, name):
    with pytest.raises(InputError, match=f"not {name!r}; rename it"):
        picture_files.check(tmp_path / name)
