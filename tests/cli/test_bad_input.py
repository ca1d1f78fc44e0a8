"""Bad input: one line on standard error, exit status 2, nothing left behind."""

import os
import pickle
import subprocess
import sys
from typing import get_type_hints

import numpy as np
import pytest

from bpnet.cli import _NAMED, main
from bpnet.cli.app import COMMANDS, load


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Working folder with files good and bad."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BPNET_BACKEND", raising=False)
    x = np.arange(80, dtype=np.float32).reshape(20, 4)
    y = np.arange(20) % 2
    np.savez("good.npz", x=x, y=y)
    nan = x.copy()
    nan[3, 2] = np.nan
    np.savez("nan.npz", x=nan, y=y)
    np.savez("one.npz", x=x, y=np.zeros(20, int))
    np.savez("short.npz", x=x, y=y[:-1])
    np.savez("pickle.npz", x=np.asarray([{}] * 20, dtype=object), y=y)
    with open("pickle.npy", "wb") as file:
        pickle.dump(x, file)
    np.save("y.npy", y)
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20))
    (tmp_path / "t.csv").write_text(f"size,kind\n{rows}")
    return tmp_path


CASES = {
    "missing file": (["nowhere.npz"], "nowhere.npz"),
    "truncated": (["cut.npz"], "cut.npz"),
    "lengths differ": (["short.npz"], "19"),
    "NaN": (["nan.npz"], "row 3"),
    "one class": (["one.npz"], "class"),
    "unknown target": (["t.csv", "--target", "kin"], "kind"),
    "no target": (["t.csv"], "--target"),
    "pickle in npz": (["pickle.npz"], "object"),
    "pickle as npy": (["pickle.npy,y.npy"], "pickle.npy"),
    "epochs 0": (["good.npz", "--epochs", "0"], "epochs"),
    "epochs negative": (["good.npz", "--epochs", "-3"], "epochs"),
    "hidden 0": (["good.npz", "--hidden", "0"], "neurons"),
    "hidden text": (["good.npz", "--hidden", "a,b"], "--hidden"),
    "learning rate nan": (["good.npz", "--learning-rate", "nan"], "learning_rate"),
    "learning rate 0": (["good.npz", "--learning-rate", "0"], "learning_rate"),
    "batch negative": (["good.npz", "--batch-size", "-1"], "batch_size"),
    "l2 negative": (["good.npz", "--l2", "-1"], "l2"),
    "dropout 1": (["good.npz", "--dropout", "1"], "dropout"),
    "validation 2": (["good.npz", "--validation", "2"], "2"),
    "dtype": (["good.npz", "--dtype", "float31"], "float32"),
    "seed negative": (["good.npz", "--seed", "-1"], "seed"),
    "activation": (["good.npz", "--activation", "rleu"], "'relu'"),
    "cost": (["good.npz", "--cost", "cross_entorpy"], "'cross_entropy'"),
    "cost and output": (["good.npz", "--cost", "poisson"], "Softmax"),
    "optimizer": (["good.npz", "--optimizer", "adm"], "'adam'"),
    "backend unknown": (["good.npz", "--backend", "nmpy"], "numpy"),
    "backend without GPU": (["good.npz", "--backend", "cupy"], "cupy"),
    "unknown option": (["good.npz", "--epoch", "3"], "--epochs"),
    "epochs text": (["good.npz", "--epochs", "many"], "many"),
    "unknown built-in": (["digit"], "digits"),
}


@pytest.mark.parametrize(("arguments", "word"), CASES.values(), ids=CASES.keys())
def test_train_refuses_in_one_line(place, capsys, arguments, word):
    before = sorted(os.listdir(place))

    status = main(["train", *arguments, "--out", "run"])

    out, error = capsys.readouterr()
    assert status == 2
    assert error.count("\n") == 1
    assert error.startswith("bpnet: error: ")
    assert word in error
    assert not out
    assert sorted(os.listdir(place)) == before


@pytest.fixture
def strange(place):
    """The working folder with a run, and names that lead to no file."""
    assert main(["train", "good.npz", "--epochs", "1", "--hidden", "2", "-q", "--out", "run"]) == 0
    for ending in (".csv", ".npz", ".npy", ".parquet"):
        os.mkfifo(f"pipe{ending}")
        (place / f"loop{ending}").symlink_to(f"loop{ending}")
    (place / "odd").mkdir()
    (place / "odd" / "model.safetensors").symlink_to("../run/model.safetensors")
    os.mkfifo("odd/config.toml")
    return place


