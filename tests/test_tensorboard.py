"""Event files, read back by TensorBoard's own reader."""

import json
import struct

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from bpnet.tensorboard import TensorBoard
from bpnet.training import Distributions

FAST = ["--recipe", "none", "--hidden", "8", "--learning-rate", "0.02", "--backend", "numpy", "-q"]


def read(folder):
    """What TensorBoard finds in a folder."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder), size_guidance={"histograms": 0})
    events.Reload()
    return events


def scalars(events, tag):
    return {event.step: event.value for event in events.Scalars(tag)}


def test_every_figure_of_the_history_is_there(tmp_path):
    run = tmp_path / "run"
    assert main(["train", *FAST, "--epochs", "3", "--tensorboard", "--out", str(run)]) == 0
    history = json.loads((run / "history.json").read_text())
    events = read(run / "tensorboard")
    tags = {
        "cost": "cost/training",
        "accuracy": "accuracy/training",
        "validation_cost": "cost/validation",
        "validation_accuracy": "accuracy/validation",
        "learning_rate": "learning_rate",
        "seconds": "seconds",
    }
    assert set(tags) == set(history)
    for name, tag in tags.items():
        expected = dict(enumerate(history[name], start=1))
        assert scalars(events, tag) == pytest.approx(expected)
    records = json.loads((run / "distributions.json").read_text())
    expected = {record["epoch"]: record["layers"][1]["updates"][2] for record in records}
    assert scalars(events, "updates/layer_2") == pytest.approx(expected)
    assert scalars(events, "silent/layer_1")[3] == pytest.approx(records[-1]["layers"][0]["silent"])


def test_the_last_histograms_are_those_of_the_model(tmp_path):
    data = bpnet.data.load("digits")
    net = bpnet.Network([64, 8, 10], seed=0)
    bpnet.train(net, data, epochs=2, callbacks=[TensorBoard(tmp_path)])
    events = read(tmp_path)
    for l in (1, 2):
        for name, arrays in (("weights", net.weights), ("biases", net.biases)):
            histograms = events.Histograms(f"layer_{l}/{name}")
            last, values = histograms[-1].histogram_value, arrays[l - 1]
            assert [event.step for event in histograms] == [1, 2]
            assert last.num == values.size
            assert (last.min, last.max) == pytest.approx((values.min(), values.max()))
            assert last.sum == pytest.approx(values.sum(), abs=1e-4)


def test_a_run_taken_up_again_goes_on_in_the_same_charts(tmp_path):
    X, y = bpnet.data.load("digits").test
    board = tmp_path / "events"

    class Stop(bpnet.Callback):
        def on_epoch_end(self, run):
            if run.epoch == 1:
                run.stop("SIGTERM")

    def train(*callbacks, resume=False):
        net = bpnet.Network([64, 8, 10], seed=0)
        seen = Distributions()
        return bpnet.train(
            net, (X / 16, y), epochs=4, checkpoint=tmp_path / "kept", resume=resume,
            callbacks=[seen, TensorBoard(board, seen), *callbacks],
        )  # fmt: skip

    train(Stop())
    history = train(resume=True)
    points = scalars(read(board), "cost/training")
    assert points == pytest.approx(dict(enumerate(history["cost"], start=1)))


def test_a_folder_of_its_own_and_what_cannot_be_one(tmp_path, capsys):
    run, events = tmp_path / "run", tmp_path / "events"
    arguments = ["train", *FAST, "--epochs", "1", "--tensorboard-folder", str(events)]
    assert main([*arguments, "--out", str(run)]) == 0
    assert read(events).Tags()["scalars"]
    assert not (run / "tensorboard").exists()
    (tmp_path / "file").touch()
    arguments[-1] = str(tmp_path / "file")
    assert main([*arguments, "--out", str(tmp_path / "other")]) == 2
    assert "is not a folder; give the event files another name" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_run_that_diverges_leaves_no_event_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{x},{50.5 * x}" for x in np.linspace(0, 1, 90))
    (tmp_path / "line.csv").write_text(f"x,y\n{rows}\n")
    arguments = ["train", "line.csv", "--target", "y", "--out", "run", "--tensorboard", "-q"]
    assert main([*arguments, "--optimizer", "sgd", "--learning-rate", "1e9"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["line.csv"]


def test_without_the_library_it_says_which(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(bpnet.InputError, match=r'pip install "tensorboardX>=2.6.2"'):
        TensorBoard(tmp_path)


def test_records_are_framed_as_the_format_says(tmp_path):
    """Length, its check sum, data, theirs: each record ends where the next begins."""
    data = bpnet.data.load("digits").test
    net = bpnet.Network([64, 10], seed=0)
    bpnet.train(net, (data[0] / 16, data[1]), epochs=1, callbacks=[TensorBoard(tmp_path)])
    (path,) = tmp_path.glob("events.out.tfevents.*")
    content, at = path.read_bytes(), 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        at += 8 + 4 + length + 4
    assert at == len(content)
