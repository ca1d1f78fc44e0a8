"""Commands in messages install what the extras of bpnet require."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from bpnet import requirements
from bpnet.backends import libraries

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("ci/*"))]
SOURCES = sorted((ROOT / "bpnet").rglob("*.py"))


def declared():
    """Requirements of the project and its extras, without markers and its own name."""
    extras = PROJECT["optional-dependencies"].values()
    listed = {one.partition(";")[0].strip() for extra in extras for one in extra}
    own = {one for one in listed if one.startswith(PROJECT["name"])}
    return (listed - own) | set(PROJECT["dependencies"])


@pytest.mark.parametrize("library", requirements.LIBRARIES)
def test_a_requirement_is_that_of_the_extras(library):
    requirement = requirements.LIBRARIES[library]
    assert requirement in declared()
    assert re.split(r"[^\w.-]", requirement)[0] == library


def test_every_library_of_an_extra_has_a_requirement():
    core = set(PROJECT["dependencies"])
    assert declared() - core <= set(requirements.LIBRARIES.values())


def test_every_backend_is_installed_by_libraries_that_are_known():
    assert set(libraries.PACKAGES) == {*libraries.NAMES} - {"cupy"}
    for packages in libraries.PACKAGES.values():
        assert requirements.install(*packages).startswith("pip install ")


def test_the_distribution_has_a_name_of_its_own():
    assert PROJECT["name"] == requirements.PYPI != "bpnet"
    assert list(PROJECT["scripts"]) == ["bpnet"]


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=lambda path: path.name)
def test_nobody_is_sent_to_the_other_project(path):
    """``pip install bpnet``, with an extra or without, is another project's."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"""bpnet\[|pip install (-\S+ )*["']?bpnet\b(?!-arrays)""", text)


def test_the_version_is_that_of_bpnet_itself():
    """Not by a distribution's name, which an environment may hold of the other project."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("metadata.version"):
                assert ast.unparse(node.args[0]) not in {"'bpnet'", f"'{requirements.PYPI}'"}, path
