"""The steps of ``ci/gpu`` as processes, and the report that is there at every moment."""

import importlib
import json
import os
import select
import sys

import pytest

from bpnet.backends.trace import replay
from bpnet.check import suite

TELL = "import sys; sys.path.insert(0, {ci!r}); from gpu_rows import tell; "


@pytest.fixture
def step(gpu):
    """Make a step of a line of Python, which can ``tell``."""
    ci = os.path.dirname(gpu.rows.__file__)

    def make(name, code, **options):
        command = (sys.executable, "-c", TELL.format(ci=ci) + code)
        return gpu.plan.Step(name, command, options.pop("limit", 1e6), **options)

    return make


@pytest.fixture
def report(gpu, tmp_path):
    return gpu.report.Report(tmp_path, {"date": "today"})


def words(results):
    return [(result.name, result.verdict) for result in results]


def run(gpu, steps, tmp_path, end=float("inf"), seen=lambda results: None):
    return gpu.run.run(steps, end, tmp_path, seen)


def test_verdicts(gpu, step, tmp_path):
    results = run(
        gpu,
        [
            step("fine", "tell(kind='a', n=1); tell(kind='b')"),
            step("variable", "import os; tell(x=os.environ['X'])", environment={"X": "1"}),
            step("raises", "tell(kind='before'); 1 / 0"),
            step("crash", "import os; os.abort()"),
            step("after", ""),
        ],
        tmp_path,
    )
    assert words(results) == [
        ("fine", "ok"),
        ("variable", "ok"),
        ("raises", "failed"),
        ("crash", "failed"),
        ("after", "ok"),
    ]
    assert results[0].rows == [{"kind": "a", "n": 1}, {"kind": "b"}]
    assert results[1].rows == [{"x": "1"}]
    assert results[2].rows == [{"kind": "before"}]
    assert results[2].why.startswith("status 1\n")
    assert results[2].why.endswith("ZeroDivisionError: division by zero")


def test_after_each_step_the_report_is_whole(gpu, step, report, tmp_path):
    """What a machine that is taken away leaves: the second step sees it as it stands then."""
    look = (
        f"import json; tell(kind='seen', seen=json.load(open({str(tmp_path / 'report.json')!r})))"
    )
    steps = [step("first", "tell(kind='figure', n=7)"), step("second", look), step("third", "")]
    results = run(gpu, steps, tmp_path, seen=report.write)
    seen = results[1].rows[0]["seen"]["steps"]
    assert [(s["name"], s["verdict"]) for s in seen] == [
        ("first", "ok"),
        ("second", "running"),
        ("third", "not reached"),
    ]
    assert seen[0]["rows"] == [{"kind": "figure", "n": 7}]
    whole = json.loads((tmp_path / "report.json").read_text())
    assert [s["verdict"] for s in whole["steps"]] == ["ok", "ok", "ok"]


class Clock:
    """Stands still until a step has told something, and then jumps past every limit."""

    def __init__(self, rows):
        self.rows = rows

    def monotonic(self):
        told = self.rows.exists() and self.rows.read_text().endswith("\n")
        return 1e9 if told else 0.0


@pytest.mark.parametrize(
    ("outcome", "partial", "verdict"),
    [
        ("passed", True, "partial"),
        ("failed", True, "failed"),
        ("skipped", True, "ended"),
        ("passed", False, "ended"),
    ],
)
def test_a_step_that_takes_too_long_is_ended_with_its_children(
    gpu, step, tmp_path, monkeypatch, outcome, partial, verdict
):
    alive = tmp_path / "alive"  # a pipe that ends when nobody is left who holds it
    os.mkfifo(alive)
    pipe = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    code = (
        f"import signal, subprocess; held = open({str(alive)!r}, 'wb'); "
        "pause = [sys.executable, '-c', 'import signal; signal.pause()']; "
        "subprocess.Popen(pause, pass_fds=[held.fileno()]); "
        f"tell(kind='test', outcome={outcome!r}); signal.pause()"
    )
    monkeypatch.setattr(gpu.run, "time", Clock(tmp_path / "long.rows"))
    monkeypatch.setattr(gpu.run, "EVERY", 0.05)
    steps = [step("long", code, partial=partial, limit=100.0), step("next", "")]
    results = run(gpu, steps, tmp_path, end=1e8)
    assert words(results) == [("long", verdict), ("next", "not reached")]
    assert results[0].why.startswith("ended after")
    assert select.select([pipe], [], [], 30.0)[0]
    assert os.read(pipe, 1) == b""
    os.close(pipe)


