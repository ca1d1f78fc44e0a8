"""bpnet runs where it only lies on Python's path, as in a checkout on a machine without pip."""

import re
from importlib import metadata
from pathlib import Path

import bpnet
from bpnet import runs


def test_a_run_knows_its_version(monkeypatch):
    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert runs.this_machine("numpy")["bpnet"] == bpnet.__version__


def test_nothing_asks_the_installation_for_the_version():
    asking = re.compile(r"""version\(["']bpnet""")
    package = Path(bpnet.__file__).parent
    assert [p.name for p in package.rglob("*.py") if asking.search(p.read_text())] == []
