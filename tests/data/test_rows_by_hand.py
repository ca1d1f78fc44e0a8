"""Moments, rows that are read on use, streams, records, decoders and sources."""

import json

import numpy as np
import pytest

import bpnet
from bpnet.data import (
    decoder,
    delimited,
    draws,
    sources,
)
from bpnet.data.host_rows import HostRows
from bpnet.data.moments import Moments, merged
from bpnet.errors import InputError
from tests.assertions import error_message


class Plain(HostRows):
    """Rows that are asked for by number."""

    def __init__(self, m, *shape):
        self.shape, self.dtype = (m, *shape), np.dtype(np.float32)

    def take(self, rows):
        return np.multiply.outer(rows, np.ones(self.shape[1:], self.dtype))


@pytest.mark.parametrize("cuts", [[4], [1, 2], [3, 3], [1, 2, 3, 4, 5, 6]])
def test_moments_of_parts_are_those_of_the_whole(cuts):
    x = np.asarray([[1.0, 5.0, 2.0]] * 3 + [[4.0, 5.0, -7.0]] * 3 + [[0.5, 5.0, 9.0]] * 3)
    parts = [part for part in np.split(x, cuts) if len(part)]
    found = merged(Moments.of(part) for part in parts)
    assert found.count == 9
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(found.std, x.std(axis=0), rtol=1e-14)
    np.testing.assert_array_equal((found.low, found.high), (x.min(axis=0), x.max(axis=0)))
    whole = found.standardize(x, np.float64)
    np.testing.assert_allclose(whole[:, [0, 2]].std(axis=0), 1, rtol=1e-14)
    assert set(whole[:, 1]) == {0.0}


def test_rows_that_are_read_when_they_are_wanted():
    rows = Plain(10, 2, 3)
    assert (len(rows), rows.ndim, rows.width) == (10, 3, 6)
    assert rows.some(4).tolist() == [0, 2, 4, 6]  # spread over all
    assert rows.some(10).tolist() == list(range(10))
    assert [piece.tolist() for piece in rows.pieces(24)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [piece.tolist() for piece in Plain(2, 9).pieces(4)] == [[0], [1]]
    assert rows.identity() != Plain(10, 3, 2).identity()
    assert "float32" in rows.identity()
    np.testing.assert_array_equal(rows.whole()[:, 0, 0], np.arange(10))
    assert np.asarray(rows, np.float64).dtype == np.float64
    np.testing.assert_array_equal(rows.order(3, 1), draws.order(3, 1, 10))


def test_bytes_of_windows_are_told_with_the_file_and_the_line(tmp_path, caplog):
    pytest.importorskip("polars")
    path = tmp_path / "t.csv"
    head = "name,y\n" + "abc,1\n" * 5
    path.write_bytes(head.encode() + "café,0\n".encode("cp1252") + b"abc,0\n" * 5)
    _, _, (note,) = delimited.read(path, None)
    assert note == (
        f"{path} is not UTF-8 (line 7 has the byte 0xe9): read as Windows-1252, "
        "which Latin-1 is a part of"
    )
    path.write_bytes(head.encode() + b"\x81\xe9,0\n")
    assert error_message(delimited.read, path, None).startswith(
        f"{path} is not UTF-8: line 7 has the byte 0x81: save it"
    )


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_all_rows_of_a_stream_are_those_that_are_taken(tmp_path, standardize, validation):
    random = np.random.default_rng(0)
    for name, rows in (("1", 7), ("2", 5)):
        np.save(tmp_path / f"x-{name}.npy", random.normal(3.0, 2.0, (rows, 2)).astype("f4"))
        np.save(tmp_path / f"y-{name}.npy", np.arange(rows) % 2)
    source = f"{tmp_path}/x-*.npy,{tmp_path}/y-*.npy"
    data = bpnet.data.stream(source, standardize=standardize, validation=validation)
    parts = [data.x] if data.validation is None else [data.x, data.validation[0]]
    for part in parts:
        whole = part.whole()
        np.testing.assert_array_equal(whole, part.take(np.arange(len(part))))
        assert whole.dtype == part.dtype
        assert whole.flags.c_contiguous
    mean = parts[0].whole().mean(axis=0)
    assert (np.abs(mean) < 1e-5).all() == standardize


@pytest.mark.parametrize("there", [0, 1, 2, 5])
def test_rows_without_a_target_are_left_out_and_a_target_without_rows_is_refused(tmp_path, there):
    path = tmp_path / "t.csv"
    cells = [f"{i}.5,{i / 4 if i >= 5 - there else ''}" for i in range(5)]
    path.write_text("\n".join(["a,y", *cells]))
    if there < 2:
        text = "is missing in 5 rows, which are all: name ano" if not there else "all 1 targets are"
        with pytest.raises(InputError, match=text):
            bpnet.data.load(path, target="y", task="regress", validation=0.0)
        return
    found = bpnet.data.load(path, target="y", task="regress", validation=0.0)
    assert len(found.y) == there
    rows = f"{5 - there} row{'s' * (there < 4)} left out"
    note = f"{rows}: the target 'y' is missing, first in data row 1"
    assert (note in str(found.notes)) is (there < 5)


def test_records_are_numbered_by_their_last_lines():
    text = b'a,b\r\n"1\n2",3\n\n4,"5\n\n6"\n'
    assert [*delimited._records(text, "t", ",")] == [
        (1, ["a", "b"]), (3, ["1\n2", "3"]), (4, []), (7, ["4", "5\n\n6"])
    ]  # fmt: skip
    refused = error_message(lambda: [*delimited._records(b'a\n"b"c\n', "t", ",")])
    assert refused.startswith("t: line 2 is not CSV: ")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a;b,c\n1;2\n3;4\n", ["a", "b,c"]), ("a,b;c\n1,2\n3,4\n", ["a", "b;c"]),
        ("a|b\n1|2\n", ["a", "b"]), ("a;b;c\n1,5;2;3\n", ["a", "b", "c"]),
        ("a,b\n1;2,3\n4;5,6\n", ["a", "b"]), ("a\n1\n", ["a"]),
    ],
)  # fmt: skip
def test_the_separator_cuts_every_line_alike(text, names, tmp_path):
    """The header alone would say another one where two signs cut it into as many cells."""
    pytest.importorskip("polars")
    (tmp_path / "t.csv").write_text(text)
    assert delimited.read(tmp_path / "t.csv", None)[0].columns == names


@pytest.mark.parametrize(
    ("error", "told_of"),
    [(MemoryError(), "MemoryError"), (ValueError("no\n  file"), "no file"),
     (OSError("x" * 200), "x" * 160)],
)  # fmt: skip
def test_the_decoder_tells_of_every_error(error, told_of, monkeypatch, capsys):
    def fails(*_):
        raise error

    monkeypatch.setattr(decoder, "decode", fails)
    assert decoder.main("t.parquet", "parquet", "0") == 1
    assert json.loads(capsys.readouterr().out) == {"error": told_of}


def test_a_source_is_known_by_the_files_behind_its_names(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "x.npy").symlink_to(tmp_path / "real" / "x.npy")
    monkeypatch.chdir(tmp_path)
    here = tmp_path.resolve()
    assert sources.absolute("x.npy,y.npy") == f"{here}/real/x.npy,{here}/y.npy"
    assert sources.absolute("a,b.csv") == f"{here}/a,b.csv"
    assert [sources.absolute(name) for name in ("-", "mnist")] == ["-", "mnist"]
