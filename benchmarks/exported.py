"""ONNX files beside bpnet itself: python -m benchmarks.exported.

Trains on digits, Fashion-MNIST and a table, exports each run, and prints the largest error of ONNX
Runtime against `predict`, relative to max(1, |a|), over all test examples; then the largest error
of all weights after 100 steps of the exported training step beside `bpnet.train`.
"""

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl

import bpnet
from bpnet.data import draws
from bpnet.export import to_onnx, training_to_onnx


def session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options)


def error(found: Any, wanted: Any) -> float:
    return float(np.max(np.abs(found - wanted) / np.maximum(1, np.abs(wanted))))


def say(name: str, path: Path, wrong: float, m: int) -> None:
    nodes = len(onnx.load(path).graph.node)
    print(f"{name:<34}{m:>7,} examples  {nodes:>3} operators  error {wrong:.1e}", flush=True)


def pictures(name: str, hidden: list[int], epochs: int, folder: Path) -> None:
    data = bpnet.data.load(name)
    net = bpnet.Network([data.x.shape[1], *hidden, 10], hidden="relu", seed=0)
    bpnet.train(net, data, epochs=epochs, batch_size=128, backend="numpy")
    x = data.test[0]
    path = to_onnx(net, folder / "pictures.onnx")
    (found,) = session(path).run(["output"], {"x": (x * net.scale).astype(np.float32)})
    say(name, path, error(found, net.predict(x)), len(x))


def table(target: str, folder: Path, m: int = 20_000) -> None:
    """Numbers of all sizes, text, booleans, and missing cells, in every column."""
    g = np.random.default_rng(0)
    year, size = g.integers(1900, 2020, m), g.lognormal(4, 1, m)
    city, garden = g.choice(["Bern", "Oslo", "Paris", None], m), g.choice([True, False, None], m)
    cells = {
        "year": [None if i % 50 == 0 else int(v) for i, v in enumerate(year)],
        "size": size,
        "serial": g.integers(10**12, 10**12 + 1000, m),
        "city": list(city),
        "garden": list(garden),
        "price": size * 3 + (year - 1950) + 40 * (city == "Oslo") + g.normal(size=m),
    }
    cells["kind"] = np.where(cells["price"] > 200, "dear", "cheap")
    pl.DataFrame(cells, strict=False).write_parquet(folder / "t.parquet")
    data = bpnet.data.load(str(folder / "t.parquet"), target=target)
    n, output = (1, "identity") if data.task == "regress" else (2, "softmax")
    net = bpnet.Network([data.x.shape[1], 64, 32, n], hidden="relu", output=output, seed=0)
    bpnet.train(net, data, epochs=5, backend="numpy")
    path = to_onnx(net, folder / "table.onnx", data.columns)
    frame, feed = pl.read_parquet(folder / "t.parquet"), {}
    for column in data.columns.inputs:
        series = frame[column.name]
        feed[column.name] = (
            series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
            if column.kind == "number"
            else np.asarray(series.cast(pl.String).fill_null("").to_list(), dtype=object)
        )
    (found,) = session(path).run(["output"], feed)
    say(f"a table, target {target}", path, error(found, net.predict(data.x)), m)


def steps(optimizer: str, folder: Path, k: int = 64) -> None:
    """Ten epochs of ten batches, in the order of `bpnet.train`."""
    data = bpnet.data.load("digits")
    x, y = (data.x[:640] * data.scale).astype(np.float32), data.y[:640].astype(np.int64)
    net = bpnet.Network([64, 128, 64, 10], hidden="relu", seed=0)
    other = copy.deepcopy(net)
    step = session(training_to_onnx(net, folder / "step.onnx", optimizer=optimizer))
    names, carried = [entry.name for entry in step.get_outputs()], {}
    for epoch in range(10):
        for rows in draws.order(0, epoch, 640).reshape(-1, k):
            found = dict(
                zip(names, step.run(None, {"x": x[rows], "y": y[rows], **carried}), strict=True)
            )
            carried = {name[:-4]: found[name] for name in names if name.endswith(".new")}
    bpnet.train(other, (x, y), optimizer=optimizer, epochs=10, batch_size=k, backend="numpy")
    wrong = max(
        error(carried[f"{kind}.{l}"], a)
        for l, arrays in enumerate(other.parameters)
        for kind, a in zip("Wb", arrays, strict=True)
    )
    print(
        f"100 steps of {optimizer:<21}beside bpnet.train, all weights  error {wrong:.1e}",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures("digits", [128, 64], 20, folder)
        pictures("fashion-mnist", [256, 128], 3, folder)
        table("price", folder)
        table("kind", folder)
        for optimizer in bpnet.optimizers.OPTIMIZERS:
            steps(optimizer, folder)


if __name__ == "__main__":
    main()
