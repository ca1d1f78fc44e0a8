"""Helpers of all readers: exact reads, one-line refusals, bounds on the sizes that files claim."""

import hashlib
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bpnet.data import finite
from bpnet.errors import InputError, one_line

MOST_DEFLATED = 1032
"""DEFLATE makes no stream longer than this many times its size (zlib.net/zlib_tech.html)."""

_CHUNK = 1 << 20

_VARIABLE = "BPNET_MAX_BYTES"
_GROWTH, _ALWAYS = 128, 32 << 20
"""Factor by which a compressed file may grow, and bytes that any file may grow to beside it."""


def most_bytes(on_disk: int) -> int:
    """Bytes that a compressed file of so many bytes may become; 0 for any number.

    ``BPNET_MAX_BYTES`` sets it for files that are trusted.
    """
    text = os.environ.get(_VARIABLE, "")
    if not text:
        return _ALWAYS + _GROWTH * on_disk
    if not text.isdecimal():
        raise InputError(f"{_VARIABLE} is {text!r}: give a number of bytes, or 0 for any")
    return int(text)


def refuse_growth(claimed: int, on_disk: int, what: str) -> None:
    """Refuse a compressed file that would become more than :func:`most_bytes`."""
    most = most_bytes(on_disk)
    if most and claimed > most:
        raise InputError(
            f"{what} has {on_disk:,} bytes and claims to hold {claimed:,}, more than {most:,}: "
            f"if you trust it, set {_VARIABLE}={claimed}"
        )


def check_size(size: int, available: int, what: str, *, is_exact: bool = True) -> None:
    """Refuse data that its file cannot hold, or, where the size is exact, does not fill."""
    if size > available or (is_exact and size < available):
        kind = "truncated" if size > available else "too long"
        raise InputError(
            f"{what} is {kind}: its header speaks of {size:,} bytes of data, and {available:,} "
            f"{'follow' if is_exact else 'can follow at most'}; get it again"
        )


def check_entry(info: zipfile.ZipInfo, what: str) -> None:
    """Refuse an entry of a zip that is compressed without a bound, or lies about its size."""
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        # others have no bound on how much a few bytes may become
        raise InputError(f"{what} is compressed by another method than deflate: save it anew")
    if info.file_size > info.compress_size * MOST_DEFLATED:
        message = f"{what} is damaged: {info.compress_size:,} bytes can't hold {info.file_size:,}"
        raise InputError(message)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn what libraries raise on damaged bytes into one line that names the file."""
    try:
        yield
    except InputError:
        raise
    except (
        *(EOFError, zlib.error, struct.error, zipfile.BadZipFile, tokenize.TokenError),
        *(OverflowError, ValueError, TypeError, SyntaxError, NotImplementedError, RuntimeError),
    ) as error:
        message = f"{what} is damaged or not what its name says: {one_line(error)}"
        raise InputError(message) from error
    except OSError as error:
        # gzip reports bad bytes as an OSError without a number
        raise InputError(f"can't read {what}: {error.strerror or one_line(error)}") from error


_SAMPLES, _SAMPLE = 256, 1 << 12


@dataclass(frozen=True)
class Stamp:
    """A file as it was when it was opened: bytes, nanoseconds of the last change, and its inode."""

    path: Path
    size: int
    time: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Stamp of a file now."""
        with refusing(str(path)):
            status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ino)

    def check(self) -> None:
        """Refuse the file if it is no longer what it was."""
        if Stamp.of(self.path) != self:
            raise InputError(f"{self.path} changed while it was read: start again when it is whole")

    def sample(self) -> str:
        """Hash of the size and of 256 short pieces spread over the file."""
        digest = hashlib.blake2b(f"{self.size}".encode(), digest_size=16)
        with refusing(str(self.path)), self.path.open("rb", buffering=0) as stream:
            step = max(_SAMPLE, self.size // _SAMPLES)
            for at in range(0, self.size, step):
                stream.seek(at)  # not by `os.pread`, which Windows lacks
                digest.update(stream.read(_SAMPLE))
        return digest.hexdigest()


def read_exactly(stream: IO[bytes], size: int, what: str) -> npt.NDArray[np.uint8]:
    """Read `size` bytes, after which the stream must end: no less, and never more."""
    buffer = np.empty(size, np.uint8)
    view = buffer.data
    done = 0
    while done < size:
        piece = stream.read(min(size - done, _CHUNK))
        if not piece:
            message = f"{what} is truncated: {done:,} of {size:,} bytes of data; get it again"
            raise InputError(message)
        view[done : done + len(piece)] = piece
        done += len(piece)
    if stream.read(1):
        message = f"{what} holds more than the {size:,} bytes its header speaks of; get it again"
        raise InputError(message)
    return buffer


def check_finite(
    a: npt.NDArray[Any], name: str, where: str, rows: npt.NDArray[Any] | None = None
) -> None:
    """Refuse nan and inf, and name the first by its row: its number in ``rows``, or in ``a``."""
    at = finite.first_bad(a)
    if at is not None:
        row = at[0] if rows is None else rows[at[0]]
        place = f"row {row}" + (f", column {at[1]}" if at[1:] else "")
        raise InputError(f"{where}: {name} is {a[at]} in {place} (counted from 0): give numbers")
