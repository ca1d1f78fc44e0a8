"""What a damaged file is given to, for each format: the calls that a user makes."""

import contextlib
import io
import json
import shutil
import warnings
from dataclasses import replace

import numpy as np

import bpnet
import bpnet.imports
from bpnet.cli import main
from bpnet.data import frames
from bpnet.errors import Diverged, InputError
from tests.fuzz import arrays, foreign, sealed_files, tables

X = np.linspace(-1, 1, 36, dtype=np.float32).reshape(12, 3)
Y = np.arange(12) % 2
PIXELS = (np.arange(12 * 4) % 256).astype(np.uint8).reshape(12, 2, 2)
REFUSALS = (InputError, Diverged)


def network():
    return bpnet.Network([3, 4, 2], hidden="relu", seed=1, norm="layer")


def train(folder, epochs, **options):
    stopping = bpnet.EarlyStopping(patience=9)
    bpnet.train(
        network(), (X, Y), epochs=epochs, batch_size=4, validation=(X, Y), callbacks=[stopping],
        checkpoint=folder, **options,
    )  # fmt: skip


def prepare(place):
    """Good files to begin from."""
    network().save(place / "good.safetensors")
    train(place / "checkpoints", 2)
    rows = tables.table()
    (place / "good.csv").write_text("\n".join(",".join(row) for row in rows))
    asked = [
        "train",
        str(place / "good.csv"),
        "--target",
        "kind",
        "--recipe",
        "none",
        "--hidden",
        "3",
        "--quiet",
    ]
    asked += ["--epochs", "1", "--backend", "numpy", "--out", str(place / "run")]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(asked) == 0
    data = bpnet.data.load(place / "good.csv", target="kind")
    (place / "columns.json").write_text(data.columns.to_json())
    plain = {"sizes": [2, 3, 2], "weights": [[[0.1] * 2] * 3, [[0.2] * 3] * 2]}
    plain |= {"biases": [[[0.1]] * 3, [[0.0]] * 2], "cost": "CrossEntropyCost"}
    (place / "network2.json").write_text(json.dumps(plain))


def predicted(path):
    """Load a model, and use it."""
    net = bpnet.load(path)
    with np.errstate(all="ignore"):
        net.predict(np.zeros((1, net.sizes[0])))


def model(place, folder, draw):
    path = folder / "m.safetensors"
    path.write_bytes(sealed_files.safetensors(place / "good.safetensors", draw))
    return lambda: predicted(path)


def network2(place, folder, draw):
    path = folder / "m.json"
    path.write_bytes(tables.text((place / "network2.json").read_text(), draw))
    return lambda: predicted(path)


def checkpoint(place, folder, draw):
    good = draw.choice(sorted((place / "checkpoints").glob("step-*")))
    (folder / good.name).write_bytes(sealed_files.safetensors(good, draw))

    def resume():
        with np.errstate(all="ignore"):
            train(folder, 3, resume=True)

    return resume


def idx(place, folder, draw):
    images = PIXELS.astype(draw.choice(("uint8", "int8", "int16", "int32", "float32")))
    files = {"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": Y.astype(np.uint8)}
    spoiled = draw.choice(list(files))
    for name, array in files.items():
        good = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        good += array.astype(np.uint8).tobytes()
        content = arrays.idx(array, draw) if name == spoiled else good
        ending = draw.choice(("", ".gz"))
        (folder / f"{name}{ending}").write_bytes(content)
    return lambda: bpnet.data.load(folder, validation=draw.choice((0, 0.2)))


def held(draw):
    kinds = ("float32", "float64", "uint8", "int64", "float16", "bool", "<U3", "complex64")
    x = X.astype(draw.choice(kinds)) if draw.random() < 0.5 else X
    y = Y.astype(draw.choice((*kinds, "S2"))) if draw.random() < 0.5 else Y
    return {"x": x, "y": y}


def npz(place, folder, draw):
    path, good = folder / "d.npz", held(draw)
    if draw.random() < 0.3:
        good |= {
            "x_test": X[:4],
            "y_test": Y[:4],
            "scale": np.float64(draw.choice((0.5, 0, np.nan))),
        }
    path.write_bytes(arrays.npz(good, draw))
    return lambda: bpnet.data.load(path, task=draw.choice(("auto", "classify", "regress")))


