"""Activations and costs of a user's own: named in files only where the user has named them."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.core import lookup
from bpnet.core.activations import Elementwise
from bpnet.core.lookup import address

SOURCE = """
from dataclasses import dataclass
from pathlib import Path

from bpnet.core.activations import Elementwise

Path("imported").touch()


@dataclass(frozen=True)
class Swing(Elementwise):
    slope: float = 0.5

    def sigma(self, z, *, xp):
        return xp.sin(z) + self.slope * z

    def prime(self, z, a, *, xp):
        return xp.cos(z) + self.slope


class Fourth:
    def value(self, z, y, output):
        return ((output.sigma(z, xp=z.__array_namespace__()) - y) ** 4).sum(-1)

    def delta(self, z, y, output):
        xp = z.__array_namespace__()
        a = output.sigma(z, xp=xp)
        return output.backward(4 * (a - y) ** 3, z, a, xp=xp)


number = 3
"""


@dataclasses.dataclass(frozen=True)
class Steep(Elementwise):
    factor: float = 2.0

    def sigma(self, z, *, xp):
        return xp.tanh(self.factor * z)

    def prime(self, z, a, *, xp):
        return self.factor * (1 - a * a)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(lookup, "_REGISTERED", {})


def test_a_network_is_saved_and_read_where_its_class_is_registered(tmp_path):
    net = bpnet.Network([4, 5, 2], hidden=Steep(1.5), seed=3)
    with pytest.raises(bpnet.InputError, match=r"bpnet.custom.register\(Steep\)"):
        net.save(tmp_path / "a.safetensors")
    assert bpnet.custom.register(Steep) is Steep
    path = net.save(tmp_path / "a.safetensors")
    again = bpnet.load(path)
    assert [layer.activation for layer in again.layers] == [Steep(1.5), bpnet.activations.Softmax()]
    x = np.random.default_rng(0).normal(size=(3, 4))
    assert np.array_equal(net.predict(x), again.predict(x))
    assert bpnet.Network([4, 5, 2], hidden=address(Steep)).layers[0].activation == Steep()


def test_a_file_that_names_a_class_imports_nothing(tmp_path):
    bpnet.custom.register(Steep)
    path = bpnet.Network([4, 5, 2], hidden=Steep()).save(tmp_path / "a.safetensors")
    lookup._REGISTERED.clear()
    with pytest.raises(
        bpnet.InputError, match=f"--custom {address(Steep)}, in Python bpnet.custom.regis"
    ):
        bpnet.load(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (object, "has neither sigma and backward"), ("json:dumps", "give module:name of a class"),
        ("nowhere.at_all:Thing", r"can't be imported \(ModuleNotFoundError"),
        ("json:Nothing", r"can't be imported \(AttributeError"), ("json", "can't be imported"),
        ("os:system", "give module:name of a class"),
    ],
)  # fmt: skip
def test_what_is_no_class_of_these_is_refused(kind, said):
    with pytest.raises(bpnet.InputError, match=said) as refusal:
        bpnet.custom.register(kind)
    assert "\n" not in str(refusal.value)


def test_a_class_that_a_file_could_not_make_again_is_refused():
    class Made(Elementwise):
        def __init__(self, table):
            self.table = table

        def sigma(self, z, *, xp):
            return self.table * z

    with pytest.raises(bpnet.InputError, match="make it a frozen dataclass"):
        bpnet.custom.register(Made)


def test_a_cost_is_no_activation():
    bpnet.custom.register(Steep)
    with pytest.raises(bpnet.InputError, match="is no cost; give a class with value and delta"):
        bpnet.costs.named(address(Steep))


def bpnet_in(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "bpnet", *words], cwd=folder, capture_output=True, text=True,
        timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(bpnet.__file__).parents[1])},
    )  # fmt: skip


def test_the_command_line_names_them(tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE)
    options = ["--activation", "mine:Swing", "--cost=mine:Fourth", "--output", "sigmoid"]
    quick = ["--hidden", "8", "--epochs", "2", "--out", "run", "-q"]
    done = bpnet_in(tmp_path, "train", "digits", *options, *quick)
    assert done.returncode == 0, done.stderr
    (tmp_path / "imported").unlink()
    for words in (["evaluate", "run"], ["train", "--resume", "run", "--epochs", "3"]):
        refused = bpnet_in(tmp_path, *words)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
        assert "--custom mine:" in refused.stderr
        assert not (tmp_path / "imported").exists(), "code was loaded because a file names it"
        named = bpnet_in(tmp_path, *words, "--custom", "mine:Swing,mine:Fourth")
        assert named.returncode == 0, named.stderr
        (tmp_path / "imported").unlink()
    assert len(json.loads((tmp_path / "run/history.json").read_text())["cost"]) == 3


def test_one_that_cannot_be_loaded_is_one_line(tmp_path):
    refused = bpnet_in(tmp_path, "train", "--activation", "mine:Swing", "--out", "run")
    assert refused.returncode == 2
    assert refused.stderr.startswith("bpnet: error: mine:Swing can't be imported (ModuleNotFound")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
