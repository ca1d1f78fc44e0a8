"""Files that would become far larger than they are: refused, with little memory taken."""

import gzip
import os
import re
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.data import decoder
from bpnet.errors import InputError

MEGABYTE = 1 << 20


def zeros_npz(path):
    """Half a gigabyte of zeros in half a megabyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        np.lib.format.write_array(archive.open("y.npy", "w"), np.arange(64) % 2)
        with archive.open("x.npy", "w") as file:
            header = {"descr": "<f8", "fortran_order": False, "shape": (64, MEGABYTE)}
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(64):
                file.write(bytes(8 * MEGABYTE))


def zeros_idx(folder):
    folder.mkdir()
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 64]) + bytes(range(64))
    (folder / "train-labels-idx1-ubyte").write_bytes(labels)
    sizes = b"".join(n.to_bytes(4, "big") for n in (64, 2048, 2048))
    with gzip.open(folder / "train-images-idx3-ubyte.gz", "wb", compresslevel=1) as file:
        file.write(bytes([0, 0, 8, 3]) + sizes + bytes(256 * MEGABYTE))


def zeros_parquet(path):
    pl = pytest.importorskip("polars")
    zeros = pl.zeros(30_000_000, dtype=pl.Int64, eager=True)
    pl.DataFrame({"a": zeros, "b": zeros}).write_parquet(path)


def long_parquet(path):
    """Few rows, which say nothing of how long the texts in them are."""
    pl = pytest.importorskip("polars")
    texts = [f"{i}{'a' * 350_000}" for i in range(700)]
    frame = pl.DataFrame({"a": texts, "b": ["x", "y"] * 350})
    frame.write_parquet(path, statistics=False)  # some versions keep whole texts among these


BOMBS = {
    "npz": (zeros_npz, "bomb.npz", {}, r"claims to hold 536,871,424, more than"),
    "gz": (zeros_idx, "bomb", {}, r"claims to hold 268,435,456, more than"),
    "parquet": (zeros_parquet, "b.parquet", {"target": "b"}, r"claims to hold 480,000,000, more"),
    "texts": (long_parquet, "t.parquet", {"target": "b"}, r"takes more memory or time to decode"),
}

MEASURE = """
import resource, sys
import bpnet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    bpnet.data.load(sys.argv[1], target=sys.argv[2] or None)
except bpnet.InputError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(after - before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is not held")
@pytest.mark.parametrize(("make", "name", "options", "text"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_before_it_goes_off(tmp_path, make, name, options, text):
    path = tmp_path / name
    make(path)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path), options.get("target", "")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(bpnet.__file__).parents[1],
    )
    said, used = done.stdout.splitlines()
    assert re.search(text, said)
    assert "BPNET_MAX_BYTES" in said
    assert max(map(int, used.split())) < 250 * 1024  # polars alone takes 50 MB of a child's


def test_what_is_trusted_is_read(tmp_path, monkeypatch):
    pl = pytest.importorskip("polars")
    path = tmp_path / "t.parquet"
    column = pl.zeros(6_000_000, dtype=pl.Int64, eager=True)
    rows = pl.DataFrame({"a": column}).with_row_index(" b").with_columns(pl.col(" b") % 2)
    rows.write_parquet(path)
    if path.stat().st_size < 100_000:
        with pytest.raises(InputError, match="if you trust it, set BPNET_MAX_BYTES="):
            bpnet.data.load(path, target="b")
    monkeypatch.setenv("BPNET_MAX_BYTES", "0")
    with pytest.raises(InputError, match="no column but 'b' varies"):
        bpnet.data.load(path, target="b")  # all of it was read
    monkeypatch.setenv("BPNET_MAX_BYTES", "many")
    with pytest.raises(InputError, match="BPNET_MAX_BYTES is 'many': give a number of bytes"):
        bpnet.data.load(path, target="b")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is not held")
def test_the_decoder_cannot_take_more_than_it_may():
    code = "from bpnet.data import decoder; decoder.limit(1 << 20); bytearray(300 << 20)"
    root = Path(bpnet.__file__).parents[1]
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert "MemoryError" in done.stderr
    assert decoder.SLACK < 200 * MEGABYTE
    assert os.path.exists("/proc/self/statm")
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY  # here as before
