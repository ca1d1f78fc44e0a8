"""The libraries of ONNX, imported on use."""

from importlib import import_module
from typing import Any

from bpnet.errors import InputError
from bpnet.requirements import ONNX, install


def library(name: str) -> Any:
    """Import one of the libraries of ONNX, or refuse with the command that installs them."""
    try:
        return import_module(name)
    except ImportError as error:
        msg = f"ONNX files need {name}, which is not installed: {install(*ONNX)}"
        raise InputError(msg) from error
