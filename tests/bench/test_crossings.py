"""From which width on a backend is ahead, where it is behind at several."""

import pytest

from bpnet import bench


def timing(backend, width, rate):
    return bench.Timing(backend, bench.Cell((width,), 10), samples=rate, epoch=1.0)


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((50, 60, 200, 300), "above width 64"),
        ((50, 60, 70, 300), "above width 256"),
        ((150, 60, 200, 300), "above width 64"),  # the last at which it is behind
        ((100, 200, 200, 200), "above width 16"),  # as fast is not ahead
    ],
)
def test_it_is_above_the_largest_width_at_which_it_is_behind(rates, said):
    widths = (16, 64, 256, 1024)
    actual = [timing("numpy", width, 100) for width in widths]
    actual += [timing("a", width, rate) for width, rate in zip(widths, rates, strict=True)]
    assert bench.crossings(actual) == [f"batch 10: a is ahead of numpy {said}"]
