"""Counter-based bits: known answers, masks that belong to their examples, shares."""

import math

import numpy as np
import pytest

from bpnet.check.bits import THREEFRY, signed
from bpnet.core import random


@pytest.mark.parametrize(("counter", "key", "result"), THREEFRY)
def test_threefry_gives_its_authors_bits(backend, counter, key, result):
    x0, x1 = (
        backend.asarray(np.asarray([word], dtype=np.int32), copy=True) for word in signed(counter)
    )
    bits = random.threefry(tuple(signed(key)), x0, x1, xp=backend.xp)
    assert [int(backend.to_numpy(b)[0]) for b in bits] == signed(result)
    assert random.threefry_of_words(key, *counter) == result


def test_words_of_a_step_are_threefry_of_the_seed():
    """The host's plain-integer form agrees with the arrays' form, for words above 2^31 too."""
    import array_api_compat.numpy as xp

    for seed, purpose, step in ((0, 0, 0), (2**64 - 1, 4, 2**33 + 5), (12345, 1, 2**31 + 1)):
        counter = signed([step % 2**32, (step // 2**32 << 16) + purpose])
        x0, x1 = (np.asarray([word], dtype=np.int32) for word in counter)
        bits = random.threefry(tuple(signed([seed % 2**32, seed >> 32])), x0, x1, xp=xp)
        assert [int(b[0]) for b in bits] == list(random.step_words(seed, purpose, step))


def masks(backend, rows, step=0, layer=0, seed=1, n=10, rate=0.3):
    numbers = backend.asarray(np.asarray(rows, dtype=np.int32))
    key = random.Key(random.step_words(seed, 4, step), numbers).at(layer)
    return backend.to_numpy(random.keep_mask(key, n, random.drop_steps(rate), xp=backend.xp))


def test_a_mask_belongs_to_its_example(backend):
    """Wherever in a batch an example stands, in one batch or two; and so on every backend."""
    from bpnet import backends

    whole = masks(backend, range(20))
    assert whole.shape == (20, 10)
    np.testing.assert_array_equal(masks(backend, [7, 3, 19]), whole[[7, 3, 19]])
    np.testing.assert_array_equal(whole, masks(backends.get("numpy"), range(20)))


def test_masks_keep_the_share_that_is_asked_for_and_differ(backend):
    kept = masks(backend, range(400), n=50, rate=0.3)
    n = kept.size
    assert abs(np.mean(kept) - 0.7) < 5 * math.sqrt(0.3 * 0.7 / n)
    for other in ({"step": 1}, {"layer": 1}, {"seed": 2}):
        same = np.mean(masks(backend, range(400), n=50, rate=0.3, **other) == kept)
        chance = 0.7**2 + 0.3**2
        assert abs(same - chance) < 5 * math.sqrt(chance * (1 - chance) / n)
