"""Hold-out rows: shares, disjointness, and that a draw depends on its arguments alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpnet.data import split
from bpnet.errors import InputError


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**64 - 1),
)
def test_each_class_holds_out_its_share(sizes: list[int], fraction: float, seed: int) -> None:
    y = np.repeat(np.arange(len(sizes)), sizes)
    if max(sizes) < 2:
        return
    kept, held = split(y, fraction, seed, stratify=True)
    assert sorted([*kept, *held]) == list(range(len(y)))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held) > 0).all()
    for label, size in enumerate(sizes):
        got = int((y[held] == label).sum())
        if size == 1:
            assert got == 0
        else:
            assert 1 <= got <= size - 1
            assert abs(got - size * fraction) <= 1 + 1e-9


def test_the_total_is_what_was_asked_for_where_classes_are_large() -> None:
    y = np.repeat(["a", "b", "c"], [333, 333, 334])
    assert len(split(y, 0.1, 0, stratify=True)[1]) == 100


@given(m=st.integers(2, 200), fraction=st.floats(0.001, 0.999))
def test_plain_splits_leave_neither_part_empty(m: int, fraction: float) -> None:
    kept, held = split(np.linspace(0, 1, m), fraction, 3, stratify=False)
    assert len(held) == min(max(round(m * fraction), 1), m - 1)
    assert sorted([*kept, *held]) == list(range(m))


def test_a_split_follows_from_its_seed() -> None:
    y = np.arange(1000) % 10
    first, again, other = (split(y, 0.3, seed, stratify=True)[1] for seed in (5, 5, 6))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_rows_are_drawn_at_random_within_a_class() -> None:
    """Over many seeds, each row is held out as often as any other."""
    y = np.repeat([0, 1], 10)
    counts = sum(
        np.isin(np.arange(20), split(y, 0.5, seed, stratify=True)[1]) for seed in range(400)
    )
    assert counts.min() > 150
    assert counts.max() < 250


def test_one_hot_rows_are_stratified_as_their_labels_are() -> None:
    labels = np.arange(60) % 3
    by_rows = split(np.eye(3)[labels], 0.2, 1, stratify=True)[1]
    assert by_rows.tolist() == split(labels, 0.2, 1, stratify=True)[1].tolist()


def test_multi_label_rows_are_divided_as_they_come() -> None:
    rows = np.array([[1, 1], [0, 1], [0, 0], [1, 0]] * 5)
    kept, held = split(rows, 0.25, 1, stratify=True)
    assert (len(kept), len(held)) == (15, 5)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: object) -> None:
    with pytest.raises(InputError, match="validation fraction"):
        split([0, 1, 0, 1], fraction, 0, stratify=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("fraction", ["x", None])
def test_a_fraction_that_is_no_number_is_refused(fraction: object) -> None:
    with pytest.raises(InputError, match=r"fraction is .*; give a number"):
        split([0, 1, 0, 1], fraction, 0, stratify=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, None])
def test_a_seed_out_of_range_is_refused(seed: object) -> None:
    with pytest.raises(InputError, match="seed"):
        split([0, 1, 0, 1], 0.5, seed, stratify=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("y", [[], [1], [1, 2, 3]])
def test_rows_that_cannot_be_spared_are_refused(y: list[int]) -> None:
    with pytest.raises(InputError, match="can't hold out"):
        split(y, 0.5, 0, stratify=True)
