"""Runs a page of the documentation: its Python and shell blocks, one after the other.

``python tests/docs/blocks.py PAGE`` runs them in the working folder and prints as JSON what each
wrote; with ``--renew`` it writes that into the page, where the page shows outputs. Python blocks
share their names, as a reader who types them in would.
"""

import contextlib
import doctest
import io
import json
import math
import re
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"python", "sh"}


@dataclass
class Block:
    """A block, the line it starts on, and the output that the page shows below it."""

    language: str
    line: int
    source: str
    wanted: str | None = None
    found: str = ""
    failed: bool = False


def blocks(text: str) -> list[Block]:
    """Blocks of a page; a text block that follows one which runs is what that shall write."""
    found: list[Block] = []
    end = 0
    for match in FENCE.finditer(text):
        language, source = match.groups()
        apart = text[end : match.start()].strip()
        if language == "text" and found and found[-1].language in RUN and not apart:
            found[-1].wanted = source
        else:
            found.append(Block(language, text.count("\n", 0, match.start()) + 1, source))
        end = match.end()
    return found


def run(page: Path) -> list[Block]:
    """Blocks of a page that run, with what they wrote."""
    names: dict[str, object] = {"__name__": "__main__"}
    ran = [block for block in blocks(page.read_text(encoding="utf-8")) if block.language in RUN]
    for block in ran:
        if block.language == "sh":
            shell = ["bash", "-euo", "pipefail", "-c", block.source]
            done = subprocess.run(
                shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            block.found, block.failed = done.stdout, done.returncode != 0
        else:
            held = io.StringIO()
            with contextlib.redirect_stdout(held):
                try:
                    exec(compile(block.source, f"{page}:{block.line}", "exec"), names)
                except Exception:
                    held.write(traceback.format_exc())
                    block.failed = True
            block.found = held.getvalue()
        block.found = block.found.replace(f"{Path.cwd()}/", "")  # files are named in full
        if block.failed:
            break  # what follows stands on it
    return ran


def renew(page: Path) -> None:
    """Put what blocks write in place of what the page says that they write."""
    text = page.read_text(encoding="utf-8")
    for block in run(page):
        if block.failed:
            sys.exit(f"{page}, line {block.line}:\n{block.found}")
        if block.wanted is not None and not same(block.wanted, block.found):
            lines = (line.rstrip() for line in block.found.strip("\n").splitlines())
            fences = f"{block.source}```\n\n```text\n"
            text = text.replace(fences + block.wanted, fences + "\n".join([*lines, ""]), 1)
    page.write_text(text, encoding="utf-8")


OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NUMBER = re.compile(r"(?<![\w.,])\d+\.\d+(?:e[+-]?\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_ERRORS = re.compile(r"^.*\b(?:MAE|RMSE)\b.*$", re.MULTILINE)
VARIES = [
    (re.compile(r"^backend: .*$", re.MULTILINE), "backend: #"),
    (re.compile(r"\d[\d,.]*( samples/s| a second)"), r"#\1"),
    (re.compile(r"\b\d[\d.,]* s\b|\b\d+:\d\d\b"), "# s"),
]
"""What differs from machine to machine and from time to time."""


def same(wanted: str, found: str) -> bool:
    """Whether a block wrote what the page says: decimals to a twentieth, but for times."""
    for pattern, sign in VARIES:
        wanted, found = pattern.sub(sign, wanted), pattern.sub(sign, found)
    check = doctest.OutputChecker().check_output
    if check(wanted, found, OPTIONS):
        return True
    wanted, found = (_ERRORS.sub(_plain, text) for text in (wanted, found))
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (wanted, found)]
    if len(numbers[0]) != len(numbers[1]):
        return False
    near = (math.isclose(a, b, rel_tol=0.05, abs_tol=1e-6) for a, b in zip(*numbers, strict=True))
    return all(near) and check(NUMBER.sub("#", wanted), NUMBER.sub("#", found), OPTIONS)


def _plain(line: re.Match[str]) -> str:
    """A line of errors in the target's unit, whose whole numbers are rounded: 12,345 as 12345.0."""
    return re.sub(r"(?<![\d.])(\d+)(?![\d.])(?! %)", r"\1.0", _THOUSANDS.sub("", line[0]))


if __name__ == "__main__" and "--renew" in sys.argv:
    renew(Path(sys.argv[1]))
elif __name__ == "__main__":
    json.dump([asdict(block) for block in run(Path(sys.argv[1]))], sys.stdout)
