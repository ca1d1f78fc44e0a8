"""What the tests of the documentation share."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(tmp_path):
    """Variables of a shell whose `bpnet` is this checkout's."""
    commands = tmp_path / "bin"
    commands.mkdir()
    command = commands / "bpnet"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bpnet "$@"\n')
    command.chmod(0o755)
    held = {k: v for k, v in os.environ.items() if not k.startswith(("BPNET_", "COLUMNS"))}
    path = f"{commands}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{held['PATH']}"
    return {**held, "PATH": path, "PYTHONPATH": str(ROOT), "BPNET_BACKEND": "numpy"}
