"""Small faults, and faults in one case of several, that a check must not let pass."""

from itertools import islice

from bpnet import backends
from bpnet.check import bits, cases, gradients, parity
from bpnet.core import activations, random


def test_a_slope_that_is_off_by_a_thousandth_in_float32(monkeypatch):
    """The rounding of float32, 1.2e-7, leaves no room for that."""
    monkeypatch.setattr(activations.Tanh, "prime", lambda self, z, a, *, xp: 1.001 * (1 - a * a))
    numpy = backends.get("numpy")
    rows = islice(gradients.rows(numpy, "float32"), len(cases.ACTIVATIONS))
    assert {row.name for row in rows if not row.passed} == {"hidden layer tanh"}


def test_one_wrong_answer_among_those_of_threefrys_authors(monkeypatch):
    right = random.threefry

    def threefry(words, x0, x1, *, xp):
        first, second = right(words, x0, x1, xp=xp)
        return (first ^ 1 if words == (0, 0) else first), second

    monkeypatch.setattr(random, "threefry", threefry)
    rows = list(bits.rows(backends.get("numpy")))
    assert [row.name for row in rows if not row.passed] == ["Threefry-2x32, known answers"]


def deviation(layer, quantity, first_past):
    return parity.Deviation(layer, quantity, 0.0, 0.0, 0.0, 1, first_past)


def test_the_first_past_the_bound_is_by_step_then_as_a_step_goes():
    """Forward from the first layer to the last, then back from there."""
    inorder = [
        deviation(2, "delta", 3), deviation(1, "z", 4), deviation(2, "z", 4),
        deviation(2, "delta", 4), deviation(1, "delta", 4), deviation(1, "z", None),
    ]  # fmt: skip
    for i in range(5):
        left = tuple(reversed(inorder[i:]))
        assert parity.Parity("a", "b", "float32", 0.0, left).first_past == inorder[i]
    assert parity.Parity("a", "b", "float32", 0.0, tuple(inorder[5:])).first_past is None
