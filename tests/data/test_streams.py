"""What a stream opens: the same rows as from memory, and one line where a file is bad."""

import gzip
import os

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.errors import InputError

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (60, 4, 3), dtype=np.uint8)
LABELS = np.repeat(np.arange(3), 20)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(x=PIXELS, y=LABELS):
    np.save("x.npy", x)
    np.save("y.npy", y)
    return "x.npy,y.npy"


def same(a, b):
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def assert_same_data(stream, loaded):
    same(stream.x, loaded.x)
    same(stream.y, loaded.y)
    assert (stream.task, stream.scale, stream.shape) == (loaded.task, loaded.scale, loaded.shape)
    for name in ("validation", "test"):
        pair, wanted = getattr(stream, name), getattr(loaded, name)
        assert (pair is None) == (wanted is None)
        for a, b in zip(pair or (), wanted or (), strict=True):
            same(a, b)


KINDS = {
    "pixels": (PIXELS, LABELS),
    "floats": (RANDOM.normal(size=(60, 5)), LABELS.astype(np.uint8)),
    "big-endian": (RANDOM.normal(size=(60, 5)).astype(">f4"), LABELS.astype(">i8")),
    "booleans": (PIXELS > 99, LABELS > 0),
    "text": (PIXELS, np.array(["ä", "bb", "c"])[LABELS]),
    "bytes": (PIXELS, np.array([b"a", b"bb", b"c"])[LABELS]),
    "a column of labels": (PIXELS, LABELS[:, None]),
    "one-hot": (PIXELS, np.eye(3)[LABELS]),
    "numbers": (PIXELS, RANDOM.normal(size=60)),
    "rows of numbers": (PIXELS, RANDOM.normal(size=(60, 2)).astype(np.float32)),
    "float labels": (PIXELS, LABELS + 0.0),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["auto", "classify", "regress"])
def test_npy_as_from_memory(place, kind, task):
    source, options = save(*KINDS[kind]), {"task": task, "validation": 0.2, "seed": 4}
    loaded, refused = tried(bpnet.data.load, source, options)
    data, also = tried(bpnet.data.stream, source, options)
    # the row that is named may be another one
    assert refused.split(" is ")[0].split(" in row")[0] == also.split(" is ")[0].split(" in row")[0]
    if loaded is not None:
        assert_same_data(data, loaded)


def tried(opened, source, options):
    try:
        return opened(source, **options), ""
    except InputError as error:
        return None, str(error)


def test_many_npy_files_follow_one_another(place):
    loaded = bpnet.data.load(save(), validation=0.2)
    cuts = [0, 13, 14, 60]
    for i in range(3):
        np.save(f"x-{i}.npy", PIXELS[cuts[i] : cuts[i + 1]])
        np.save(f"y-{i}.npy", LABELS[cuts[i] : cuts[i + 1]])
    assert_same_data(bpnet.data.stream("x-*.npy,y-*.npy", validation=0.2), loaded)
    listed = ([f"x-{i}.npy" for i in range(3)], [f"y-{i}.npy" for i in range(3)])
    assert_same_data(bpnet.data.stream(listed, validation=0.2), loaded)
    alone = bpnet.data.stream("x-*.npy", need_target=False)
    same(alone.x, loaded.x if loaded.rows is None else PIXELS.reshape(60, -1))
    assert alone.y is None


def idx(array):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def test_idx_as_from_memory(place):
    for stem, part in (("train", slice(0, 50)), ("t10k", slice(30, 60))):
        (place / f"{stem}-images-idx3-ubyte").write_bytes(idx(PIXELS[part]))
        (place / f"{stem}-labels-idx1-ubyte").write_bytes(idx(LABELS[part]))
    assert_same_data(
        bpnet.data.stream(place, validation=0.1), bpnet.data.load(place, validation=0.1)
    )
    images = place / "train-images-idx3-ubyte"
    (place / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(images.read_bytes()))
    images.unlink()
    with pytest.raises(InputError, match="is compressed and can't be mapped: unpack it, gunzip"):
        bpnet.data.stream(place)


def test_only_the_rows_that_are_asked_for_are_read(place):
    data = bpnet.data.stream(save(), validation=0.5)
    rows = np.array([7, 3, 3, 0])
    loaded = bpnet.data.load("x.npy,y.npy", validation=0.5)
    same(data.x.take(rows), loaded.x[rows])
    same(data.y[rows], loaded.y[rows])
    with pytest.raises(IndexError):
        data.x.take(np.array([len(data.x)]))


