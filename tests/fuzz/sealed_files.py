"""Damaged models and checkpoints: of their bytes, their header, and with a hash made to fit."""

import json

import numpy as np

from bpnet.storage import checksummed
from tests.fuzz.changes import spans, tree

DTYPES = ("f2", "f4", "f8", "i1", "u1", "i4", "i8", "?")


def safetensors(path, draw):
    """A changed file, from the bytes of a good one."""
    whole = path.read_bytes()
    kind = draw.random()
    if kind < 0.25:
        return spans(whole, draw)
    if kind < 0.5:
        return headed(whole, draw)
    held = checksummed.read(path)
    text, tensors = held.text, dict(held.tensors)
    if draw.random() < 0.7:
        text = json.dumps(tree(json.loads(text), draw))
    if draw.random() < 0.05:
        text = draw.choice(("", "{", "[" * 50_000, '{"a":' * 9000, "9" * 6000, "null", "\x00"))
    if draw.random() < 0.5:
        retensored(tensors, draw)
    return checksummed.encode(text, tensors)


def retensored(tensors, draw):
    name = draw.choice(list(tensors))
    array = tensors.pop(name)
    kind = draw.randrange(6)
    if kind == 0:
        tensors[name] = array.astype(draw.choice(DTYPES))
    elif kind == 1:
        sizes = [draw.randrange(5) for _ in range(draw.randrange(4))]
        tensors[name] = np.zeros(sizes, array.dtype)
    elif kind == 2:
        tensors[draw.choice(("x", "", "0.weight", "state.0", "a.b.c", "-", "parameters.9.-"))] = (
            array
        )
    elif kind == 3:
        changed = np.array(array)
        if changed.size:
            value = draw.choice((np.nan, np.inf, 1e38, -1e38, 1e-45, 0))
            changed.flat[draw.randrange(changed.size)] = value
        tensors[name] = changed
    elif kind == 4:
        tensors[name] = np.asfortranarray(array.T)


def headed(whole, draw):
    """The header as JSON, changed and put back."""
    size = int.from_bytes(whole[:8], "little")
    header = tree(json.loads(whole[8 : 8 + size]), draw)
    text = json.dumps(header).encode()
    length = len(text) if draw.random() < 0.9 else draw.choice((0, 1, 10**8 + 1, 2**63, 2**64 - 1))
    return length.to_bytes(8, "little") + text + whole[8 + size :]
