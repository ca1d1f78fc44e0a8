"""A source that has changed since a run was trained on it: held-out rows are not known any more."""

import csv
import random
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bpnet import runs
from bpnet.cli import main
from bpnet.errors import InputError
from bpnet.report import make

FAST = [
    "--recipe",
    "none",
    "--epochs",
    "2",
    "--hidden",
    "4",
    "--backend",
    "numpy",
    "-q",
    "--out",
    "run",
]


def cells(rows=60):
    """Numbers with gaps, text, booleans and a target."""
    r = random.Random(5)
    out = [["a", "c", "flag", "y"]]
    for i in range(rows):
        a = r.gauss(0, 1)
        out.append(
            ["" if i % 9 == 1 else f"{a:.3f}", r.choice(["red", "blue", ""]),
             r.choice(["true", "False"]), f"{3 * a + 1:.4f}"]
        )  # fmt: skip
    return out


def as_csv(path, table):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(table)


def as_frame(table):
    head, *rows = table
    frame = pl.DataFrame(rows, schema=head, orient="row")
    return frame.with_columns(
        pl.col("a").replace("", None).cast(float), pl.col("y").cast(float),
        pl.col("flag").str.to_lowercase() == "true",
    )  # fmt: skip


def as_parquet(path, table):
    as_frame(table).write_parquet(path)


def as_npz(path, table):
    rows = np.array([[float(r[0] or 0), r[1] == "red", float(r[3])] for r in table[1:]])
    np.savez(path, x=rows[:, :2], y=rows[:, 2])


def as_parts(path, table):
    path.mkdir(exist_ok=True)
    as_frame(table[:31]).write_parquet(path / "0.parquet")
    as_frame([table[0], *table[31:]]).write_ipc(path / "1.arrow")


FORMATS = {
    "t.csv": (as_csv, ["--target", "y"]),
    "t.parquet": (as_parquet, ["--target", "y"]),
    "t.npz": (as_npz, []),
    "parts": (as_parts, ["--target", "y", "--stream", "--shuffle", "blocks", "--buffer", "16"]),
}
CHANGES = {
    "a row added": lambda rows: [*rows, rows[3]],
    "a row less": lambda rows: rows[:-1],
    "sorted": lambda rows: [rows[0], *sorted(rows[1:], key=lambda row: row[3])],
    "a row replaced": lambda rows: [*rows[:9], ["9.5", "red", "true", "7.25"], *rows[10:]],
    "a target replaced": lambda rows: [*rows[:9], [*rows[9][:3], "7.25"], *rows[10:]],
}


@pytest.fixture(params=FORMATS)
def source(request, tmp_path, monkeypatch):
    """Name of a table that a run was trained on, and how to write another in its place."""
    monkeypatch.chdir(tmp_path)
    write, options = FORMATS[request.param]
    path = Path(request.param)
    write(path, cells())
    assert main(["train", str(path), *options, *FAST]) == 0
    return path, write


def refused(capsys, *arguments):
    """The one line with which a command refuses."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_evaluate_and_report_notice(source, change, capsys):
    path, write = source
    write(path, change(cells()))
    assert "has changed since the run was trained on it" in refused(capsys, "evaluate", "run")
    assert "has changed since" in refused(capsys, "evaluate", "run", str(path))
    assert "has changed since" in refused(capsys, "report", "run", "--data", str(path))
    subject = make.prepare(["run"])[0][0]
    assert "has changed since" in subject.missing
    assert subject.evaluation is None


def test_the_same_rows_are_no_change(source):
    path, write = source
    for name in (path, Path(f"copy-{path}")):  # written anew, and by another name
        write(name, cells())
        assert main(["evaluate", "run", str(name)]) == 0
    assert make.prepare(["run"])[0][0].evaluation is not None


def test_a_run_that_does_not_know_its_source_is_read_as_before(source):
    path, write = source
    write(path, cells()[:-1])
    config = Path("run/config.toml")
    kept, _, rest = config.read_text().partition("[source]")
    config.write_text(kept + "[machine]" + rest.partition("[machine]")[2])
    assert main(["evaluate", "run"]) == 0


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_resume_notices(tmp_path, monkeypatch, capsys, optimizer):
    monkeypatch.chdir(tmp_path)
    path = Path("t.csv")
    as_csv(path, cells())
    assert main(["train", str(path), "--target", "y", "--optimizer", optimizer, *FAST]) == 0
    Path("run/model.safetensors").unlink()  # as if it had been killed
    shutil.rmtree("run/checkpoints", ignore_errors=True)
    as_csv(path, [*cells(), cells()[3]])
    before = {p: p.read_bytes() for p in Path("run").iterdir()}
    line = refused(capsys, "train", "--resume", "run")
    assert (
        "t.csv has changed since the run was trained on it: it had 60 examples and has 61" in line
    )
    assert {p: p.read_bytes() for p in Path("run").iterdir()} == before
    as_csv(path, cells())
    assert main(["train", "--resume", "run", "-q"]) == 0


def test_a_run_of_a_sweep_notices(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    as_csv(Path("t.csv"), cells())
    assert main(["sweep", "t.csv", "--target", "y", *FAST[2:]]) == 0
    assert main(["evaluate", "run"]) == 0
    as_csv(Path("t.csv"), CHANGES["sorted"](cells()))
    assert "its rows are others, or in another order" in refused(capsys, "evaluate", "run")


def test_rows_held_out_in_memory_are_not_those_of_a_stream(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    as_parquet(Path("t.parquet"), cells())
    assert main(["train", "t.parquet", "--target", "y", *FAST]) == 0
    assert "leave --stream out" in refused(capsys, "evaluate", "run", "--stream")


@pytest.mark.parametrize("wrong", ['examples = "3"', "examples = 3", "what = 1"])
def test_a_damaged_description_is_one_line(tmp_path, monkeypatch, capsys, wrong):
    monkeypatch.chdir(tmp_path)
    as_csv(Path("t.csv"), cells())
    assert main(["train", "t.csv", "--target", "y", *FAST]) == 0
    config = Path("run/config.toml")
    text = config.read_text()
    start, end = text.index("[source]"), text.index("[machine]")
    config.write_text(f"{text[:start]}[source]\n{wrong}\n\n{text[end:]}")
    assert "source" in refused(capsys, "evaluate", "run")
    with pytest.raises(InputError, match=r"config\.toml has"):
        runs.read_config(Path("run"))
