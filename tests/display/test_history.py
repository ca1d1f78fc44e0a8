"""A history is a dict that shows itself."""

import json
import sys

import pytest

import bpnet
from bpnet.training import History


@pytest.fixture(scope="module")
def trained():
    data = bpnet.data.load("digits", validation=0.1)
    nets = [bpnet.Network([64, 8, 10], seed=seed) for seed in range(2)]
    several = bpnet.train(nets, data, epochs=12, metrics="mse", seed=[0, 1], backend="numpy")
    alone = bpnet.Network([64, 8, 10], seed=0)
    return bpnet.train(alone, data, epochs=12, metrics="mse", backend="numpy"), several


def test_what_train_gives_is_a_dict_of_lists(trained):
    alone, several = trained
    for history in (alone, *several):
        assert isinstance(history, History)
        assert json.loads(json.dumps(history)) == history
        assert {len(values) for values in history.values()} == {12}


def test_a_name_that_a_history_has_not_is_answered_with_its_names():
    with pytest.raises(KeyError, match="no 'val_loss'; it has cost, validation_cost"):
        History(cost=[1.0], validation_cost=[1.0])["val_loss"]
    assert History(cost=[1.0]).get("val_loss") is None


def test_a_history_is_a_line(trained):
    text = repr(trained[0])
    assert text.startswith("History(12 epochs: cost ")
    assert f"validation accuracy {100 * trained[0]['validation_accuracy'][-1]:.1f} %" in text
    assert "\n" not in text
    assert repr(History()) == "History(0 epochs)"
    assert repr(History(cost=[1.0])) == "History(1 epoch: cost 1.0000)"


def test_a_page_has_the_first_and_the_last_epochs(trained):
    html = trained[0]._repr_html_()
    rows = [row.partition("<td>")[2].partition("<")[0] for row in html.split("<tr>")[2:]]
    assert rows == ["1", "2", "3", "4", "5", "&#8942;", "8", "9", "10", "11", "12"]
    assert html.count("<th>") * 11 == html.count("<td>")
    assert "<th>validation accuracy</th>" in html
    assert "&lt;b&gt;" in History({"<b>": [1.0]})._repr_html_()


def test_frames_have_a_row_an_epoch(trained):
    history = trained[0]
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = history.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert [*frame.index] == [*range(1, 13)]
    assert {name: [*frame[name]] for name in frame} == history
    other = history.to_frame("polars")
    assert isinstance(other, polars.DataFrame)
    assert other["epoch"].to_list() == [*range(1, 13)]
    assert other["cost"].to_list() == history["cost"]


def test_a_frame_that_cannot_be_made_is_refused_in_one_line(trained, monkeypatch):
    with pytest.raises(bpnet.InputError, match="library is 'excel'; give 'pandas' or 'polars'"):
        trained[0].to_frame("excel")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(bpnet.InputError, match="pip install pandas, or give library='polars'"):
        trained[0].to_frame()


def test_a_plot_has_training_and_validation_of_each_figure(trained):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    history = trained[0]
    axes = history.plot()
    try:
        assert [one.get_title() for one in axes] == ["cost", "accuracy", "mse"]
        for one, names in zip(
            axes,
            [("cost", "validation_cost"), ("accuracy", "validation_accuracy"), ("validation_mse",)],
            strict=True,
        ):
            drawn = [line.get_ydata().tolist() for line in one.lines]
            assert drawn == [history[name] for name in names]
            assert [*one.lines[0].get_xdata()] == [*range(1, 13)]
    finally:
        pyplot.close(axes[0].figure)
