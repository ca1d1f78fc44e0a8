"""The libraries of ONNX, imported on use."""

from typing import Any

from bpnet.requirements import ONNX, require


def library(name: str) -> Any:
    """Import one of the libraries of ONNX, or refuse with the command that installs them."""
    return require(name, "ONNX files need", *ONNX)
