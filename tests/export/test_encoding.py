"""The encodings of a table's columns before the network, against ``encode`` and ``predict``."""

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.data.encoding import encode
from bpnet.errors import InputError
from bpnet.export import to_onnx
from tests.export.sessions import BOUND, Session, error

COLORS = ("red", "blue", None, "green")


def table(m=60):
    generator = np.random.default_rng(4)
    return pl.DataFrame(
        {
            "age": [None if i % 11 == 3 else i % 50 for i in range(m)],
            "year": generator.integers(1_000_000, 1_000_050, m),
            "size": generator.normal(size=m) * 1e6,
            "color": [COLORS[i % 4] for i in range(m)],
            "label": ["é", "ü"] * (m // 2),  # the name of an output, too
            "smokes": [(True, False, None)[i % 3] for i in range(m)],
            "kind": ["cat", "dog", "cow"] * (m // 3),
            "price": generator.normal(size=m) * 40 + 100,
        }
    )


def fed(frame, columns):
    """Columns as the file takes them."""
    feed = {}
    for column in columns.inputs:
        series = frame[column.name]
        if column.kind == "number":
            feed[column.name] = series.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
        else:
            cells = series.cast(pl.String).fill_null("").to_list()
            feed[column.name] = np.asarray(cells, dtype=object)
    return feed


@pytest.fixture(scope="module", params=["kind", "price"])
def run(request, tmp_path_factory):
    """A trained network, its columns, and its file."""
    folder = tmp_path_factory.mktemp("table")
    table().write_parquet(folder / "t.parquet")
    data = bpnet.data.load(str(folder / "t.parquet"), target=request.param)
    outputs, output = (3, "softmax") if request.param == "kind" else (1, "identity")
    net = bpnet.Network([data.x.shape[1], 8, outputs], hidden="relu", output=output, seed=1)
    bpnet.train(net, data, epochs=5, batch_size=16)
    return net, data.columns, Session(to_onnx(net, folder / "t.onnx", data.columns))


def test_raw_columns_give_what_predict_gives(run):
    net, columns, session = run
    frame = table()
    outputs = session(**fed(frame, columns))
    x, _ = encode(frame, columns, "table")
    expected = net.predict(x)
    assert error(outputs["output"], expected) <= BOUND
    assert set(session.inputs) == {column.name for column in columns.inputs}
    if columns.task == "regress":
        assert error(outputs["prediction"], columns.decode_target(expected)[:, 0]) <= BOUND
    else:
        assert outputs["label_"].tolist() == net.decide(expected).tolist()
    assert bpnet.data.Columns.from_json(session.about["columns"]) == columns


def test_cells_that_training_had_not(run):
    net, columns, session = run
    feed = fed(table(), columns)
    feed["color"][:6] = ["purple", "Red", "NA", "?", "missing", "red "]
    feed["smokes"][:6] = ["TRUE", "False", "NA", "true", "yes", ""]
    feed["age"][:3] = [np.nan, 1e6, -0.0]
    cells = {"color": feed["color"].tolist(), "smokes": feed["smokes"].tolist()}
    cells["color"][5] = "unknown"  # readers take the blanks away; the graph does not
    for text in cells.values():
        text[:] = [None if cell in ("", "NA", "?") else cell for cell in text]
    strings = [pl.Series(name, text, pl.String) for name, text in cells.items()]
    ages = pl.Series("age", feed["age"]).fill_nan(None)
    x, _ = encode(table().with_columns(*strings, ages), columns, "table")
    assert error(session(**feed)["output"], net.predict(x)) <= BOUND


def test_columns_that_have_names_of_the_graph(tmp_path):
    names = ["W.0", "b.0_", "gamma.1", "beta.1", "x", "output", "output_", "Gemm.0", "Gemm.1"]
    names += ["constant.0", "constant.0_", "constant.1", "node:output", "batch"]
    x = np.random.default_rng(0).normal(size=(60, len(names)))
    frame = pl.DataFrame({name: x[:, j] for j, name in enumerate(names)})
    frame = frame.with_columns(price=pl.Series(x.sum(axis=1)))
    frame.write_parquet(tmp_path / "t.parquet")
    data = bpnet.data.load(str(tmp_path / "t.parquet"), target="price")
    net = bpnet.Network(
        [len(names), 4, 1], hidden="sigmoid", output="identity", norm="batch", seed=1
    )
    bpnet.train(net, data, epochs=1, batch_size=16)
    session = Session(to_onnx(net, tmp_path / "t.onnx", data.columns))
    assert session.inputs == names
    assert session.outputs == ["output__", "prediction"]
    encoded, _ = encode(frame, data.columns, "table")
    assert error(session(**fed(frame, data.columns))["output__"], net.predict(encoded)) <= BOUND


def test_columns_of_another_network_are_refused(run, tmp_path):
    _, columns, _ = run
    with pytest.raises(InputError, match="network takes 3"):
        to_onnx(bpnet.Network([3, 2]), tmp_path / "t.onnx", columns)
    assert list(tmp_path.iterdir()) == []


def test_dates_rare_values_and_several_targets(tmp_path):
    """Days before 1970 and after February 29, at midnight and at noon."""
    days = np.array([-719_000.5, -400.0, -0.5, 0.0, 59.0, 11_016.0, 11_017.5, 19_782.0, 19_783.0])
    m = 600
    when = pl.Series("when", np.resize(days * 86_400e6, m).astype(np.int64)).cast(pl.Datetime("us"))
    when = when.set(pl.Series([i % 13 == 5 for i in range(m)]), None)
    zone = ["rare" if i in (3, 400) else "ab"[i % 2] for i in range(m)]
    y = np.random.default_rng(2).normal(size=(2, m))
    frame = pl.DataFrame({"when": when, "zone": zone, "y": y[0], "z": 100 + 7 * y[1]})
    frame.write_parquet(tmp_path / "t.parquet")
    data = bpnet.data.load(tmp_path / "t.parquet", target="y,z")
    assert data.columns.features == (
        *("when", "when.year", "when.month", "when.day", "when.weekday", "when=missing"),
        *("zone=a", "zone=b", "zone=other"),
    )
    net = bpnet.Network([9, 5, 2], output="identity", seed=1)
    session = Session(to_onnx(net, tmp_path / "t.onnx", data.columns))
    values = (frame["when"].dt.epoch("us") / 86_400e6).fill_null(float("nan")).to_numpy().copy()
    zones = np.asarray([*zone[:-1], "never seen"], dtype=object)
    outputs = session(when=values, zone=zones)
    x, tally = encode(frame.with_columns(zone=pl.Series(zones.tolist())), data.columns, "table")
    assert (tally["zone"].unseen, tally["zone"].examples) == (3, ("never seen", "rare"))
    expected = net.predict(x)
    assert error(outputs["output"], expected) <= BOUND
    named = np.stack([outputs["prediction_y"], outputs["prediction_z"]], axis=1)
    assert error(named, data.columns.decode_target(expected)) <= BOUND
