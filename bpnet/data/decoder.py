"""A program with limited memory and time that decodes a Parquet or Arrow file once, as a test.

Decoders of these formats allocate as much memory as the file claims to need. Where that is too
much, this process ends, and not the process that reads the file, which decodes the file only after
this process has succeeded. The program imports nothing of bpnet, to start quickly: ``python -P
decoder.py PATH FORMAT MOST`` with "parquet" or "ipc" and the bytes that the file may become (0: any
number). What it writes is one line of JSON: ``{"rows": 3}``, ``{"claimed": 480000000}`` or
``{"error": "..."}``.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

SLACK = 96 << 20  # bytes for buffers and threads beside what is decoded
_PER_SECOND = 32 << 20  # decoded bytes for which a second of processor time is granted
_PIECE = 1 << 26  # bytes that are decoded at a time, by what their types take
_WIDTHS = {"8": 1, "16": 2, "32": 4}


def limit(most: int) -> None:
    """Bound memory and time, where the system knows of such a thing.

    Linux counts all that a process may write to (``RLIMIT_DATA``); macOS takes the limit and does
    not hold it, Windows has none.
    """
    with suppress(ImportError, ValueError, OSError):
        import resource

        used = 0
        with suppress(OSError, IndexError):  # of Linux: pages of data and stack
            used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        bounds = {
            resource.RLIMIT_DATA: used + 2 * most + SLACK,
            resource.RLIMIT_CPU: 4 + most // _PER_SECOND,
            resource.RLIMIT_CORE: 0,
        }
        for what, bound in bounds.items():
            hard = resource.getrlimit(what)[1]  # -1 where there is no limit
            resource.setrlimit(what, (bound if hard < 0 else min(bound, hard), hard))


def decode(path: str, kind: str, most: int) -> dict[str, Any]:
    """Decode a file piece by piece; return the JSON that is written: its rows or claimed bytes."""
    import polars as pl

    with Path(path).open("rb") as file:  # by its name polars might take it for a pattern
        frame = (pl.scan_ipc if kind == "ipc" else pl.scan_parquet)(file)
        width = sum(map(_width, frame.collect_schema().dtypes()))
        rows = int(frame.select(pl.len()).collect().item())
        if most and rows * width > most:
            return {"claimed": rows * width}
        size = max(1, _PIECE // max(1, width))
        # The result is dropped: the caller only needs to know that decoding succeeds.
        for first in range(0, rows, size):
            frame.slice(first, size).collect()
    return {"rows": rows}


def _width(dtype: Any) -> int:
    """Smallest number of bytes of a value of a type."""
    digits = "".join(c for c in str(dtype) if c.isdigit())
    if dtype.is_numeric():
        return _WIDTHS.get(digits, 8)
    # polars keeps a view of 16 bytes for each string, beside the characters of long ones.
    return 1 if str(dtype) in {"Boolean", "Null"} else 16 if str(dtype) == "String" else 4


def main(path: str, kind: str, most: str) -> int:
    """Run the program; the exit status is 1 after an error that it has written."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # each has memory of its own
    import polars  # noqa: F401  (before the limit: its own code needs room)

    if int(most):
        limit(int(most))
    try:
        said = decode(path, kind, int(most))
    except BaseException as error:  # polars's panics are no Exception
        said = {"error": " ".join(str(error).split())[:160] or type(error).__name__}
    sys.stdout.write(json.dumps(said) + "\n")
    return int("error" in said)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
