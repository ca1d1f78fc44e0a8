"""What someone meets who types `bpnet` for the first time, or mistypes it."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest

from bpnet.cli import app, main, screen
from bpnet.cli.app import load
from bpnet.cli.first import WELCOME
from bpnet.cli.panels import PANELS

COMMANDS = {name: load(name) for name in app.COMMANDS}
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Working folder, and a terminal of 80 columns that is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("BPNET_BACKEND", "numpy")
    return tmp_path


def said(capsys, *arguments, status=0):
    assert main(list(arguments)) == status
    return capsys.readouterr()


def typed(line):
    """Command and options of a line that a help or the welcome shows."""
    words = line.split()
    assert words[0] == "bpnet"
    return words[1], [word for word in words if word.startswith("--")]


def assert_can_be_typed(line):
    command, options = typed(line)
    known = {name for p in COMMANDS[command].params for name in p.opts} | {"--help"}
    assert set(options) <= known, line


def test_alone_it_says_what_to_type_first(place, capsys):
    text = said(capsys).out
    assert text == WELCOME
    lines = text.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80
    shown = [line.strip().partition("   ")[0] for line in lines if line.startswith("  ")]
    assert shown[0].startswith("bpnet train")
    for line in shown:
        if not line.startswith("bpnet --"):
            assert_can_be_typed(line)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_can_be_typed(place, capsys, name):
    text = said(capsys, name, "--help").out
    assert "\x1b" not in text
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 80
    examples = [line.strip() for line in lines if line.strip().startswith("bpnet ")]
    assert examples
    written = [line.strip() for line in COMMANDS[name].help.splitlines()]
    assert set(examples) <= set(written)  # none is broken over two lines
    for line in examples:
        assert typed(line)[0] == name
        assert_can_be_typed(line)


def test_help_lists_every_command(place, capsys):
    text = said(capsys, "--help").out
    assert all(re.search(rf"^│ {name} ", text, re.MULTILINE) for name in COMMANDS)
    assert max(map(len, text.splitlines())) <= 80


def test_options_of_training_are_grouped(place, capsys):
    text = said(capsys, "train", "--help").out
    for panel in dict.fromkeys(PANELS.values()):
        assert f"─ {panel} ─" in text
    names = {p.name for name in ("train", "sweep") for p in COMMANDS[name].params}
    assert set(PANELS) <= names


MISTYPED = {
    "command": (["trian"], "'train'"),
    "option": (["train", "--epocs", "3"], "did you mean --epochs?"),
    "data set": (["train", "digts"], "'digits'"),
    "data set to fetch": (["data", "fashon-mnist"], "'fashion-mnist'"),
    "file": (["train", "hauses.csv", "--target", "x"], "'houses.csv'"),
    "column": (["train", "houses.csv", "--target", "prise"], "'price'"),
    "backend": (["train", "--backend", "nmpy"], "'numpy'"),
    "backend to check": (["check", "tourch"], "'torch'"),
    "activation": (["train", "--activation", "rleu"], "'relu'"),
    "cost": (["train", "--cost", "cross-entorpy"], "'cross_entropy'"),
    "optimizer": (["train", "--optimizer", "adm"], "'adam'"),
    "schedule": (["train", "--schedule", "cosin"], "'cosine'"),
    "norm": (["train", "--norm", "bach"], "'batch'"),
    "initializer": (["train", "--init", "hee"], "'he'"),
    "dtype": (["train", "--dtype", "float23"], "float32"),
    "metric": (["train", "--metric", "acuracy"], "accuracy"),
}


@pytest.mark.parametrize(("arguments", "hint"), MISTYPED.values(), ids=MISTYPED)
def test_what_is_mistyped_gets_a_suggestion(place, capsys, arguments, hint):
    (place / "houses.csv").write_text("size,price\n" + "1.5,2.5\n2.5,3.5\n" * 9)
    error = said(capsys, *arguments, status=2).err
    assert error.count("\n") == 1
    assert error.startswith("bpnet: error: ")
    assert hint in error
    assert [path.name for path in place.iterdir()] == ["houses.csv"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["zzz"], "see bpnet --help"),
        (["train", "--qqqqq"], "see bpnet train --help"),
        (["predict", "run"], "'DATA'; see bpnet predict --help"),
        (["train", "--epochs", "many"], "--epochs is 'many'; give a valid integer"),
    ],
)
def test_other_bad_usage_says_where_help_is(place, capsys, arguments, hint):
    error = said(capsys, *arguments, status=2).err
    assert error.endswith(f"{hint}\n")
    assert len(error) <= 81


def environment(**extra):
    kept = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    return {**kept, "BPNET_BACKEND": "numpy", "TERM": "xterm-256color", **extra}


def on_a_terminal(*arguments, **extra):
    """What a command writes on a terminal of 80 columns, and its status."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bpnet", *arguments],
        stdin=follower, stdout=follower, stderr=follower, env=environment(COLUMNS="80", **extra),
    )  # fmt: skip
    os.close(follower)
    content = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        content += part
    os.close(leader)
    return content.decode().replace("\r\n", "\n"), process.wait()