def test_arrays_are_standardized_by_the_training_rows(place):
    x = RANDOM.normal(size=(60, 3)) * [1, 5, 0] + [1e6, 0, 2]
    data = bpnet.data.stream(save(x), validation=0.25, standardize=True)
    kept = np.asarray(data.x)
    np.testing.assert_allclose(kept[:, :2].mean(axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(kept[:, :2].std(axis=0), 1, rtol=1e-8)
    assert (kept[:, 2] == 0).all()
    raw = bpnet.data.load("x.npy,y.npy", validation=0.25)
    wanted = (raw.validation[0][:, :2] - raw.x[:, :2].mean(axis=0)) / raw.x[:, :2].std(axis=0)
    np.testing.assert_allclose(np.asarray(data.validation[0])[:, :2], wanted, atol=1e-8)
    again = bpnet.data.stream("x.npy,y.npy", standardize=data.x.moments)
    np.testing.assert_allclose(np.asarray(again.x)[data.rows], kept)


def frame(rows=90):
    random = np.random.default_rng(1)
    columns = {
        "size": random.normal(size=rows) + 1e6,
        "count": random.integers(0, 9, rows),
        "color": random.choice(["red", "green", "blue"], rows),
        "wet": random.random(rows) < 0.5,
        "same": np.ones(rows),
        "price": random.normal(size=rows),
        "kind": random.choice(["a", "b"], rows),
    }
    table = pl.DataFrame(columns)
    return table.with_columns(
        pl.when(pl.col("count") == 3).then(None).otherwise("size").alias("size")
    )


def write(table, ends=("parquet", "arrow", "feather")):
    os.makedirs("parts", exist_ok=True)
    size = -(-len(table) // len(ends))
    for i, end in enumerate(ends):
        piece = table[i * size : (i + 1) * size]
        (piece.write_parquet if end == "parquet" else piece.write_ipc)(f"parts/{i}.{end}")


@pytest.mark.parametrize("target", ["kind", "price", "wet", "count"])
def test_tables_as_from_memory(place, target):
    table = frame()
    write(table)
    table.write_parquet("whole.parquet")
    loaded = bpnet.data.load("whole.parquet", target=target)
    data = bpnet.data.stream("parts", target=target, buffer=40)
    np.testing.assert_allclose(np.asarray(data.x), loaded.x, rtol=1e-6, atol=1e-6)
    if loaded.task == "regress":  # three files have other runs than one
        np.testing.assert_allclose(np.asarray(data.y), loaded.y, rtol=1e-6)
    else:
        same(data.y, loaded.y)
    assert data.columns.classes == loaded.columns.classes
    assert [c.name for c in data.columns.inputs] == [c.name for c in loaded.columns.inputs]
    assert set(loaded.notes) == set(data.notes[1:])
    rows = np.random.default_rng(0).permutation(90)
    same(data.x.take(rows), np.asarray(data.x)[rows])
    assert data.taken == loaded.taken
    as_learned = bpnet.data.stream("parts", columns=data.columns)
    same(as_learned.x, data.x)


@pytest.mark.parametrize("target", ["kind", "price"])
def test_rows_of_a_table_are_held_out_as_from_memory(place, target):
    write(frame(900))
    options = {"target": target, "validation": 0.2, "seed": 3}
    data = bpnet.data.stream("parts", **options)
    loaded = bpnet.data.load("parts", **options)
    assert_same_data(data, loaded)
    same(data.rows, loaded.rows)
    assert (data.columns, data.taken) == (loaded.columns, loaded.taken)
    assert len(data.validation[0]) == 180
    other = bpnet.data.stream("parts", buffer=16, **options)
    same(other.x, loaded.x)
    whole = bpnet.data.stream("parts", columns=data.columns)
    same(np.asarray(whole.x)[data.rows], loaded.x)
    # learned of the rows that are kept, not of all
    np.testing.assert_allclose(np.asarray(data.x)[:, 2].mean(dtype=np.float64), 0, atol=1e-6)


def test_columns_are_the_same_in_however_many_pieces_they_are_encoded(place, monkeypatch):
    monkeypatch.setattr("bpnet.data.learning._PIECE", 700)  # nine runs of a hundred rows
    write(frame(900), ("parquet",))
    frame(900).write_csv("t.csv")
    every = [bpnet.data.load("parts/0.parquet", target="kind", validation=0.1)]
    every += [
        bpnet.data.stream("parts", target="kind", validation=0.1, buffer=b) for b in (70, 300)
    ]
    every += [bpnet.data.load("t.csv", target="kind", validation=0.1)]
    assert len({data.columns.to_json() for data in every}) == 1
    for data in every[1:]:
        assert_same_data(data, every[0])


def test_no_more_than_a_buffer_is_kept(place, monkeypatch):
    write(frame(900))
    data = bpnet.data.stream("parts", target="price", buffer=80)
    order = data.x.order(0, 0)
    reads, before = [], type(data.x)._read
    monkeypatch.setattr(type(data.x), "_read", lambda x, i: reads.append(i) or before(x, i))
    for start in range(0, 900, 30):
        data.x.take(order[start : start + 30])
        assert sum(map(len, data.x._kept.values())) <= 80 + 10
    assert len(reads) == len(set(reads)) == len(data.x.runs)  # each run was read once an epoch


BAD = {
    "truncated": (lambda p: os.truncate("x.npy", 500), "x.npy is truncated"),
    "lengths": (lambda p: np.save("y.npy", LABELS[:-1]), r"y of shape \(59,\)"),
    "columns first": (
        lambda p: np.save("x.npy", np.asfortranarray(np.eye(60))),
        "column by column",
    ),
    "pickle": (lambda p: np.save("x.npy", np.array([{}] * 60)), "never loaded"),
    "one axis": (lambda p: np.save("x.npy", np.arange(60.0)), "one example a row"),
    "missing": (lambda p: os.unlink("y.npy"), "no file y.npy"),
    "one class": (lambda p: np.save("y.npy", LABELS * 0), "all 60 labels are 0"),
    "nan in y": (lambda p: np.save("y.npy", [*[0.5] * 59, np.nan]), "y is nan in row 59"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_arrays_are_refused_when_they_are_opened(place, kind):
    save()
    spoil, message = BAD[kind]
    spoil(place)
    with pytest.raises(InputError, match=message):
        bpnet.data.stream("x.npy,y.npy")


def test_files_unlike_one_another_are_refused(place):
    save()
    np.save("x2.npy", PIXELS[:, :2])
    with pytest.raises(InputError, match=r"x2.npy holds rows of shape \(2, 3\)"):
        bpnet.data.stream((["x.npy", "x2.npy"], ["y.npy", "y.npy"]))


def test_a_nan_is_named_by_file_row_and_column(place):
    x = RANDOM.normal(size=(60, 5)).astype(np.float32)
    np.save("x-0.npy", x)
    x[41, 3] = np.nan
    np.save("x-1.npy", x)
    np.save("y-0.npy", LABELS)
    np.save("y-1.npy", LABELS)
    data = bpnet.data.stream("x-*.npy,y-*.npy", validation=0.1)
    with pytest.raises(InputError, match=r"x-1.npy: x is nan in row 41, column 3"):
        data.x.take(np.arange(len(data.x)))


@pytest.mark.parametrize("change", ["truncate", "rewrite", "replace", "delete"])
def test_a_file_that_changes_is_refused_before_it_is_touched(place, change):
    data = bpnet.data.stream(save())
    data.x.take(np.arange(3))
    if change == "truncate":
        os.truncate("x.npy", 300)
    elif change == "rewrite":
        with open("x.npy", "r+b") as file:
            file.seek(200)
            file.write(b"new")
        os.utime("x.npy", ns=(1, 1))
    else:
        os.unlink("x.npy")
        if change == "replace":
            np.save("x.npy", PIXELS)
    with pytest.raises(InputError, match=r"x.npy changed while it was read|x.npy: No such file"):
        data.x.take(np.arange(3))


BAD_TABLES = {
    "a column less": (lambda t: t.drop("count"), "lacks the column 'count', which .*0.parquet has"),
    "a column more": (lambda t: t.with_columns(more=1), "0.parquet lacks the column 'more'"),
    "another type": (lambda t: t.cast({"count": pl.String}), "'count' holds text values and in"),
    "infinite": (
        lambda t: t.with_columns(size=pl.when(pl.col("wet")).then(np.inf).otherwise(0.0)),
        r"1.parquet: column 'size' is infinite in data row \d+",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_bad_tables_are_refused_when_they_are_opened(place, kind):
    spoil, message = BAD_TABLES[kind]
    table = frame()
    write(table, ("parquet", "parquet"))
    spoil(table[45:]).write_parquet("parts/1.parquet")
    with pytest.raises(InputError, match=message):
        bpnet.data.stream("parts", target="kind")


def test_a_row_of_a_later_piece_is_named_by_its_number_in_the_file(place, monkeypatch):
    monkeypatch.setattr("bpnet.data.learning._PIECE", 70)
    table = frame()
    bad = table.with_columns(size=pl.when(pl.int_range(pl.len()) == 64).then(np.inf).otherwise(1.0))
    write(bad, ("parquet",))
    with pytest.raises(InputError, match="column 'size' is infinite in data row 65"):
        bpnet.data.stream("parts", target="kind")


@pytest.mark.parametrize("end", ["parquet", "arrow"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_tables_are_refused(place, end, share):
    write(frame(), (end,))
    path = place / "parts" / f"0.{end}"
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(InputError, match=f"0.{end}"):
        bpnet.data.stream("parts", target="kind")


def test_a_table_that_changes_is_refused(place):
    write(frame(), ("parquet",))
    data = bpnet.data.stream("parts", target="kind")
    write(frame(80), ("parquet",))
    with pytest.raises(InputError, match=r"0.parquet changed while it was read"):
        data.x.take(np.arange(3))


REFUSED = {
    "shuffle": ({"shuffle": "some"}, "shuffle 'some'"),
    "buffer": ({"buffer": 0}, "buffer 0"),
    "buffer of all": ({"buffer": 10}, "give shuffle='blocks' too"),
    "target": ({"target": "kind"}, "needs a table"),
    "standardize": ({"standardize": 3}, "standardize is 3"),
    "validation": ({"validation": 1}, "validation 1"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_arguments_that_do_not_fit_are_refused(place, kind):
    options, message = REFUSED[kind]
    with pytest.raises(InputError, match=message):
        bpnet.data.stream(save(), **options)


def test_rows_without_a_target_are_left_out(place):
    table = frame()
    write(table, ("parquet", "parquet"))
    table[45:].with_columns(kind=pl.lit(None, pl.String)).write_parquet("parts/1.parquet")
    data = bpnet.data.stream("parts", target="kind")
    assert "45 rows left out: the target 'kind' is missing, first in data row 46" in data.notes
    assert (len(data.x), len(data.y), data.source_rows) == (45, 45, 90)
    same(data.rows, np.arange(45))


@pytest.mark.parametrize(("buffer", "mixed"), [(20, 20), (90, 90), (400, 90)])
def test_how_a_table_is_mixed_is_told(place, buffer, mixed):
    write(frame())
    data = bpnet.data.stream("parts", target="kind", buffer=buffer)
    assert data.notes[0] == f"streamed; shuffled by blocks, {mixed} rows with one another"


def test_a_table_is_mixed_in_full_where_that_is_wanted(place):
    write(frame())
    data = bpnet.data.stream("parts", target="kind", shuffle="full", buffer=20)
    assert any(note == "streamed; shuffled in full" for note in data.notes)
    same(data.x.order(3, 1), bpnet.data.draws.order(3, 1, 90))
    loaded = bpnet.data.load("parts", target="kind")
    rows = data.x.order(0, 0)[:30]
    same(data.x.take(rows), loaded.x[rows])
    with pytest.raises(InputError, match=r"can't tell what it is by its ending '\.py'"):
        bpnet.data.stream(__file__)
    with pytest.raises(InputError, match="digits can't be streamed"):
        bpnet.data.stream("digits")


def test_a_stream_tells_what_loading_tells(place, caplog):
    table = frame().with_columns(
        count=pl.when(pl.int_range(pl.len()) % 4 == 0).then(None).otherwise("count")
    )
    write(table, ("parquet",))
    with caplog.at_level("WARNING", "bpnet"):
        loaded = bpnet.data.load("parts", target="kind")
        told = caplog.messages[:]
        caplog.clear()
        bpnet.data.stream("parts", target="kind")
        assert caplog.messages[1:] == told  # the first line is on shuffling
        assert any("'same' is left out: it is constant" in line for line in told)
        assert any("23 missing values in 'count'" in line for line in told)
        caplog.clear()
        data = bpnet.data.stream("parts", columns=loaded.columns, need_target=False, buffer=16)
        data.x.take(np.arange(60))
        assert not any("missing" in line for line in caplog.messages)
        for _ in range(2):
            data.x.take(np.arange(90))
        assert sum("23 missing values in 'count'" in line for line in caplog.messages) == 1
