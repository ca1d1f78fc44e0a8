"""Names mean what they say, whatever they hold: no pattern, no markup, no escape sequence."""

import ast
import logging
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.cli import main, screen, training
from bpnet.runs import configuration, predictions
from bpnet.shown import pasted, plain

FAST = ["--recipe", "none", "--epochs", "1", "--hidden", "4", "--backend", "numpy"]
ODD = [
    "[red]x[/] :smile: it's $HOME", "[1]", "what*?", "-x", "a,b  $x$ <b>&amp;",
    "\x1b[31mred\x07 new\nline", *(["caf\udce9"] if sys.platform == "linux" else []),
]  # fmt: skip
"""Of files, folders, columns and classes."""


def write(path, odd):
    """Table with an odd column and odd classes, if text may be so."""
    word = odd.encode("utf-8", "backslashreplace").decode().strip()
    quoted = word.replace('"', '""')
    rows = "".join(
        f'{i * 7 % 11}.5,5,{"" if i == 3 else i % 5},{"uvw"[i % 3]},"{quoted}{i % 2}"\n'
        for i in range(40)
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'a,"same {quoted}","gaps {quoted}","c {quoted}","y {quoted}"\n{rows}')
    return f"y {word}"


def said(capsys, *arguments):
    """What a command says, of which all can be seen."""
    assert main([str(word) for word in arguments]) == 0
    output = capsys.readouterr()
    assert (output.out + output.err).replace("\n", "").isprintable()
    return output.out + output.err


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_every_command_takes_and_shows_an_odd_name(tmp_path, monkeypatch, capsys, odd):
    monkeypatch.chdir(tmp_path)
    table, run = Path(f"{odd}.csv"), Path(f"{odd} run")
    target = write(table, odd)
    for name in ("x.csv", "1.csv", "what1.csv", "red.csv"):  # what a pattern would find
        Path(name).write_text("nothing,here\n1,2\n")
    lines = said(capsys, "train", f"./{table}", "--target", target, f"--out={run}", *FAST)
    assert f"run: {plain(run)}\n" in lines
    assert " left out: it is constant" in lines
    assert plain(target.replace("y ", "same ", 1)) in lines
    assert "held-out" in said(capsys, "evaluate", f"./{run}")
    assert "finished" in said(capsys, "train", f"--resume={run}")
    out = Path(f"{odd} p.csv")
    assert f"40 predictions: {plain(out)}\n" in said(
        capsys, "predict", f"./{run}", f"./{table}", f"--out={out}"
    )
    assert len(bpnet.data.load(out, target="class").x) == 40
    page = said(capsys, "report", f"./{run}").split("report: ")[1].split(" (")[0]
    assert page == plain(run / "report" / "index.html")
    html = (run / "report" / "index.html").read_text("utf-8")
    assert re.sub(r"[\n\xa0]", "", html).isprintable()
    config, _ = bpnet.runs.read_config(run)
    assert config["data"]["source"] == str(tmp_path / table)


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_the_command_of_a_run_that_was_stopped_names_it_for_a_shell(tmp_path, capsys, odd):
    console = screen.console()
    training._say(console, [], 130, None, Path(odd), None)
    assert f"bpnet train --resume {pasted(odd)}\n" in capsys.readouterr().out


def test_settings_come_back_from_toml_as_they_were():
    tables = {"data": {"source": "/a/b", "columns": 3}, "network": {"hidden": [3], "norm": "x"}}
    for odd in [*ODD, "caf\udce9", "\x7f", "\x80", 'quote"', "bytes"]:
        tables["data"]["source"] = odd
        assert configuration.from_toml(configuration.to_toml(tables)) == tables


def test_what_bpnet_warns_of_is_shown_without_sequences(capsys, caplog):
    assert main(["--version"]) == 0
    logging.getLogger("bpnet").warning("no history in %s", "\x1b[2J")
    assert caplog.messages == ["no history in \\x1b[2J"]


@pytest.mark.parametrize("path", sorted(Path(screen.__file__).parent.glob("*.py")), ids=str)
def test_commands_say_nothing_but_through_the_screen(path):
    """One way out, so that no command can forget to make a name plain."""
    ways = {"print", "typer.echo", "sys.stdout.write", "sys.stderr.write", "Console"}
    calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
    errors = {"sys.stderr.write"} if path.name == "__init__.py" else set()  # made plain before
    if path.name != "screen.py":
        assert {ast.unparse(call.func) for call in calls} & ways == errors


def test_predictions_on_a_terminal_are_no_sequences(monkeypatch, capsys):
    network = bpnet.Network([2, 2])
    network.classes = np.array(["\x1b[2J", "b"])
    for terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda answer=terminal: answer)
        predictions.write(Path("-"), network, [np.eye(2)], None)
        head, one, two, *rest = capsys.readouterr().out.split("\n")
        shown = "\\x1b[2J" if terminal else "\x1b[2J"  # a program reads what is
        assert (head, one) == (f"class,p_{shown},p_b", f"{shown},1.0,0.0")
        assert (two, rest) == ("b,0.0,1.0", [""])
