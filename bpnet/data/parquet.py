"""Parquet files, decoded by a process with bounds on memory and time."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpnet.data import decoder
from bpnet.data.reading import most_bytes, refuse_growth
from bpnet.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_WAIT = 300
"""Seconds, and one more for each megabyte of the file, after which a decoder is given up."""


def names(path: Path) -> list[str]:
    """Names of a file's columns, as they are.

    Raises
    ------
    InputError
        If the file is damaged, or its schema takes too much memory or time.
    """
    return list(_decoded(path, None)[0]["names"])


def read(path: Path, wanted: Sequence[str]) -> "pl.DataFrame":
    """Read some columns of a file, their names without spaces around them.

    Parameters
    ----------
    path : Path
        The file.
    wanted : sequence of str
        Names without spaces around them.

    Returns
    -------
    polars.DataFrame
        The cells as stored.

    Raises
    ------
    InputError
        If the file is damaged, or becomes larger than :func:`bpnet.data.reading.most_bytes`.
    """
    import polars as pl

    _, stream = _decoded(path, list(wanted))
    return pl.read_ipc_stream(io.BytesIO(stream))


def _decoded(path: Path, columns: list[str] | None) -> tuple[dict[str, Any], memoryview]:
    """First line and stream of the decoder."""
    size = path.stat().st_size
    most = most_bytes(size)
    command = [sys.executable, "-P", decoder.__file__, str(path), str(most), json.dumps(columns)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(timeout=_WAIT + size / 1e6)
        except subprocess.TimeoutExpired:
            process.kill()
            output = b""
    line, _, _ = output.partition(b"\n")
    said = json.loads(line) if line.startswith(b"{") else {}
    if "claimed" in said:
        refuse_growth(int(said["claimed"]), size, str(path))
    if "error" in said:
        msg = f"{path} is damaged or not what its name says: {said['error']}"
        raise InputError(msg)
    if process.returncode:
        msg = f"{path} takes more memory or time to decode than its {size:,} bytes should"
        raise InputError(f"{msg}; if you trust it, set BPNET_MAX_BYTES=0")
    return said, memoryview(output)[len(line) + 1 :]
