"""A network's arrays as vectors, and back."""

import numpy as np
import pytest

from bpnet.core import flat, layers, optimizers
from bpnet.core.layers import BatchNorm, Dense

NET = (Dense(3, 4, "identity"), BatchNorm(4, "relu"), Dense(4, 2))
ALL = tuple(
    tuple(np.arange(np.prod(shape)).reshape(shape) + 1000.0 * l + 100 * i for i, shape in
          enumerate(layer.shapes))
    for l, layer in enumerate(NET)
)  # fmt: skip


@pytest.fixture
def put(backend):
    dtype = backend.dtypes()[0]
    with backend.session(dtype):
        yield lambda a: backend.asarray(np.asarray(a, float), dtype=dtype, copy=True)


@pytest.mark.parametrize(("largest", "shapes"), [
    (float("inf"), [(12 + 4 + 4 + 8 + 2,)]),
    (8, [(4 + 4 + 8 + 2,), (3, 4)]),
    (0, [(3, 4), (4,), (4,), (4, 2), (2,)]),
])  # fmt: skip
def test_what_is_packed_comes_back(backend, put, largest, shapes):
    layout, xp = flat.of_learned(NET, largest), backend.xp
    learned = layers.learned(NET, ALL)
    here = tuple(tuple(put(a) for a in arrays) for arrays in learned)
    vectors = layout.pack(here, xp=xp)
    assert [tuple(v.shape) for v in vectors] == shapes
    assert layout.vectors == len(shapes)
    numbers = np.concatenate([backend.to_numpy(v).ravel() for v in vectors])
    assert sorted(numbers) == sorted(a for arrays in learned for b in arrays for a in b.ravel())
    for arrays, expected in zip(layout.unpack(vectors, xp=xp), learned, strict=True):
        for a, b in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(backend.to_numpy(a), b)


def test_the_shift_that_a_normalization_takes_away_is_not_among_them():
    (w,) = flat.of_learned(NET).pack(layers.learned(NET, ALL), xp=np)
    assert not set(ALL[0][1]) & set(w), "b before the normalization"
    assert not set(ALL[1][2]) & set(w), "the mean of the batches"
    (everything,) = flat.of_all(NET).pack(ALL, xp=np)
    assert sorted(everything) == sorted(a for arrays in ALL for b in arrays for a in b.ravel())


def test_members_stay_apart(backend, put):
    layout, xp = flat.of_learned(NET, 8), backend.xp
    learned = layers.learned(NET, ALL)
    stacked = tuple(tuple(put(np.stack([a, -a])) for a in arrays) for arrays in learned)
    vectors = layout.pack(stacked, xp=xp)
    assert [tuple(v.shape) for v in vectors] == [(2, 18), (2, 3, 4)]
    for i, sign in enumerate((1, -1)):
        alone = layout.pack(
            tuple(tuple(put(sign * a) for a in arrays) for arrays in learned), xp=xp
        )
        for both, one in zip(vectors, alone, strict=True):
            np.testing.assert_array_equal(backend.to_numpy(both[i, ...]), backend.to_numpy(one))


@pytest.mark.parametrize("largest", [float("inf"), 8, 0])
@pytest.mark.parametrize("rule", [optimizers.SGD(), optimizers.Momentum(), optimizers.Adam()])
def test_slots_of_vectors_are_those_of_the_arrays(rule, largest):
    layout = flat.of_learned(NET, largest)
    learned = layers.learned(NET, ALL)
    state = tuple(
        tuple(tuple(a + 1000.0 * (i + 1) for i in range(rule.slots)) for a in arrays)
        for arrays in learned
    )
    packed = layout.pack_slots(state, xp=np)
    assert [len(slots) for slots in packed] == [rule.slots] * layout.vectors
    for slots, vector in zip(packed, layout.pack(learned, xp=np), strict=True):
        for i, slot in enumerate(slots):
            np.testing.assert_array_equal(slot, vector + 1000.0 * (i + 1))
    back = layout.unpack_slots(packed, xp=np)
    for arrays, expected in zip(back, state, strict=True):
        for slots, others in zip(arrays, expected, strict=True):
            for a, b in zip(slots, others, strict=True):
                np.testing.assert_array_equal(a, b)
            assert len(slots) == rule.slots
