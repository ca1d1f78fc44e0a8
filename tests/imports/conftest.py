"""Keras, of one backend for all tests."""

import os

import pytest

from tests.optional import library


@pytest.fixture(scope="module")
def keras():
    """Keras on NumPy, which computes predictions and brings no other library."""
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "numpy"
    try:
        library("h5py")
        yield library("keras")
    finally:
        os.environ.pop("KERAS_BACKEND")
        if before is not None:
            os.environ["KERAS_BACKEND"] = before