def test_a_terminal_that_says_it_has_no_columns_has_eighty(monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    assert screen.console().width == 80
    monkeypatch.setenv("COLUMNS", "33")
    assert screen.console().width == 33


def test_on_a_terminal_an_error_is_broken_between_words(tmp_path):
    text, status = on_a_terminal("train", "digts")
    assert status == 2
    lines = text.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert "did you mean 'digits'?" in " ".join(text.split())


def test_colors_are_for_terminals_that_want_them(tmp_path):
    colored, _ = on_a_terminal("data", "--help")
    assert COLOR.search(colored)
    plain, _ = on_a_terminal("data", "--help", NO_COLOR="1")
    codes = {code for match in COLOR.findall(plain) for code in re.findall(r"\d+", match)}
    assert codes <= {"0", "1", "2", "3", "4", "22", "23", "24"}  # bold and dim are no colors


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["data"], ["train", "--epochs", "1", "--out", "run"]]
)
def test_in_a_pipe_there_is_no_color(tmp_path, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "bpnet", *arguments],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("bpnet tra", {"train"}),
        ("bpnet train --learn", {"--learning-rate"}),
        ("bpnet train di", {"digits"}),
        ("bpnet train ho", {"houses.csv"}),
        ("bpnet train --backend dp", {"dpnp"}),
        ("bpnet evaluate runs/", {"runs/one"}),
    ],
)
def test_tab_completes(tmp_path, monkeypatch, words, offered):
    (tmp_path / "houses.csv").touch()
    (tmp_path / "house.txt").touch()
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "config.toml").touch()
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from bpnet.cli import main; sys.exit(main())"],
        cwd=tmp_path, env=environment(_BPNET_COMPLETE="complete_bash", **variables),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert set(done.stdout.split()) == offered


def test_quiet_shows_results_only(place, capsys):
    lines = said(capsys, "train", "--epochs", "1", "--quiet", "--out", "run").out.splitlines()
    assert lines == ["run: run"]
    assert said(capsys, "predict", "run", "digits", "-o", "p.csv", "-q").out == ""


def test_where_programs_read_there_is_json(place, capsys):
    said(capsys, "train", "--epochs", "1", "--quiet", "--out", "run")
    for arguments in (["evaluate", "run"], ["data"], ["train", "--epochs", "1", "--out", "two"]):
        json.loads(said(capsys, *arguments, "--json").out)
    without = {
        name for name in COMMANDS if "--json" not in str([p.opts for p in COMMANDS[name].params])
    }
    assert without <= {"predict", "import", "export"}  # which write files


def test_a_command_is_listed_by_the_first_line_of_its_help():
    lines = {name: command.help.partition("\n")[0] for name, command in COMMANDS.items()}
    assert lines == app.COMMANDS
