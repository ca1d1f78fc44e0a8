"""The libraries of ONNX, imported on use."""

from importlib import import_module
from typing import Any

from bpnet.errors import InputError
from bpnet.requirements import ONNX, install


def library(name: str) -> Any:
    """One of the libraries of ONNX, imported on use.

    Raises
    ------
    InputError
        If it is missing.
    """
    try:
        return import_module(name)
    except ImportError as error:
        msg = f"ONNX files need {name}, which is not installed: {install(*ONNX)}"
        raise InputError(msg) from error