def test_rows_of_a_step_that_runs_are_in_the_report(gpu, step, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(gpu.run, "EVERY", 0.05)
    go = tmp_path / "go"
    code = f"import os; tell(n=1)\nwhile not os.path.exists({str(go)!r}): pass"

    def look(results):
        seen.append(results[0])
        if results[0].rows:
            go.touch()

    run(gpu, [step("slow", code)], tmp_path, seen=look)
    assert next(r.verdict for r in seen if r.rows) == "running"
    assert seen[-1].verdict == "ok"


def test_a_signal_ends_the_step_and_the_report_says_so(gpu, step, report, tmp_path):
    code = "import os, signal; tell(n=1); os.kill(os.getppid(), signal.SIGINT); signal.pause()"
    results = run(gpu, [step("first", code), step("second", "")], tmp_path, seen=report.write)
    assert words(results) == [("first", "stopped"), ("second", "not reached")]
    whole = json.loads((tmp_path / "report.json").read_text())
    assert [s["verdict"] for s in whole["steps"]] == ["stopped", "not reached"]


def test_a_row_that_was_cut_off_is_left_out(gpu, tmp_path):
    (tmp_path / "rows").write_text('{"n": 1}\n{"n": ')
    assert gpu.rows.told(tmp_path / "rows") == [{"n": 1}]
    assert gpu.rows.told(tmp_path / "none") == []


def row(name, error, bound=1e-5):
    passed = error is not None and error <= bound
    return {
        "kind": "row", "backend": "cupy:0", "group": "equations", "dtype": "float32",
        "name": name, "error": error, "bound": bound, "passed": passed, "note": "layer 2",
    }  # fmt: skip


def test_the_text_has_verdicts_figures_and_what_failed(gpu, report):
    tests = [
        {"kind": "collected", "tests": 4},
        {"kind": "file", "test": "tests/b.py", "absent": "polars"},
        *({"kind": "began", "test": name} for name in "xyz"),
        {"kind": "test", "test": "x", "outcome": "passed", "text": ""},
        {"kind": "test", "test": "y", "outcome": "failed", "text": "frame\nE  AssertionError"},
    ]
    results = [
        gpu.run.Result("check", "failed", 3.0, [row("(8)", 2e-6), row("(9)", None)], "status 1"),
        gpu.run.Result("tests", "failed", 9.0, tests, "ended after 9 s"),
        gpu.run.Result("parity", "ended", 60.0, [], "ended after 60 s\nlast words"),
    ]
    text = report.text(results)
    assert "check         failed          3.0 s  status 1" in text
    assert "   2 rows, 1 failed, the largest error 20.0% of its bound" in text
    assert "cupy:0 equations (9) float32: error None, bound 1e-05; layer 2" in text
    assert "  1 passed, 1 failed, 1 not reached, of 4" in text
    assert "  files without their library: 1 polars" in text
    assert "  the last that began: z" in text
    assert "y\n    frame\n    E  AssertionError" in text
    assert "parity: ended\n    ended after 60 s\n    last words" in text


def test_files_are_small_however_much_failed(gpu, report, tmp_path):
    failed = [
        {"kind": "test", "test": f"tests/{i}", "outcome": "failed", "text": "line\n" * 400}
        for i in range(2000)
    ]
    rows = [row(f"({i}) " + "é" * 500, None) for i in range(3000)]
    report.write(
        [
            gpu.run.Result("check", "failed", 1.0, rows, "status 1"),
            gpu.run.Result("tests", "failed", 1.0, failed, "status 1"),
        ]
    )
    assert (tmp_path / "report.txt").stat().st_size < 12_000
    assert (tmp_path / "report.txt").read_text().endswith("... the rest is in report.json\n")
    assert (tmp_path / "report.json").stat().st_size < 1_000_000
    check, tests = json.loads((tmp_path / "report.json").read_text())["steps"]
    assert check["cut"]
    assert tests["tests"]["failed"] == 2000


def test_jobs_refuse_in_a_line(gpu, capsys):
    assert gpu.jobs.main("smoke", "nmpy") == 1
    assert capsys.readouterr().err.startswith("unknown backend 'nmpy'")


def test_a_step_that_differs_from_numpy_fails(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu.jobs, "_one_step", lambda job, where: [[1.0 + (where != "numpy")]])
    assert gpu.jobs.main("smoke", "array_api_strict") == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [r["passed"] for r in rows] == [False, False]


def test_a_row_that_breaks_down_leaves_its_traceback(gpu, monkeypatch, capsys, caplog):
    def rows(backend):
        yield from ()
        raise ZeroDivisionError("in a kernel")

    for module in (suite.equations, suite.gradients, suite.parity):
        monkeypatch.setattr(module, "rows", lambda *_: iter(()))
    monkeypatch.setattr(suite.discipline, "rows", lambda *_: iter(()))
    monkeypatch.setattr(suite.bits, "rows", rows)
    with caplog.at_level("DEBUG", "bpnet"):
        assert not gpu.jobs.check_rows("numpy")
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["name"], row["note"]) == ("broke down here", "ZeroDivisionError: in a kernel")
    assert 'raise ZeroDivisionError("in a kernel")' in caplog.text
    log = gpu.run.Result("check", "failed", 1.0, [row], f"status 1\n{caplog.text}")
    text = gpu.report.Report(None, {}).text([log])
    assert "broke down here int32: error None" in text
    assert "    ZeroDivisionError: in a kernel" in text


