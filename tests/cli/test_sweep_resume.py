"""``bpnet sweep --resume``: a sweep that was ended early keeps its ranking, and is taken up."""

import json
import signal

import pytest

from bpnet import runs
from bpnet.cli import main
from bpnet.sweep import Ledger

OPTIONS = [
    "digits", "--hidden", "6", "--epochs", "3", "--learning-rate", "0.003,0.01,0.03",
    "--seeds", "2", "--batch-size", "128", "--backend", "numpy", "--quiet",
]  # fmt: skip
FOLDS = ["--folds", "2", "--patience", "1"]


def ledger(folder):
    return json.loads((folder / "sweep.json").read_text())


def outcome(folder):
    history = json.loads((folder / "history.json").read_text())
    history.pop("seconds")
    model, config = ((folder / n).read_bytes() for n in ("model.safetensors", "config.toml"))
    return ledger(folder)["configurations"], history, model, config


def after(patch, count, then):
    """Let something happen when so many networks are trained."""
    note = Ledger.note

    def noting(self, i, end):
        note(self, i, end)
        if len(self.trained) == count:
            then()

    patch.setattr(Ledger, "note", noting)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("more", [[], FOLDS], ids=["validation", "folds"])
def test_stopped_among_its_networks_it_keeps_them_and_goes_on(
    tmp_path, capsys, monkeypatch, number, more
):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert main(["sweep", *OPTIONS, *more, "--out", str(whole)]) == 0
    usual = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            # one after another, as larger networks are: else all end at once
            patch.setattr("bpnet.training.stacking.size", lambda *_: 1)
            after(patch, 3, lambda: signal.raise_signal(number))
            status = main(["sweep", *OPTIONS, *more, "--out", str(folder)])
    finally:
        signal.signal(signal.SIGINT, usual)
    assert status == 128 + number
    said = capsys.readouterr().out
    assert f"go on with: bpnet sweep --resume {folder}" in said
    stored = ledger(folder)
    assert stored["finished"] is False
    assert [i for i, _, _ in stored["trained"]] == [0, 1, 2]
    each = 4 if more else 2
    expected = {c["learning_rate"]: c for c in ledger(whole)["configurations"]}
    assert len(stored["configurations"]) == 3 // each
    for row in stored["configurations"]:
        assert row["scores"] == expected[row["learning_rate"]]["scores"]
    for command in (["train", "--resume", str(folder)], ["sweep", *OPTIONS, "--out", str(folder)]):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert f"go on with: bpnet sweep --resume {folder}" in error
        assert error.count("\n") == 1
    trained = []
    with monkeypatch.context() as patch:
        note = Ledger.note
        patch.setattr(Ledger, "note", lambda s, i, end: trained.append(i) or note(s, i, end))
        assert main(["sweep", "--resume", str(folder), "--quiet"]) == 0
    assert sorted(trained) == list(range(3, 3 * each))
    assert ledger(folder)["finished"] is True
    assert outcome(folder) == outcome(whole)
    capsys.readouterr()
    assert main(["sweep", "--resume", str(folder)]) == 0
    assert "is finished: nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["train", "sweep"])
@pytest.mark.parametrize("more", [["--patience", "2"], FOLDS], ids=["validation", "folds"])
def test_stopped_while_it_trains_the_best_it_goes_on_as_a_run(
    tmp_path, capsys, monkeypatch, command, more
):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert main(["sweep", *OPTIONS, *more, "--out", str(whole)]) == 0
    with monkeypatch.context() as patch:
        write = runs.Recorder.on_epoch_end

        def stopping(self, run):
            write(self, run)
            signal.raise_signal(signal.SIGTERM)

        patch.setattr(runs.Recorder, "on_epoch_end", stopping)
        assert main(["sweep", *OPTIONS, *more, "--out", str(folder)]) == 143
    assert f"go on with: bpnet train --resume {folder}" in capsys.readouterr().out
    assert ledger(folder)["finished"] is True  # the ranking is whole
    assert ledger(folder)["configurations"] == ledger(whole)["configurations"]
    epochs = len(json.loads((folder / "history.json").read_text())["cost"])
    assert epochs == 1
    assert list((folder / "checkpoints").glob("step-*"))
    assert (folder / "model.safetensors").is_file()
    assert main([command, "--resume", str(folder), "--quiet"]) == 0
    assert "is finished" not in capsys.readouterr().out
    assert outcome(folder) == outcome(whole)


def test_options_of_the_sweep_are_refused_beside_resume(tmp_path, capsys):
    for more in (["digits"], ["--epochs", "2"], ["--learning-rate", "1"], ["--out", "x"]):
        assert main(["sweep", "--resume", str(tmp_path), *more]) == 2
        assert "leave " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h: h["asked"].update(out="/somewhere"), "has the option out"),
        (lambda h: h["asked"].update(epochs="many"), "--epochs"),
        (lambda h: h["trained"].append([0, "good", 1]), "damaged"),
        (lambda h: h["trained"].append([-1, 0.5, 1]), "damaged"),
        (lambda h: h.update(trained=7), "damaged"),
        (lambda h: h.update(asked=[]), "damaged"),
        (lambda h: h.update(seconds=1e999), "damaged"),
        (lambda h: h.pop("trained"), "older bpnet"),
        (lambda h: h.update(data="0" * 32), "the data is not what the sweep"),
    ],
)
def test_a_ledger_that_anyone_may_have_written_is_refused(tmp_path, capsys, change, said):
    folder = tmp_path / "run"
    assert main(["sweep", *OPTIONS, "--out", str(folder)]) == 0
    (folder / "config.toml").unlink()
    (folder / "model.safetensors").unlink()
    content = ledger(folder)
    change(content)
    (folder / "sweep.json").write_text(json.dumps(content))
    capsys.readouterr()
    assert main(["sweep", "--resume", str(folder)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert ledger(folder)["configurations"]  # what was trained is not lost


def test_what_is_no_sweep_is_refused(tmp_path, capsys):
    assert main(["sweep", "--resume", str(tmp_path)]) == 2
    assert "is not the folder of a sweep" in capsys.readouterr().err
