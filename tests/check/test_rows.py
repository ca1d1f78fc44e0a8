"""Rows of a check: which of several errors they tell, and faults that one layer alone has."""

import math

import pytest

from bpnet import backends
from bpnet.check import bits
from bpnet.check.report import Row, worst
from bpnet.core import random


@pytest.mark.parametrize("names", ["abc", "bac", "acb"])
def test_no_number_is_worse_than_any(names):
    errors = {"a": 1e-9, "b": math.nan, "c": 2e-9}
    error, name = worst({key: errors[key] for key in names})
    assert math.isnan(error)
    assert name == "b"
    assert not Row("parity", "100 steps", "float32", error, 1e-5).passed
    assert worst({"a": 1e-9, "c": 2e-9}) == (2e-9, "c")


def test_masks_that_are_those_of_the_first_layer_in_every_layer(monkeypatch):
    monkeypatch.setattr(random.Key, "at", lambda self, layer: self)
    rows = list(bits.rows(backends.get("numpy")))
    assert [row.name for row in rows if not row.passed] == ["mask of layer 2, dropout 0.25"]
