"""Each command of the README runs as it is printed, in a folder that holds what it names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.docs.blocks import blocks

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("  #")[0].strip()
    for block in blocks(README)
    if block.language == "sh"
    for line in block.source.splitlines()
]
ELSEWHERE = re.compile(r"^(ci/|pip install|\. \.venv|mpiexec)|--backend cupy")
"""What other steps of CI run, or a machine with a GPU."""

NEEDS = {
    "fashion-mnist": lambda: Path("/usr/share/datasets/fashion-mnist").is_dir(),
    "import": lambda: all(map(found, ("h5py", "keras", "jax"))),  # Keras on NumPy imports JAX
    "export": lambda: found("onnx") and found("ndonnx"),
    "torch": lambda: found("torch"),
    "report": lambda: found("matplotlib") and found("jinja2"),
    "paper": lambda: found("matplotlib") and found("latex2mathml"),
    "houses": lambda: found("polars"),
    "parts": lambda: found("polars"),
    "--metric": lambda: found("sklearn"),
}


def found(library):
    from importlib.util import find_spec

    return find_spec(library) is not None


def table(rows, first=0):
    lines = ["area m2,zone,price"]
    for i in range(first, first + rows):
        area = 60 + i * 37 % 140
        lines.append(f"{area},{['north', 'south', 'east'][i % 3]},{area * 2100.25 + i % 3:.2f}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the tables, arrays, models and runs that the README names."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "houses.csv").write_text(table(90))
    (folder / "new-houses.csv").write_text(table(10, 90))
    (folder / "more-houses.csv").write_text(table(90, 100))
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.normal(size=(60, 5)).astype(np.float32))
    np.save(folder / "y.npy", np.arange(60) % 3)
    short = ["--hidden", "4", "--epochs", "2", "--quiet"]
    bpnet(folder, "train", "houses.csv", "--target", "price", *short, "--out", "RUN")
    for name in ("digits-20261124-050000", "on-numpy", "on-jax"):
        bpnet(folder, "train", "digits", *short, "--out", f"runs/{name}")
    bpnet(folder, "sweep", "digits", "--learning-rate", "0.1", *short, "--out", "runs/sweep")
    if NEEDS["parts"]():
        import polars as pl

        (folder / "parts").mkdir()
        pl.read_csv(folder / "houses.csv").write_parquet(folder / "parts" / "1.parquet")
    layers = {"0": (4, 3), "2": (2, 4)}
    weights = {f"{n}.weight": np.ones(shape, np.float32) for n, shape in layers.items()}
    biases = {f"{n}.bias": np.zeros(shape[0], np.float32) for n, shape in layers.items()}
    save_file({**weights, **biases}, folder / "weights.safetensors")
    if NEEDS["import"]():
        make = "import keras; m = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])"
        keras = {**os.environ, "KERAS_BACKEND": "numpy"}
        subprocess.run(
            [sys.executable, "-c", f"{make}; m.save('model.keras')"], cwd=folder, env=keras,
            check=True,
        )  # fmt: skip
    return folder


def bpnet(folder, *arguments):
    command = [sys.executable, "-m", "bpnet", *arguments]
    subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


@pytest.mark.parametrize("command", [one for one in COMMANDS if not ELSEWHERE.search(one)])
def test_a_command_runs_as_it_is_printed(command, place, tmp_path, environment):
    for word, is_there in NEEDS.items():
        if word in command and not is_there():
            pytest.skip(f"{word}: its data or its library is not here")
    folder = shutil.copytree(place, tmp_path / "place")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=environment, text=True,
        capture_output=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_the_readme_has_commands():
    assert len(COMMANDS) > 15
    assert all(one.split()[0] in {"bpnet", "mpiexec", "pip", "."} or one.startswith("ci/")
               for one in COMMANDS)  # fmt: skip
