"""What bpnet asks of an array library is what surface.txt says, and CuPy has all of it."""

import re

from tests import surface


def test_the_list_is_up_to_date():
    """If not: python -m tests.surface --renew, and look at what has come or gone."""
    assert surface.FILE.read_text(encoding="utf-8") == surface.surface()


def test_cupy_has_all_of_it(cupy):
    from bpnet.backends import cupy_namespace as xp

    assert surface.complaints(surface.record(), xp, cupy.ndarray) == []


def test_the_list_names_what_a_step_must_use():
    text = surface.FILE.read_text(encoding="utf-8")
    for needed in (
        "operator __matmul__ (float32, float32) -> float32",
        "function take (uint8, int64, number) axis= -> uint8",
        "operator __ilshift__ (int32, number) -> int32",
        "function exp (float16) -> float16",
        "function sqrt (float64) -> float64",
    ):
        assert re.search(rf"^{re.escape(needed)}$", text, re.MULTILINE), needed
    assert "foreign" not in text