def npy(place, folder, draw):
    good = held(draw)
    spoiled = draw.choice(("x", "y"))
    for name, array in good.items():
        content = arrays.npy(array, draw) if name == spoiled else arrays.plain_npy(array)
        (folder / f"{name}.npy").write_bytes(content)
    return lambda: bpnet.data.load(f"{folder / 'x.npy'},{folder / 'y.npy'}")


def table(path, place, draw):
    if draw.random() < 0.5:
        target = draw.choice(("kind", "kind", "color", "weight"))
        task = draw.choice(("auto", "auto", "classify", "regress"))
        return lambda: bpnet.data.load(path, target=target, task=task, validation=0.2)
    columns = bpnet.data.Columns.from_json((place / "columns.json").read_text())
    need = draw.random() < 0.5
    return lambda: bpnet.data.load(path, columns=columns, need_target=need)


def csv(place, folder, draw):
    path = folder / "t.csv"
    path.write_bytes(tables.csv(draw))
    return table(path, place, draw)


def parquet_(place, folder, draw):
    path = folder / "t.parquet"
    path.write_bytes(tables.parquet(draw))
    return table(path, place, draw)


def run_folder(place, folder, draw, name, content):
    """A run with one file damaged, judged or taken up again on the command line."""
    run = folder / "run"
    shutil.copytree(place / "run", run)
    command = ["evaluate", str(run)]
    if draw.random() < 0.6 and name != "columns.json":
        (run / "model.safetensors").unlink()
        command = ["train", "--resume", str(run), "--quiet"]
    (run / name).write_bytes(content)
    return lambda: command_line(command)


def command_line(arguments):
    """Run a command; what it refuses is raised again, with what it said."""
    usual = bpnet.train

    def short(network, data, recipe, **options):
        return usual(network, data, replace(recipe, epochs=min(recipe.epochs, 3)), **options)

    said = io.StringIO()
    bpnet.train = short
    try:
        with (
            np.errstate(all="ignore"),
            contextlib.redirect_stderr(said),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            status = main(arguments)
    finally:
        bpnet.train = usual
    if status:
        errors = [
            line for line in said.getvalue().splitlines() if line.startswith("bpnet: error: ")
        ]
        if status not in {1, 2} or len(errors) != 1 or len(said.getvalue().splitlines()) != 1:
            message = f"exit status {status}, standard error {said.getvalue()!r}"
            raise AssertionError(message)
        raise InputError(errors[0])


def toml(place, folder, draw):
    import tomllib

    good = tomllib.loads((place / "run" / "config.toml").read_text())
    return run_folder(place, folder, draw, "config.toml", tables.toml(good, draw))


def columns(place, folder, draw):
    good = (place / "run" / "columns.json").read_text()
    return run_folder(place, folder, draw, "columns.json", tables.text(good, draw))


def imported(path, content, **options):
    """Import a file of another library, and use it; what is told of it is no fault."""
    path.write_bytes(content)

    def call():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            net = bpnet.imports.from_file(path, **options)
        with np.errstate(all="ignore"):
            net.predict(np.zeros((1, net.sizes[0])))

    return call


def keras(place, folder, draw):
    return imported(folder / "m.keras", foreign.keras(draw))


def state_dict(place, folder, draw):
    content = foreign.state_dict(draw)
    return imported(folder / "w.safetensors", content, hidden="relu", output="identity")


TARGETS = {
    "model": model,
    "checkpoint": checkpoint,
    "network2": network2,
    "idx": idx,
    "npz": npz,
    "npy": npy,
    "csv": csv,
    "parquet": parquet_,
    "toml": toml,
    "columns": columns,
    "keras": keras,
    "state_dict": state_dict,
}


def decode_here():
    """Parquet in this process, which has the limits of the decoder's own and is forked again."""
    from bpnet.data import decoder
    from bpnet.data.reading import most_bytes, refuse_growth

    def decodable(path, size):
        kind = "ipc" if path.suffix in frames.ARROW else "parquet"
        try:
            said = decoder.decode(str(path), kind, most_bytes(size))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            message = f"{path} is damaged or not what its name says: {error}"
            raise InputError(message) from error
        if "claimed" in said:
            refuse_growth(said["claimed"], size, str(path))
        return said["rows"]

    frames._decodable = decodable
