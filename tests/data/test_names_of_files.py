"""The file that is named is the file that is read, in every format, and no other."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bpnet.data import load, stream
from bpnet.data.sources import halves
from bpnet.errors import InputError

NAMES = [
    ("houses[1]", "houses1"), ("who?", "whom"), ("all*", "all of them"), ("[!a]", "b"),
    *([("caf\udce9", "caf")] if sys.platform == "linux" else []),
]  # fmt: skip
"""A name, and one that it would match as a pattern."""


def frame(mean: float) -> pl.DataFrame:
    return pl.DataFrame({"a": [mean - 1, mean + 1] * 4, "t": [0.5, 1.5] * 4})


def write(path: Path, mean: float) -> Path:
    with path.open("wb") as file:
        kinds = {".csv": "write_csv", ".parquet": "write_parquet", ".arrow": "write_ipc"}
        getattr(frame(mean), kinds[path.suffix])(file)
    return path


def mean_of(data: Any) -> float:
    return float(data.columns.inputs[0].mean)


@pytest.mark.parametrize(("name", "other"), NAMES, ids=ascii)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_a_table(tmp_path: Path, name: str, other: str, suffix: str) -> None:
    write(tmp_path / f"{other}{suffix}", -100)
    path = write(tmp_path / f"{name}{suffix}", 100)
    assert mean_of(load(path, target="t")) == 100
    assert mean_of(stream(path, target="t")) == 100
    assert mean_of(stream(str(path), target="t")) == 100
    path.unlink()
    with pytest.raises(InputError, match="there is no file"):
        load(path.with_suffix(".csv"), target="t")


@pytest.mark.parametrize(("name", "other"), NAMES, ids=ascii)
def test_a_folder_of_tables_and_a_pattern_within_it(tmp_path: Path, name: str, other: str) -> None:
    for folder, mean in ((other, -100), (name, 100)):
        (tmp_path / folder).mkdir()
        for i in range(2):
            write(tmp_path / folder / f"part-{i}.parquet", mean)
    for source in (tmp_path / name, tmp_path / name / "part-*.parquet"):
        data = stream(source, target="t")
        assert (len(data.x), mean_of(data)) == (16, 100)


@pytest.mark.parametrize("name", [name for name, _ in NAMES] + ["a,b"], ids=ascii)
def test_a_pair_of_arrays(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for part, values in (("x", np.eye(4)), ("y", np.arange(4) % 2)):
        with (folder / f"{name}-{part}.npy").open("wb") as file:
            np.save(file, values)
    source = f"{folder}/{name}-x.npy,{folder}/{name}-y.npy"
    assert halves(source) == (f"{folder}/{name}-x.npy", f"{folder}/{name}-y.npy")
    for data in (load(source), stream(source), stream(f"{folder}/*-x.npy,{folder}/*-y.npy")):
        assert data.x.shape == (4, 4)


TEXTS = {
    "UTF-16 without a mark": ("a,y\n1,2\n".encode("utf-16-be"), "UTF-16"),
    "UTF-32": ("a,y\n1,2\n".encode("utf-32"), "not UTF-8, but UTF-16, damaged or no text"),
    "a cell too long": ("a,y\n1,x\n2," + "x" * 140_000, "line 3 has a cell longer than 131,072"),
}


@pytest.mark.parametrize(("content", "message"), TEXTS.values(), ids=TEXTS)
def test_csv_as_spreadsheets_write_it_is_refused_with_the_cure(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=message) as caught:
        load(path, target="y")
    assert "is damaged" not in str(caught.value)
    assert "is not CSV" not in str(caught.value)
