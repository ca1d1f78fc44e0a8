"""Counter-based random bits: a function of (key, counter), the same on every library.

Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011), in int32 additions, exclusive ors and masked shifts, which every library has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from array_api_compat import device

from bpnet._typing import Array, Namespace

# rotations and parity of Threefry-2x32, from the authors' Random123
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_WORD = 1 << 32
_LANES = 20
"""Bits of the second counter word for the number of a lane of a row; the others are the layer's."""


@dataclass(frozen=True)
class Key:
    """Key of the masks of one step.

    The words are those of :func:`step_words`, a function of seed, purpose and step: int32 numbers,
    or arrays of them, (members, 1, 1). The rows are the examples' numbers in the training set,
    (batch,) or (members, batch), so that the mask of an example does not depend on its batch.
    """

    words: tuple[Any, Any]
    rows: Array
    layer: int = 0  # number of the layer that draws
    # by the number of a dropout layer, if the members' rates differ: the steps and the factors of
    # Dropout.drops for each member, two arrays (members, 1, 1), of int32 and in the run's dtype
    drops: Mapping[int, tuple[Array, Array]] | None = None

    def at(self, layer: int) -> "Key":
        """Key of another layer."""
        return replace(self, layer=layer)


def threefry(words: tuple[Any, Any], x0: Array, x1: Array, *, xp: Namespace) -> tuple[Array, Array]:
    """Threefry-2x32-20 of a key, a pair of int32, and two counter words of one shape.

    The key's words may be arrays that broadcast with the counter, which gives the result's shape.
    """
    schedule = (*words, words[0] ^ words[1] ^ _PARITY)
    # new arrays, which the rounds may write to
    x0 = x0 + schedule[0]
    x1 = x1 + schedule[1]
    # 20 rounds: after every four the key is added again, in turn
    for block in range(5):
        for r in _ROTATIONS[block % 2]:
            x0 += x1
            low = x1 >> (32 - r)
            low &= (1 << r) - 1  # a negative number shifts ones in
            x1 <<= r
            x1 |= low
            x1 ^= x0
        x0 += schedule[(block + 1) % 3]
        x1 += schedule[(block + 2) % 3]
        x1 += block + 1
    return x0, x1


def step_words(seed: int, purpose: int, step: int) -> tuple[int, int]:
    """Key of one step, two int32: Threefry of the seed on (step, purpose), on the host.

    The seed is from 0 to 2^64 - 1, the purpose below 2^16, and the step, counted from the start of
    training, below 2^48.
    """
    high, low = divmod(step, _WORD)
    x0, x1 = threefry_of_words((seed % _WORD, seed // _WORD), low, (high << 16) + purpose)
    return _signed(x0), _signed(x1)


def threefry_of_words(key: tuple[int, int], x0: int, x1: int) -> tuple[int, int]:
    """:func:`threefry` of plain numbers, words from 0 to 2^32 - 1."""
    schedule = (*key, key[0] ^ key[1] ^ _PARITY)
    x0, x1 = (x0 + schedule[0]) % _WORD, (x1 + schedule[1]) % _WORD
    for block in range(5):
        for r in _ROTATIONS[block % 2]:
            x0 = (x0 + x1) % _WORD
            x1 = ((x1 << r) | (x1 >> (32 - r))) % _WORD ^ x0
        x0 = (x0 + schedule[(block + 1) % 3]) % _WORD
        x1 = (x1 + schedule[(block + 2) % 3] + block + 1) % _WORD
    return x0, x1


def _signed(word: int) -> int:
    return word - _WORD if word >= _WORD // 2 else word


def keep_mask(key: Key, n: int, steps: Any, *, xp: Namespace) -> Array:
    """True for the values that are kept, ``n`` an example: (batch, n) or (members, batch, n).

    A value takes 16 random bits, so the rate of dropping is a multiple of 2^-16; ``steps`` is that
    of :func:`drop_steps`, or an array of int32, (members, 1, 1). ``n`` is below 2^22.
    """
    # a lane gives two words of 32 bits, for four values
    lanes = -(-n // 4)
    rows = xp.astype(key.rows, xp.int32)[..., None]
    numbers = xp.arange(lanes, dtype=xp.int32, device=device(rows)) + (key.layer << _LANES)
    lane = xp.zeros_like(rows) + numbers
    # both counters get the full shape, because threefry writes to arrays of their shapes
    x0, x1 = threefry(key.words, rows + xp.zeros_like(lane), lane, xp=xp)
    # shifted to the upper half of a word, 16 bits are a number from -2^31 in steps of 2^16
    threshold = (steps - (1 << 15)) << 16
    halves = (x0 << 16, x0, x1 << 16, x1)
    return xp.concat([half >= threshold for half in halves], axis=-1)[..., :n]


def drop_steps(rate: float) -> int:
    """Rate of dropping in steps of 2^-16."""
    return round(rate * 65536)