def test_only_bpnet_fails_the_benchmark(gpu, monkeypatch, capsys, tmp_path):
    from benchmarks.peers import device

    def told(*rows):
        monkeypatch.setattr(device, "keep", lambda *_: iter(rows))
        done = gpu.jobs.main("benchmark", "rehearsal", "9", str(tmp_path))
        capsys.readouterr()
        return done

    assert told({"kind": "cell", "who": "PyTorch eager", "error": "no"}) == 0
    assert told({"kind": "launches", "who": "bpnet cupy", "error": "no"}) == 0
    assert told({"kind": "cell", "who": "bpnet cupy", "error": "no"}) == 1


def test_a_replay_is_seen_to_take_place(gpu, monkeypatch, tmp_path):
    path = tmp_path / "rows"
    monkeypatch.setenv(gpu.rows.VARIABLE, str(path))
    monkeypatch.setattr(replay, "_functions", {})
    assert gpu.jobs.replay("numpy")
    assert len(gpu.rows.told(path)) == 3
    monkeypatch.setattr(replay, "_functions", {})
    monkeypatch.setattr(replay, "WORTH", 10**6)
    assert not gpu.jobs.replay("numpy")


def test_a_capture_that_did_not_take_place_fails(gpu, monkeypatch, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.setenv(gpu.rows.VARIABLE, str(tmp_path / "rows"))
    torch_graphs = importlib.import_module("bpnet.backends.torch_graphs")
    monkeypatch.setattr(torch_graphs, "STRICT", False)
    assert not gpu.jobs.capture("torch:cpu")
    assert torch_graphs.STRICT
