"""A program of its own, with bounds: a Parquet file becomes an Arrow stream on standard output.

Decoders of such formats set memory aside on the word of the file, in ways that nobody outside can
foresee. Here that ends this process and not the one that asked. It knows nothing of bpnet, so that
it starts quickly: ``python -P decoder.py PATH MOST COLUMNS`` with the bytes that it may become (0:
any number), and the columns, their names without spaces around them, as JSON, null to be told all
names. The first line of what it writes is JSON, such as ``{"error": "..."}``.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

SLACK = 96 << 20
"""Bytes for buffers and threads beside what is decoded."""

_PER_SECOND = 32 << 20
"""Decoded bytes for which a second of processor time is granted."""

_WIDTHS = {"8": 1, "16": 2, "32": 4}


def limit(most: int) -> None:
    """Bound memory and time, where the system knows of such a thing.

    Linux counts all that a process may write to (``RLIMIT_DATA``); macOS takes the limit and does
    not hold it, Windows has none.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource

        held = 0
        with suppress(OSError, IndexError):  # of Linux: pages of data and stack
            held = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        bounds = {
            resource.RLIMIT_DATA: held + 2 * most + SLACK,
            resource.RLIMIT_CPU: 4 + most // _PER_SECOND,
            resource.RLIMIT_CORE: 0,
        }
        for what, bound in bounds.items():
            hard = resource.getrlimit(what)[1]
            resource.setrlimit(what, (bound if hard < 0 else min(bound, hard), hard))


def decode(path: str, most: int, wanted: list[str] | None, out: IO[bytes]) -> None:
    """Write the first line, and the columns if there are any to write."""
    import polars as pl

    with Path(path).open("rb") as file:  # by its name polars might take it for a pattern
        schema = pl.read_parquet_schema(file)
    if wanted is None:
        _say(out, names=list(schema))
        return
    given = {name.strip(): name for name in schema}
    chosen = [given[name] for name in wanted]
    with Path(path).open("rb") as file:
        rows = int(pl.scan_parquet(file).select(pl.len()).collect().item())
    claimed = rows * sum(_width(schema[name]) for name in chosen)
    if most and claimed > most:
        _say(out, claimed=claimed)
        return
    with Path(path).open("rb") as file:
        frame = pl.read_parquet(file, columns=chosen)
    frame.columns = [name.strip() for name in frame.columns]
    _say(out)
    frame.write_ipc_stream(out)


def _width(dtype: Any) -> int:
    """Bytes of a value of a type, at least."""
    digits = "".join(c for c in str(dtype) if c.isdigit())
    if dtype.is_numeric():
        return _WIDTHS.get(digits, 8)
    return 1 if str(dtype) in {"Boolean", "Null"} else 16 if str(dtype) == "String" else 4


def _say(out: IO[bytes], **what: Any) -> None:
    out.write(json.dumps(what).encode() + b"\n")


def main(path: str, most: str, columns: str) -> int:
    """Run the program; the exit status is 1 after an error that it could tell."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # each has memory of its own
    import polars  # noqa: F401  (before the limit: its own code needs room)

    if int(most):
        limit(int(most))
    out = sys.stdout.buffer
    try:
        decode(path, int(most), json.loads(columns), out)
    except BaseException as error:  # polars's panics are no Exception
        _say(out, error=" ".join(str(error).split())[:160] or type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