LONG = "x" * 300
STRANGE = [
    *(["predict", "run", f"{kind}{ending}", "-o", "p.csv"]
      for kind in ("pipe", "loop", LONG) for ending in (".csv", ".npz", ".npy", ".parquet")),
    ["train", "pipe.npy,y.npy"], ["train", "pipe.parquet", "--stream", "--target", "y"],
    ["train", "good.npz", "--sample-weight", "pipe.npy"], ["train", "--resume", "odd"],
    ["train", "--resume", LONG], ["evaluate", "odd", "good.npz"], ["evaluate", LONG, "good.npz"],
    ["export", LONG, "m.onnx"], ["report", LONG], ["report", "run", "--out", LONG],
    ["train", "good.npz", "--out", LONG], ["train", "good.npz", "--out", "-"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", STRANGE, ids=lambda a: " ".join(a).replace(LONG, "LONG"))
def test_names_that_lead_to_no_file_are_refused_at_once(strange, capsys, arguments):
    before = sorted(strange.rglob("*"))
    capsys.readouterr()
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert error.startswith("bpnet: error: ")
    assert sorted(strange.rglob("*")) == before


def test_a_name_that_the_screen_cannot_show(place):
    name = b"\xff.csv"
    assert main(["train", "good.npz", "--epochs", "1", "--hidden", "2", "-q", "--out", "run"]) == 0
    done = subprocess.run(
        [sys.executable, "-m", "bpnet", "predict", "run", "good.npz", "-o", os.fsdecode(name)],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"}, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"20 predictions: \\")
    assert name in os.listdir(b".")


def test_an_empty_name_is_not_this_folder(place, capsys):
    """What a shell makes of a variable that is not set."""
    for option in _NAMED:
        for arguments in (["train", option, ""], ["train", f"{option}="]):
            assert main(arguments) == 2
            assert capsys.readouterr().err == f"bpnet: error: {option} is empty; give a name\n"
    for arguments in (["evaluate", ""], ["predict", "run", "", "-o", "p.csv"], ["train", ""]):
        assert main(arguments) == 2
        assert "is empty; give a name" in capsys.readouterr().err


def test_every_option_that_takes_a_path_is_known():
    named = set()
    for command in map(load, COMMANDS):
        kinds = get_type_hints(command.callback)
        taking = [p for p in command.params if "Path" in str(kinds.get(p.name, ""))]
        named |= {name for p in taking for name in p.opts if name.startswith("-")}
    assert {"--out", "--plot", "--resume"} <= named
    assert named <= set(_NAMED)


def test_out_that_is_not_empty_is_refused(place, capsys):
    assert main(["train", "good.npz", "--out", "."]) == 2
    assert "not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_folder_that_is_no_run_is_refused(place, capsys, command):
    extra = ["good.npz", "-o", "p.csv"] if command == "predict" else []
    assert main([command, ".", *extra]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (place / "p.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [["evaluate", "no"], ["predict", "no", "good.npz", "-o", "p.csv"], ["train", "--resume", "no"],
     ["report", "no"], ["export", "no", "m.onnx"]],
    ids=" ".join,
)  # fmt: skip
def test_a_run_that_is_not_there_is_said_to_be_missing(place, capsys, arguments):
    assert main(arguments) == 2
    assert "there is no run at no; give the folder" in capsys.readouterr().err


def test_a_damaged_model_is_refused(place, capsys):
    assert main(["train", "good.npz", "--epochs", "1", "-q", "--out", "run"]) == 0
    model = place / "run" / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-7])
    capsys.readouterr()

    assert main(["predict", "run", "good.npz", "-o", "p.csv"]) == 2
    error = capsys.readouterr().err
    assert "model.safetensors" in error
    assert error.count("\n") == 1
    assert not (place / "p.csv").exists()


def test_other_width_than_the_model_takes_is_refused(place, capsys):
    assert main(["train", "good.npz", "--epochs", "1", "-q", "--out", "run"]) == 0
    np.savez(place / "wide.npz", x=np.zeros((5, 7)), y=np.arange(5) % 2)
    assert main(["predict", "run", "wide.npz", "-o", "p.csv"]) == 2
    assert "7 values" in capsys.readouterr().err


WHOLE = '[data]\nsource = "t.csv"\ntarget = "kind"\n[network]\n[training]\n'
DAMAGE = {
    "empty configuration": ("config.toml", ""),
    "no TOML": ("config.toml", "x = ["),
    "source is a number": ("config.toml", WHOLE.replace('"t.csv"', "3")),
    "cost is a number": ("config.toml", f"{WHOLE}cost = 3\n"),
    "no columns": ("columns.json", None),
    "empty columns": ("columns.json", "{}"),
}


@pytest.mark.parametrize(("name", "text"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_run_is_refused(place, capsys, name, text):
    arguments = [
        "train",
        "t.csv",
        "--target",
        "kind",
        "--recipe",
        "none",
        "--epochs",
        "1",
        "-q",
        "--out",
        "run",
    ]
    assert main(arguments) == 0
    if text is None:
        (place / "run" / name).unlink()
    else:
        (place / "run" / name).write_text(text)
    capsys.readouterr()

    assert main(["evaluate", "run"]) == 2
    out, error = capsys.readouterr()
    assert error.count("\n") == 1
    assert "run is damaged" in error
    assert not out
