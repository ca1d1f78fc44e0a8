"""Values that are too large, or of another kind than any program would write: refused in a line."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from bpnet.cli import main

FEW = ("digits", "--epochs", "1", "--hidden", "4", "--out", "out")
HUGE = str(10**30)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def header(shape, order="False"):
    """A .npy file that claims more numbers than it has."""
    text = f"{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    text += b" " * (63 - (len(text) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 80


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("train", *FEW, "--shards", str(2**17)), "shards is 131072; give a power of two up to"),
        (("train", *FEW, "--shards", str(2**64)), "give a power of two up to 65536"),
        (("train", *FEW, "--metric", f"top_{HUGE}"), "there is no metric"),
        (("train", *FEW, "--metric", "top_10", "--validation", "0.2"), "top_10 of 10 classes is"),
        (("sweep", *FEW, "--seeds", HUGE), f"seeds is {HUGE}; give how many"),
        (("sweep", *FEW, "--seeds", "10000000"), "at least 1 and at most 100000"),
        (("sweep", *FEW, "--seeds", "2", "--seed", str(2**64 - 1)), "seed is"),
        (("sweep", *FEW, "--folds", HUGE), "at most 100,000"),
        (("check", "--module", "../x"), "--module ../x is no name of a module"),
        (("check", "--module", ".x"), "--module .x is no name of a module"),
        (("check", "--module", "1x"), "--module 1x is no name of a module"),
        (
            ("check", "--module", "raises"),
            "--module raises can't be imported (RuntimeError: no luck)",
        ),
        (("check", "--module", "does.not.exist"), "can't be imported"),
        (
            ("bench", "digits", "--seconds", "1e308", "--backend", "numpy"),
            "seconds is 1e+308; give",
        ),
        (("bench", "digits", "--seconds", "nan", "--backend", "numpy"), "seconds is nan; give"),
        (("train", *FEW, "--sample-weight", "lie.npy"), "lie.npy can't be read"),
        (("train", *FEW, "--sample-weight", "fortran.npy"), "fortran.npy can't be read"),
        (("train", *FEW, "--norm", "batch", "--batch-size", "1"), "has no variance"),
    ],
)
def test_refused_in_one_line(command, message, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "raises.py").write_text("raise RuntimeError('no luck')\n")
    (tmp_path / "lie.npy").write_bytes(header("(10000000000,)"))
    (tmp_path / "fortran.npy").write_bytes(header("(100000, 100000)", "True"))
    assert main(list(command)) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert message in said[0]
    assert not (tmp_path / "out").exists()


def test_a_layer_with_a_number_of_thousands_of_digits(tmp_path, capsys):
    tensors = {f"{'9' * 5000}.weight": np.ones((3, 2), "f4"), "2.weight": np.ones((2, 2), "f4")}
    save_file(tensors, tmp_path / "w.safetensors")
    command = ["import", "w.safetensors", "m.safetensors", "--activation", "relu"]
    assert main([*command, "--output", "softmax"]) == 2
    assert "has a number of 5000 digits" in capsys.readouterr().err
    assert not (tmp_path / "m.safetensors").exists()
