"""Tests of the ONNX files, skipped where its libraries are missing."""

import pytest

from tests.optional import library


@pytest.fixture(autouse=True, scope="session")
def onnx():
    """The libraries, which CI must have."""
    for name in ("ndonnx", "onnxscript", "onnxruntime"):
        library(name)
