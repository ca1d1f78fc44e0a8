"""Which reader gets what, and what none of them can read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpnet.data import Columns, load
from bpnet.data.columns import Column
from bpnet.errors import InputError

SAVED = Columns((Column("a", "number"),), (), "y", "text", "classify", ("p", "q"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with something of each kind."""
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", x=np.eye(2), y=[0, 1])
    np.save("x.npy", np.eye(2))
    Path("t.csv").write_text("a,y\n1,p\n2,q\n", encoding="utf-8")
    Path("dir.csv").mkdir()
    Path("notes.txt").write_text("x", encoding="utf-8")
    Path("t.csv.gz").write_text("x", encoding="utf-8")
    Path("t.csv.zip").write_text("x", encoding="utf-8")
    Path("bare").write_text("x", encoding="utf-8")
    return tmp_path


BAD = {
    "no such name": ("digitz", {}, "did you mean 'digits'"),
    "another name": ("fashion_mnist", {}, "did you mean 'fashion-mnist'"),
    "no name at all": ("zzz", {}, "give digits, fashion-mnist, mnist, a folder"),
    "no such file": ("gone.csv", {}, "no file gone.csv"),
    "no such path": ("some/where", {}, "no file some/where"),
    "empty name": ("", {}, "lacks train-images"),
    "NUL": ("a\0b", {}, "give a path"),
    "very long": ("x" * 5000, {}, "no data set"),
    "ending": ("notes.txt", {}, "can't tell what it is by its ending '.txt'"),
    "packed": ("t.csv.gz", {}, "can't read t.csv.gz: Not a gzipped file"),
    "packed otherwise": ("t.csv.zip", {}, "its ending '.zip'"),
    "no ending": ("bare", {}, "its ending ''"),
    "folder as csv": ("dir.csv", {}, "dir.csv is a folder"),
    "half a pair": ("x.npy,y.npy", {}, "no file y.npy"),
    "x alone": ("x.npy", {}, "give its targets too, 'x.npy,y.npy'"),
    "target": ("digits", {"target": "y"}, "target 'y' needs a table"),
    "columns": ("a.npz", {"columns": SAVED}, "trained on a table needs a table"),
    "task": ("digits", {"task": "sort"}, "task 'sort'"),
    "validation": ("digits", {"validation": 1.0}, "validation 1.0"),
    "validation nan": ("digits", {"validation": float("nan")}, "validation nan"),
    "negative": ("digits", {"validation": -0.1}, "validation -0.1"),
    "seed": ("digits", {"validation": 0.1, "seed": -1}, "seed"),
    "validation of x": ("x.npy", {"validation": 0.1, "need_target": False}, "need targets"),
}


@pytest.mark.parametrize(("source", "options", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_read_is_one_line(
    folder: Path, source: str, options: dict[str, Any], message: str
) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(InputError, match=message) as caught:
        load(source, **options)
    assert "\n" not in str(caught.value)
    assert sorted(folder.iterdir()) == before


def test_a_path_is_never_a_built_in_name(folder: Path) -> None:
    (folder / "digits").mkdir()
    assert load("digits").name == "digits"
    for source in ("./digits", Path("digits")):
        with pytest.raises(InputError, match="lacks train-images"):
            load(source)


def test_endings_may_be_capitals(folder: Path) -> None:
    Path("a.npz").rename("A.NPZ")
    assert load("A.NPZ").x.shape == (2, 2)
    Path("t.csv").rename("T.CSV")
    assert load("T.CSV", target="y").x.shape == (2, 1)


def test_a_file_that_may_not_be_read_is_one_line(folder: Path) -> None:
    Path("loop.npz").symlink_to("loop.npz")
    with pytest.raises(InputError, match=r"no file loop\.npz"):
        load("loop.npz")


def test_too_little_memory_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("bpnet.data.loading.open_npz", fail)
    with pytest.raises(InputError, match="does not fit into this machine's memory"):
        load("a.npz")
