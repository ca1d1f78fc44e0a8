"""Every Python and shell block of the documentation runs, and writes what the page says."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.blocks import RUN, blocks, same

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md"))]
SHOWN_ONLY = re.compile(r"pip install|\.venv|cupy|cuda|^git |^mpiexec|^bpnet backends$")
"""What a block of a console may hold, which is not run: installing, GPUs, and what takes long."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, tmp_path, environment):
    needs = re.search(r"<!-- needs: (.*?) -->", page.read_text(encoding="utf-8"))
    for library in needs[1].split(", ") if needs else ():
        if find_spec(library) is None:
            pytest.skip(f"{library} is not here")
    place = tmp_path / "place"
    place.mkdir()
    runner = [sys.executable, str(ROOT / "tests" / "docs" / "blocks.py"), str(page)]
    done = subprocess.run(
        runner, cwd=place, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    for block in json.loads(done.stdout):
        where = f"{page.name}, line {block['line']}"
        assert not block["failed"], f"{where}:\n{block['found']}"
        if block["wanted"] is not None:
            good = same(block["wanted"], block["found"])
            assert good, f"{where} says\n{block['wanted']}\nand wrote\n{block['found']}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_nothing_escapes_being_run(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        assert block.language in {*RUN, "text", "console"}, f"line {block.line}"
        if block.language == "console":
            for line in block.source.splitlines():
                assert SHOWN_ONLY.search(line), line


def test_the_readmes_python_runs(tmp_path, environment):
    for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")):
        if block.language == "python":
            subprocess.run(
                [sys.executable, "-W", "error", "-c", block.source],
                cwd=tmp_path, env=environment, check=True, timeout=120,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found", "good"),
    [
        ("cost 0.500", "cost 0.510", True), ("cost 0.500", "cost 0.600", False),
        ("cost 0.5", "loss 0.5", False), ("7 of 9", "8 of 9", False), ("a ...", "a b c", True),
        ("0.5 1.5", "0.5", False), ("1,294 rows", "1,295 rows", False),
        ("RMSE: 57,976 (95 %: 26,530 to 126,697)", "RMSE: 57,970 (95 %: 26,500 to 126,000)", True),
        ("RMSE: 57,976", "RMSE: 67,976", False), ("in 12.1 s", "in 3 s", True),
        ("a\n...\nz ... samples/s", "a\nb\nz 3 1 samples/s", True),
        ("backend: numpy, 2 threads", "backend: torch", True),
        ("1,234 samples/s", "9 samples/s", True),
    ],
)  # fmt: skip
def test_outputs_are_the_same_but_for_rounding_and_times(wanted, found, good):
    assert same(wanted, found) is good


def test_what_a_block_writes_is_told_from_what_it_shall_write(tmp_path):
    page = "```python\nprint(1)\n```\n\n```text\n1\n```\n\ntext\n\n```text\n2\n```\n"
    first, second = blocks(page)
    assert (first.language, first.line, first.wanted) == ("python", 1, "1\n")
    assert (second.language, second.wanted) == ("text", None)
