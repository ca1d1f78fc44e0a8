"""Integers beyond 64 bits: as labels they keep every digit, as amounts they are rounded."""

import numpy as np
import pytest

import bpnet

pl = pytest.importorskip("polars")

LABELS = [2**64 - 1, 2**64 - 2, 2**64 - 3]


@pytest.fixture(params=["csv", "parquet", "frame"])
def source(request, tmp_path):
    frame = pl.DataFrame(
        {"a": [float(i) for i in range(12)], "id": pl.Series(LABELS * 4, dtype=pl.UInt64)}
    )
    if request.param == "frame":
        return frame
    path = tmp_path / f"t.{request.param}"
    frame.write_csv(path) if request.param == "csv" else frame.write_parquet(path)
    return path


def test_labels_that_differ_in_the_last_digit_are_classes_of_their_own(source):
    data = bpnet.data.load(source, target="id")
    assert data.task == "classify"
    assert list(data.columns.classes) == [str(label) for label in sorted(LABELS)]


@pytest.mark.parametrize("border", [2**63 - 1, -(2**63)])
def test_the_border_is_that_of_64_bits(tmp_path, border):
    path = tmp_path / "t.csv"
    within, beyond = border, border + (1 if border > 0 else -1)

    def load(values):
        path.write_text("a,y\n" + "".join(f"{i},{values[i % 2]}\n" for i in range(60)))
        return bpnet.data.load(path, target="y")

    assert load([within, 5]).columns.classes == tuple(sorted([5, within]))
    assert load([within, beyond]).columns.classes == tuple(sorted([str(within), str(beyond)]))


def test_as_amounts_they_are_the_nearest_floats(tmp_path):
    amounts = [2**63, 2**63 + 2**40, 2**64 - 2**40] * 4
    frame = pl.DataFrame({"a": [*range(12)], "y": pl.Series(amounts, dtype=pl.UInt64)})
    frame.write_csv(tmp_path / "t.csv")
    expected = np.asarray(amounts, "float64")
    expected = (expected - expected.mean()) / expected.std()
    for source in (frame, tmp_path / "t.csv"):
        data = bpnet.data.load(source, target="y", task="regress")
        np.testing.assert_allclose(np.ravel(data.y), expected, rtol=1e-6)
