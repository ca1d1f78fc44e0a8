"""Names as they are shown, and as a shell takes them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bpnet.errors import InputError, as_line, one_line
from bpnet.shown import pasted, plain, quoted

ODD = [
    "plain", "two  words", "it's", "[red]", "a*b?", "-x", "--out", "$HOME", "`id`", "back\\slash",
    "new\nline", "tab\t", "\x1b[31mred", "bell\x07", "Ö", "\u202eright to left", "\xa0",
    "caf\udce9", "\udcff'\\\udce9",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_what_is_shown_can_be_seen(text):
    assert plain(text).isprintable()
    assert plain(text).encode()
    if text.isprintable():
        assert plain(text) == text


def test_two_names_never_look_alike():
    assert len({plain(text) for text in ODD}) == len(ODD)


@pytest.mark.skipif(shutil.which("bash") is None, reason="a shell that knows $'...'")
def test_a_shell_takes_each_word_for_the_name():
    words = [*map(quoted, ODD), *map(pasted, ODD)]
    assert all(word.isprintable() for word in words)
    script = f"printf '%s\\0' {' '.join(words)}"
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    output = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=True, env=environment
    )
    paths = [f"./{text}" if text.startswith("-") else text for text in ODD]
    assert output.stdout.split(b"\0")[:-1] == [*map(os.fsencode, ODD), *map(os.fsencode, paths)]


def test_no_word_begins_an_option():
    assert not any(pasted(text).startswith("-") for text in ODD)


def test_a_message_is_one_line_and_keeps_the_spaces_of_names():
    assert as_line("there is\n   no 'two  words'\t") == "there is no 'two  words'"
    assert str(InputError("no 'two  words', \x1b[1m")) == "no 'two  words', \\x1b[1m"


@pytest.mark.parametrize(
    ("error", "typed", "line"),
    [
        (OSError("no\n  disk\x1b[1m"), False, "no disk\\x1b[1m"),
        (OSError("no\n  disk"), True, "OSError: no disk"),
        (KeyboardInterrupt(), False, "KeyboardInterrupt"),
        (KeyboardInterrupt(" \n"), True, "KeyboardInterrupt"),
        (ValueError("x" * 201), False, f"{'x' * 197}..."),
        ("the last line of a process", False, "the last line of a process"),
    ],
)
def test_an_error_of_another_library_is_one_short_line(error, typed, line):
    assert one_line(error, typed=typed) == line


def test_nobody_makes_a_line_of_an_error_by_himself():
    package = Path(as_line.__code__.co_filename).parent
    by_hand = re.compile(r"str\(error\)\.split(lines)?\(\)")
    alone = {"data/decoder.py"}  # a program that knows nothing of bpnet
    places = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if by_hand.search(path.read_text(encoding="utf-8"))
    }
    assert places == alone
