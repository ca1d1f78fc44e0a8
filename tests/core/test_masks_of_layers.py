"""Dropout masks of the layers of one network: each has bits of its own."""

import numpy as np

from bpnet.core import random

ROWS, N = np.arange(16, dtype=np.int32), 256


def mask(backend, layer):
    key = random.Key(random.step_words(1, 4, 1), backend.asarray(ROWS)).at(layer)
    actual = random.keep_mask(key, N, random.drop_steps(0.5), xp=backend.xp)
    return backend.to_numpy(actual).reshape(len(ROWS), 4, N // 4)  # quarters of lanes


def test_no_lane_of_a_layer_is_one_of_the_layer_before(backend):
    first, second = mask(backend, 0), mask(backend, 1)
    for shift in range(4):
        alike = np.mean(first[..., shift:] == second[..., : N // 4 - shift])
        assert abs(alike - 0.5) < 0.05  # 4,000 coins: six standard deviations


def test_a_lane_is_the_cipher_of_row_and_layer(backend):
    """Lane j of layer l counts from l 2^20, so that layers below 2^22 neurons never meet."""
    words = tuple(word % 2**32 for word in random.step_words(1, 4, 1))
    for layer in (0, 1, 3):
        actual = mask(backend, layer)
        for row, lane in ((0, 0), (5, 17), (15, 63)):
            x0, x1 = random.threefry_of_words(words, row, lane + layer * 2**20)
            halves = [half ^ 2**15 for half in (x0 % 2**16, x0 >> 16, x1 % 2**16, x1 >> 16)]
            assert actual[row, :, lane].tolist() == [half >= 2**15 for half in halves]
