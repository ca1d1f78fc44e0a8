"""``bpnet check``."""

import json

import pytest

from bpnet.check import discipline, equations, gradients, parity
from bpnet.check.report import Row
from bpnet.cli import main


@pytest.fixture
def quick(monkeypatch):
    """Only the equations."""
    for part in (gradients, parity, discipline):
        monkeypatch.setattr(part, "rows", lambda *_: iter(()))


def test_rows_with_error_and_bound_and_a_verdict(quick, capsys):
    assert main(["check", "numpy"]) == 0
    first, _, *rows, _, last = capsys.readouterr().out.splitlines()
    assert first.startswith("numpy, numpy ")
    assert rows[7].split()[:5] == ["PASS", "equations", "(8)", "sigmoid", "float64"]
    assert last.startswith("numpy: all 63 passed in ")


def test_a_failure_is_status_1_and_shown_alone_when_quiet(quick, monkeypatch, capsys):
    wrong = [Row("equations", "(8) sigmoid", "float32", 0.5, 1e-5, "bad")]
    monkeypatch.setattr(equations, "rows", lambda *_: iter(wrong))
    assert main(["check", "numpy", "--quiet"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["FAIL", "FAIL", "numpy:"]
    assert lines[-1].startswith("numpy: 2 of 7 FAILED")


def test_json_for_a_report(quick, capsys):
    assert main(["check", "numpy", "array_api_strict:no_x64", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"bpnet", "python", "platform"} < set(report)
    assert [b["backend"] for b in report["backends"]] == ["numpy", "array_api_strict:no_x64"]
    assert set(report["backends"][0]["rows"][0]) == {
        *("group", "name", "dtype", "error", "bound", "note", "passed")
    }


def test_a_module_of_the_standard(quick, capsys):
    assert main(["check", "--module", "array_api_strict"]) == 0
    assert "array_api_strict:CPU_DEVICE: all" in capsys.readouterr().out


def test_the_default_is_what_auto_takes(quick, monkeypatch, capsys):
    monkeypatch.setenv("BPNET_BACKEND", "array_api_strict:device1")
    assert main(["check", "-q"]) == 0
    assert capsys.readouterr().out.startswith("array_api_strict:device1")


def test_parity(capsys):
    assert main(["check", "--parity", "numpy", "array_api_strict"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("numpy and array_api_strict:CPU_DEVICE, 100 steps in float32")
    assert len(out) == 18
    assert out[-1] == "no step is past the relative bound 1e-05"
    assert main(["check", "--parity", "numpy", "numpy", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["first_past"] is None
    assert [len(d["by_step"]) for d in report["deviations"]] == [100] * 15


def test_a_step_past_the_bound_is_status_1(monkeypatch, capsys):
    monkeypatch.setitem(parity.BOUNDS, "float32", -1.0)
    assert main(["check", "--parity", "numpy", "numpy"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "step 1 is the first past the bound -1, in z of layer 1"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["check", "nmpy"], "did you mean 'numpy'?"),
        (["check", "numpy", "--parity", "numpy", "numpy"], "leave the others out"),
        (["check", "--module", "no.such"], "--module no.such can't be imported"),
        (["check", "--module", ""], "is no name of a module; give one"),
        (["check", "--module", "json"], "json is no array library of the standard"),
        (["check", "--parity", "numpy", "numpy", "--dtype", "int8"], "float64 or float32"),
        (["check", "--parity", "numpy"], "requires 2 arguments"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(arguments, text, capsys):
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert text in error
    assert error.count("\n") == 1
