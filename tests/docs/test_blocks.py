"""Every Python and shell block of the documentation runs, and writes what the page says."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import RUN, blocks

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SHOWN_ONLY = re.compile(r"pip install|\.venv|cupy|cuda|^git |^mpiexec|^bpnet backends$")
"""What a block of a console may hold, which is not run: installing, GPUs, and what takes long."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, tmp_path, environment):
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
            good = doctest.OutputChecker().check_output(block["wanted"], block["found"], OPTIONS)
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


def test_what_a_block_writes_is_told_from_what_it_shall_write(tmp_path):
    page = "```python\nprint(1)\n```\n\n```text\n1\n```\n\ntext\n\n```text\n2\n```\n"
    first, second = blocks(page)
    assert (first.language, first.line, first.wanted) == ("python", 1, "1\n")
    assert (second.language, second.wanted) == ("text", None)
