"""Damaged CSV, Parquet, TOML and JSON."""

import io
import json
from datetime import datetime
from decimal import Decimal

from tests.fuzz.changes import TEXTS, spans, tree

CELLS = (
    *(
        "",
        "nan",
        "inf",
        "-inf",
        "1e400",
        "-0",
        "0x1F",
        "1_000",
        '"',
        '""',
        '"a\nb"',
        ",",
        ";",
        "\x00",
    ),
    *(
        "é",
        "\ufeff",
        "TRUE",
        "2020-01-01",
        "9" * 30,
        "1" * 5000,
        "NA",
        "?",
        " 7 ",
        "\u2028",
        "'",
        "\\",
    ),
    *("1e38", "1e300", "=1+1", "\x1b[2J", "a" * 140_000),
)
ENDS = ("\n", "\r\n", "\r", "\n\n", "")


def table():
    rows = [[str(i % 7), str(i / 3), "abc"[i % 3], "xy"[i % 2]] for i in range(24)]
    return [["size", "weight", "color", "kind"], *rows]


def csv(draw):
    """A CSV file with cells, rows and bytes changed."""
    rows = table()
    for _ in range(draw.randint(0, 4)):
        row = rows[draw.choice((0, draw.randrange(len(rows))))]
        kind = draw.randrange(6)
        if kind < 3 and row:
            row[draw.randrange(len(row))] = draw.choice(CELLS)
        elif kind == 3:
            row.append(draw.choice(CELLS))
        elif kind == 4 and row:
            row.pop(draw.randrange(len(row)))
        else:
            rows.insert(draw.randrange(len(rows)), list(draw.choice(rows)))
    if draw.random() < 0.02:
        rows = [row * 200 for row in rows]
    if draw.random() < 0.1:
        at = draw.randrange(4)
        for row in rows[1:]:
            row[at : at + 1] = [draw.choice(CELLS[:-1])]
    end = draw.choice(ENDS[:2])
    lines = [",".join(row) + (end if draw.random() < 0.99 else draw.choice(ENDS)) for row in rows]
    data = "".join(lines).encode("utf-8" if draw.random() < 0.97 else "utf-16")
    return spans(data, draw) if draw.random() < 0.3 else data


def columns(pl, draw):
    """Columns of many types."""
    n = 24
    made = {
        "size": [i % 7 for i in range(n)],
        "weight": [i / 3 for i in range(n)],
        "color": ["abc"[i % 3] for i in range(n)],
        "kind": ["xy"[i % 2] for i in range(n)],
    }
    odd = {
        "list": [[1, 2]] * n,
        "struct": [{"a": 1}] * n,
        "time": [datetime(2020, 1, 1 + i % 9) for i in range(n)],
        "decimal": [Decimal(i) / 4 for i in range(n)],
        "bytes": [b"a"] * n,
        "nothing": [None] * n,
        "flag": [i % 3 == 0 for i in range(n)],
        "some": [None if i % 3 else i for i in range(n)],
        "odd": [float("nan") if i % 5 == 0 else float(i) for i in range(n)],
        "huge": [1e308 if i == 3 else -1e308 for i in range(n)],
        "infinite": [float("inf") if i == 3 else 1.0 for i in range(n)],
        "long": ["a" * (1000 * (i % 3)) for i in range(n)],
    }
    for name in draw.sample(list(odd), draw.choice((0, 0, 1, 2))):
        made[name if draw.random() < 0.8 else draw.choice((*TEXTS, " size"))] = odd[name]
    frame = pl.DataFrame(made, strict=False)
    if draw.random() < 0.3:
        kinds = (pl.Int8, pl.UInt64, pl.Float32, pl.String, pl.Int128)
        change = draw.choice(
            (pl.col("size").cast(draw.choice(kinds)), pl.col("color").cast(pl.Categorical))
        )
        frame = frame.with_columns(change)
    return frame


def parquet(draw):
    """A Parquet file; its footer and the heads of its pages are changed most."""
    import polars as pl

    file = io.BytesIO()
    frame = columns(pl, draw)
    methods = ("zstd", "snappy", "gzip", "lz4", "uncompressed", "brotli")
    frame.write_parquet(
        file,
        compression=draw.choice(methods),
        row_group_size=draw.choice((None, 7)),
        statistics=draw.random() < 0.5,
    )
    data = file.getvalue()
    kind = draw.random()
    if kind < 0.08:
        return data
    footer = int.from_bytes(data[-8:-4], "little")
    if kind < 0.55:
        changed = spans(data[-8 - footer : -8], draw)
        return data[: -8 - footer] + changed + len(changed).to_bytes(4, "little") + data[-4:]
    if kind < 0.8:
        head = draw.choice((40, 120, 400))
        return data[:4] + spans(data[4:head], draw)[: head - 4].ljust(head - 4, b"\0") + data[head:]
    return spans(data, draw)


def toml(tables, draw):
    """A configuration with values, keys or bytes changed."""
    kind = draw.random()
    if kind < 0.75:
        text = written(tree(tables, draw))
    else:
        text = draw.choice(
            ("[" * 5000, "a = " + "[" * 5000, "a." * 3000 + "b = 1", "x = 9" + "9" * 5000)
        )
        text = text if kind > 0.97 else written(tables)
    data = text.encode("utf-8", "surrogatepass")
    return spans(data, draw) if kind > 0.7 else data


def written(tables):
    if not isinstance(tables, dict):
        return f"a = {value(tables)}\n"
    plain = [(k, v) for k, v in tables.items() if not isinstance(v, dict)]
    lines = [f"{json.dumps(k)} = {value(v)}" for k, v in plain if v is not None]
    for name, inner in tables.items():
        if isinstance(inner, dict):
            lines.append(f"[{json.dumps(name)}]")
            lines += [f"{json.dumps(k)} = {value(v)}" for k, v in inner.items() if v is not None]
    return "\n".join(lines) + "\n"


def value(item):
    if isinstance(item, dict):
        inner = ", ".join(f"{json.dumps(k)} = {value(v)}" for k, v in item.items() if v is not None)
        return f"{{{inner}}}"
    if isinstance(item, list):
        return f"[{', '.join(value(v) for v in item if v is not None)}]"
    if item is None:
        return '""'
    if isinstance(item, float):
        return repr(item)
    return json.dumps(item)


def text(good, draw):
    """JSON with values, keys or bytes changed."""
    kind = draw.random()
    if kind < 0.7:
        return json.dumps(tree(json.loads(good), draw)).encode()
    if kind < 0.75:
        return draw.choice(("[" * 90_000, '{"a":' * 9000, "9" * 6000, "null", "", "\x00")).encode()
    return spans(good.encode(), draw)
