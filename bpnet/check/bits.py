"""Random numbers, equal in every bit: known answers, masks, initial weights, order of examples."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpnet.backends import Backend
from bpnet.check.report import BITS, Row
from bpnet.core import random
from bpnet.data import batches, draws
from bpnet.model.network import Network

# kat_vectors of Random123 (Salmon et al. 2011): counter, key, result
THREEFRY = (
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
)


def rows(backend: Backend) -> Iterator[Row]:
    """Yield counts of the numbers that differ from the expected ones."""
    with backend.session("float32"):
        yield _row("Threefry-2x32, known answers", "int32", _known_answers(backend))
        for layer, rate in ((0, 0.5), (2, 0.25)):
            differ = int(np.sum(_mask(backend, layer, rate) != _mask_by_hand(layer, rate)))
            yield _row(f"mask of layer {layer}, dropout {rate}", "bool", differ)
        yield _row("first weights", "float32", _first_weights(backend))
        # drawn on the host: here the way to the device and back is checked
        order = draws.order(3, 5, 1000)
        index = backend.asarray(order, dtype=backend.index_dtype)
        differ = int(np.sum(backend.to_numpy(index) != order))
        yield _row("order of examples", backend.index_dtype, differ)


def _row(name: str, dtype: str, differ: int) -> Row:
    return Row("random", name, dtype, float(differ), BITS)


def signed(words: Any) -> list[int]:
    """Words of 32 bits as int32 numbers."""
    return [word - (1 << 32) if word >> 31 else word for word in words]


def _known_answers(backend: Backend) -> int:
    wrong = 0
    for counter, key, result in THREEFRY:
        x = [backend.asarray(np.asarray([word], np.int32), copy=True) for word in signed(counter)]
        bits = random.threefry(tuple(signed(key)), *x, xp=backend.xp)  # type: ignore[arg-type]
        actual = [int(backend.to_numpy(b)[0]) for b in bits]
        wrong += sum(a != b for a, b in zip(actual, signed(result), strict=True))
    return wrong


# the first and the last row of 31 bits, an n that is no multiple of 4, words beyond 32 bits
_ROWS, _N, _WORDS = (0, 7, 2**31 - 1, 123_456), 257, random.step_words(2**40 + 1, 4, 2**33 + 5)


def _mask(backend: Backend, layer: int, rate: float) -> Any:
    numbers = backend.asarray(np.asarray(_ROWS, np.int32))
    key = random.Key(_WORDS, numbers).at(layer)
    return backend.to_numpy(random.keep_mask(key, _N, random.drop_steps(rate), xp=backend.xp))


def _mask_by_hand(layer: int, rate: float) -> Any:
    """Expected mask, number by number: value j has quarter j // lanes of its lane.

    A quarter is a number of 16 bits, of which the highest is inverted.
    """
    key = (_WORDS[0] % 2**32, _WORDS[1] % 2**32)
    lanes = -(-_N // 4)
    words = np.asarray(
        [
            [random.threefry_of_words(key, row, lane + (layer << 20)) for lane in range(lanes)]
            for row in _ROWS
        ]
    )
    quarters = np.stack([words % 2**16, words >> 16], axis=-1)  # (rows, lanes, 2 words, 2 halves)
    # the mask compares signed numbers, for which the highest bit counts the other way
    by_value = (quarters ^ 2**15).reshape(len(_ROWS), lanes, 4).transpose(0, 2, 1)
    return by_value.reshape(len(_ROWS), -1)[:, :_N] >= rate * 2**16


def _first_weights(backend: Backend) -> int:
    network = Network([12, 16, 3], seed=7)
    on_device = batches.on_device(network.parameters, backend=backend, dtype="float32")
    return sum(
        int(np.sum(backend.to_numpy(array) != host.astype(np.float32)))
        for arrays, expected in zip(on_device, network.parameters, strict=True)
        for array, host in zip(arrays, expected, strict=True)
    )
