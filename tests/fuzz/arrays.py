"""Damaged npy, npz, IDX and gz."""

import gzip
import io
import zipfile

import numpy as np

from tests.fuzz.changes import NUMBERS, spans

TYPES = (
    *("<f8", "<f4", "<f2", "|u1", ">i8", "<i4", "|b1", "|O", "<U3", "|S2", "|S0", "<U0", "<c16"),
    *("<f16", "<M8[ns]", "<m8", "|V8", "<U1000000000", "<i16", "f", "", "O8", "<f4,<f4", 3, None),
    *([("a", "<f4")], "__import__('os')", "<f8" * 900),
)
SHAPES = (
    *((), (0,), (12,), (12, 3), (3, 12), (12, 3, 2), (12, 0), (-1,), (-3, -12), (2**63,), [12, 3]),
    *((10**30, 2), (2**31, 2**31), (2**32, 2**32, 0), (12, 3.0), (True, 3), (1,) * 33, "x", None),
)
HEADERS = ("(" * 5000, "-" * 9000 + "1", "9" * 9000, "{" * 900, "{}", "[]", "1", "'", "\x00", "é")


def npy(array, draw):
    """A .npy file of an array, its header changed or its bytes."""
    if draw.random() < 0.4:
        file = io.BytesIO()
        np.lib.format.write_array(file, array)
        return spans(file.getvalue(), draw)
    parts = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    for _ in range(draw.randint(1, 2)):
        name = draw.choice(("descr", "shape", "fortran_order", "more"))
        options = {"descr": TYPES, "shape": SHAPES}.get(name, (True, False, None, 1, "x"))
        parts[name] = draw.choice(options)
    text = repr(parts) if draw.random() < 0.9 else draw.choice(HEADERS)
    raw = text.encode("utf-8") + b"\n"
    version = draw.choice(((1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (1, 1), (9, 9)))
    width = 2 if version[0] == 1 else 4
    size = len(raw) if draw.random() < 0.9 else draw.choice(NUMBERS) % (1 << 8 * width)
    body = array.tobytes()
    body = (
        body if draw.random() < 0.6 else draw.choice((b"", body[:-1], body * 2, draw.randbytes(9)))
    )
    size = (size % (1 << 8 * width)).to_bytes(width, "little")
    return b"\x93NUMPY" + bytes(version) + size + raw + body


def plain_npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def npz(arrays, draw):
    """A .npz archive with members changed, or its directory."""
    held = {name: plain_npy(array) for name, array in arrays.items()}
    for name in draw.sample(list(held), draw.randint(0, 2)):
        held[name] = npy(arrays[name], draw)
    if draw.random() < 0.1:
        held[draw.choice(("x", "../x", "x.npy", "\x01", "a" * 300))] = draw.randbytes(20)
    if draw.random() < 0.02:
        rows = draw.choice((1 << 10, 1 << 20))
        held["x"] = plain_npy(np.zeros((12, rows), np.uint8))
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in held.items():
            method = draw.choices(methods, (4, 4, 1, 1))[0]
            archive.writestr(
                f"{name}.npy" if draw.random() < 0.97 else name or "-", content, method
            )
    data = file.getvalue()
    if draw.random() < 0.5:
        at = data.rfind(b"PK\x01\x02") if draw.random() < 0.5 else 0
        data = data[:at] + spans(data[at:], draw)
    return data


def idx(array, draw):
    """An IDX file, its header changed or its bytes; zipped or not."""
    code = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13}[array.dtype.name]
    shape = list(array.shape)
    body = array.astype(array.dtype.newbyteorder(">")).tobytes()
    magic = [0, 0, code, len(shape)]
    if draw.random() < 0.6:
        kind = draw.randrange(4)
        if kind == 0:
            magic[draw.randrange(4)] = draw.randrange(256)
        elif kind == 1:
            shape[draw.randrange(len(shape))] = draw.choice(NUMBERS) % (1 << 32)
        elif kind == 2:
            shape = [draw.choice(NUMBERS) % (1 << 32) for _ in range(draw.randint(0, 40))]
            magic[3] = len(shape)
        else:
            body = draw.choice((b"", body[:-1], body + b"\0", body[: len(body) // 2]))
    data = bytes(magic) + b"".join(n.to_bytes(4, "big") for n in shape) + body
    if draw.random() < 0.4:
        data = spans(data, draw)
    if draw.random() < 0.02:
        data += bytes(1 << draw.choice((10, 24)))
    return zipped(data, draw) if draw.random() < 0.5 else data


def zipped(data, draw):
    """A gz file, whole or damaged, of one member or of two."""
    whole = gzip.compress(data, compresslevel=1)
    kind = draw.randrange(5)
    if kind == 0:
        return spans(whole, draw)
    if kind == 1:
        half = len(data) // 2
        return gzip.compress(data[:half]) + gzip.compress(data[half:])
    if kind == 2:
        return whole + draw.randbytes(5)
    return whole
