"""No command writes over what it reads: every option that names an output, by every name."""

import inspect
import os
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import polars
import pytest

from bpnet.cli import main
from bpnet.cli.app import COMMANDS, load

INPUTS = {
    ("train", "sample_weight"), ("train", "resume"), ("sweep", "resume"), ("evaluate", "run"),
    ("predict", "run"), ("export", "run"), ("report", "runs"), ("import", "source"),
}  # fmt: skip
OUTPUTS = {
    ("train", "out"), ("train", "tensorboard_folder"), ("sweep", "out"), ("predict", "out"),
    ("export", "out"), ("import", "out"), ("report", "out"), ("bench", "plot"), ("paper", "out"),
}  # fmt: skip


def paths(hint):
    return hint is Path or any(paths(part) for part in get_args(hint))


def test_every_option_that_names_a_file_is_known_here():
    """A new one must be looked at: what it names is read, or it is refused where it is read."""
    options = set()
    for name in COMMANDS:
        command = load(name)
        parameters = inspect.signature(command.callback, eval_str=True).parameters
        options |= {(name, p) for p, parameter in parameters.items() if paths(parameter.annotation)}
    assert options == INPUTS | OUTPUTS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Data of all kinds, and a run on each."""
    place = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)).astype(np.float32), np.arange(60) % 2
    np.savez(place / "data.npz", x=x, y=y)
    for i in range(2):
        np.save(place / f"x-{i}.npy", x[30 * i : 30 * (i + 1)])
        np.save(place / f"y-{i}.npy", y[30 * i : 30 * (i + 1)])
    np.save(place / "weights.npy", np.ones(60))
    (place / "parts").mkdir()
    table = polars.DataFrame({"a": x[:, 0], "b": x[:, 1], "kind": y.astype(str)})
    table.write_csv(place / "table.csv")
    for i in range(2):
        table[30 * i : 30 * (i + 1)].write_parquet(place / "parts" / f"part-{i}.parquet")
    usual = ["--hidden", "3", "--epochs", "1", "--backend", "numpy", "--quiet"]
    jobs = {
        "arrays": ["data.npz", "--sample-weight", "weights.npy"],
        "pattern": ["x-*.npy,y-*.npy", "--stream", "--validation", "0"],
        "many": ["parts", "--stream", "--target", "kind"],
        "table": ["table.csv", "--target", "kind"],
    }
    before = Path.cwd()
    os.chdir(place)
    try:
        for name, job in jobs.items():
            assert main(["train", *job, *usual, "--out", name]) == 0
    finally:
        os.chdir(before)
    return place


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A copy, in which the runs have their data where they had it."""
    shutil.copytree(made, tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")
    for config in Path().glob("*/config.toml"):
        config.write_text(config.read_text().replace(str(made), str(tmp_path / "made")))
    return tmp_path / "made"


FORMS = {
    "itself": lambda read, name: read,
    "in full": lambda read, name: str(Path(read).absolute()),
    "another way": lambda read, name: f"../made/./{read}",
    "a link": lambda read, name: os.symlink(Path(read).absolute(), name) or name,
    "a hard link": lambda read, name: os.link(read, name) or name,
}

READ = {
    # what is written, and the file that is read
    "predict a pattern": (["predict", "pattern", "x-*.npy", "-o"], "x-1.npy", "o.csv"),
    "predict a pair": (["predict", "pattern", "x-0.npy,y-0.npy", "-o"], "y-0.npy", "o.csv"),
    "predict a folder": (["predict", "many", "parts", "-o"], "parts/part-1.parquet", "o.csv"),
    "predict a table": (["predict", "table", "table.csv", "-o"], "table.csv", "o.csv"),
    "predict: the model": (
        ["predict", "arrays", "data.npz", "-o"], "arrays/model.safetensors", "o.csv",
    ),
    "predict: a part of the run": (
        ["predict", "table", "table.csv", "-o"], "table/columns.json", "o.csv",
    ),
    "predict: what the run was trained with": (
        ["predict", "arrays", "table.csv", "-o"], "weights.npy", "o.csv",
    ),
    "predict: a model's file": (
        ["predict", "arrays/model.safetensors", "data.npz", "-o"], "arrays/model.safetensors", "o",
    ),
    "export": (["export", "arrays"], "arrays/model.safetensors", "m.onnx"),
    "export: the data": (["export", "arrays"], "data.npz", "m.onnx"),
    "import": (["import", "--output", "softmax", "w.safetensors"], "w.safetensors",
               "m.safetensors"),
    "bench": (["bench", "table.csv", "--target", "kind", "--plot"], "table.csv", "p.png"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", READ)
def test_what_is_read_is_never_written_over(place, capsys, what, form):
    words, read, name = READ[what]
    shutil.copy("arrays/model.safetensors", "w.safetensors")
    path = FORMS[form](read, name)
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert main([*words, path]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    if Path(name).suffix == ".csv" or form.startswith("a "):  # else the ending is wrong, too
        assert "it is an input file; give another name" in error
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before


NEW = {
    "a name of the pattern": ["predict", "pattern", "x-*.npy", "-o", "x-2.npy"],
    "a table in the folder": ["predict", "many", "parts", "-o", "parts/new.parquet"],
    "a file of the run": ["predict", "arrays", "data.npz", "-o", "arrays/columns.json"],
    "a checkpoint": ["predict", "arrays", "data.npz", "-o", "arrays/checkpoints/a.safetensors"],
    "a run in the pattern": ["train", "x-*.npy,y-*.npy", "--stream", "--out", "x-run.npy"],
    "a sweep in the pattern": ["sweep", "x-*.npy", "--out", "x-run.npy"],
    "event files in the pattern": [
        "train", "x-*.npy,y-*.npy", "--stream", "--tensorboard-folder", "x-e.npy", "--out", "new",
    ],
    "a report in the pattern": ["report", "arrays", "--data", "x-*.npy,y-*.npy", "--out", "x-.npy"],
}  # fmt: skip


@pytest.mark.parametrize("words", NEW.values(), ids=NEW)
def test_nothing_is_put_where_it_would_be_read(place, capsys, words):
    before = sorted(place.rglob("*"))
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "it is an input file; give" in error
    assert error.count("\n") == 1
    assert sorted(place.rglob("*")) == before


def test_what_is_beside_is_written(place):
    """Also in the folder of a run or of data, and twice."""
    for name in ("arrays/out.csv", "parts/out.csv", "out.csv"):
        for _ in range(2):
            assert main(["predict", "many", "parts", "-o", name, "--quiet"]) == 0
    assert len(Path("out.csv").read_text().splitlines()) == 61
