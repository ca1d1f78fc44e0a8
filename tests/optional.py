"""Libraries that a stranger may lack and that CI may not."""

import importlib
import os
from typing import Any

import pytest

VARIABLE = "BPNET_TEST_EXTRAS"


def library(name: str) -> Any:
    """The module; where it is missing the tests skip, unless ci/test asked for all of them."""
    if os.environ.get(VARIABLE):
        return importlib.import_module(name)
    return pytest.importorskip(name)
