"""The benchmark on a device, rehearsed on the processor: who, what, and when it ends."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers import cells, device, on_device
from benchmarks.peers.cells import Cell
from bpnet.backends import BackendStatus, DeviceInfo


def bench(names, grid=None, **options):
    return device.Bench("rehearsal", grid or cells.rehearsal(), names, rounds=2, **options)


def test_work_of_a_step_and_steps_of_an_epoch():
    # forward 2*3 + 3*4, dC/dW as many, dC/da of the second layer alone
    assert Cell((2, 3, 4), 10, "sgd").multiplications == 10 * (18 + 18 + 12)
    assert Cell((784, 30, 10), 32, "sgd").steps == 256
    assert Cell((784, 30, 10), 8192, "sgd").steps == 2**26 // (784 * 8192)
    assert Cell((4096, 4096, 4096, 10), 8192, "sgd").steps == 4
    assert str(Cell((2, 3), 10, "sgd", precision="tf32")) == "2-3 batch 10 sgd tf32"


def test_the_grid_and_what_of_it_is_quick():
    grid = cells.grid(quick=False)
    assert len(grid) == 4 * 4 * 2 + 8
    assert {cell.sizes for cell in grid if cell.precision} == {(4096, 4096, 4096, 10)}
    assert set(cells.grid(quick=True)) < set(grid)


def test_each_is_measured_and_what_was_found_is_kept(tmp_path):
    out = tmp_path / "gpu-x.json"
    names = ["bpnet array_api_strict", "bpnet numpy"]
    run = bench(names)
    rows = list(device.keep(run, {"date": "today"}, out))
    assert [row["kind"] for row in rows] == ["product"] + ["cell"] * 4
    found = json.loads(out.read_text())
    assert (found["date"], found["rounds"]) == ("today", 2)
    rate = found["products"]["float32"]["bpnet array_api_strict"]
    for cell in cells.rehearsal():
        measured = found["cells"][str(cell)]
        assert list(measured) == names
        for one in measured.values():
            assert 0 < one["least_us"] <= one["us_a_step"] <= one["most_us"]
            assert one["first_s"] > 0
        strict = measured["bpnet array_api_strict"]
        share = cell.multiplications / (strict["us_a_step"] * 1e-6) / rate
        assert strict["share_of_peak"] == pytest.approx(share)
        assert "share_of_peak" not in measured["bpnet numpy"]  # another machine's peak


@pytest.fixture
def broken(monkeypatch):
    """Who fails, and who never answers: in this process, where a spawned one reads them anew."""
    monkeypatch.setattr(device, "Worker", InProcess)

    def fails(cell, data):
        raise ValueError("two\nlines")

    rivals = {
        "fails": on_device.Rival("numpy", fails, spec="none"),
        "bpnet numpy": on_device.RIVALS["rehearsal"]["bpnet numpy"],
        "slow": on_device.Rival("numpy", lambda cell, data: lambda n: [1.0] * n, slow=True),
    }
    monkeypatch.setitem(on_device.RIVALS, "rehearsal", rivals)
    return list(rivals)


class InProcess(device.Worker):
    def __init__(self, kind, name):
        self.rival = on_device.RIVALS[kind][name]

    def ready(self): ...

    def close(self): ...

    def ask(self, timeout, question, *arguments):
        return device.answer(self.rival, question, arguments)


def test_an_error_is_a_finding_and_the_slow_come_last(broken):
    run = bench(broken)
    rows = [row for row in run.run() if row["kind"] == "cell"]
    assert [row["who"] for row in rows] == ["fails", "bpnet numpy"] * 2 + ["slow"] * 2
    assert rows[0]["error"] == "ValueError: two lines"
    assert "us_a_step" in rows[1]
    assert "| failed |" in device.table(run.found)


def test_no_time_left_begins_nothing(broken):
    assert list(bench(["bpnet numpy"], seconds=0.0).run()) == []


def test_the_processor_is_spared_what_takes_too_long(broken):
    large = Cell((4096, 4096, 10), 8192, "sgd")
    run = device.Bench("rehearsal", [large], ["bpnet numpy"], rounds=1)
    assert list(run.run()) == []


def test_a_process_that_dies_is_a_finding():
    worker = device.Worker("rehearsal", "bpnet numpy")
    worker.ready()
    worker._process.kill()
    assert worker.ask(30.0, "measure", cells.rehearsal()[0], 1) == {
        "error": "its process has ended"
    }
    worker.close()


def test_who_does_not_answer_is_ended():
    worker = device.Worker("rehearsal", "bpnet numpy")
    assert worker.ask(0.0, "measure", cells.rehearsal()[0], 1)["error"] == "no answer within 0 s"
    assert worker.ask(30.0, "measure", cells.rehearsal()[0], 1) == {
        "error": "its process has ended"
    }


def test_results_are_named_after_the_card(tmp_path):
    assert device.file(tmp_path, "NVIDIA H100 80GB HBM3").name == "gpu-nvidia-h100-80gb-hbm3.json"
    assert device.file(tmp_path / "a.json", "any") == tmp_path / "a.json"


@pytest.mark.parametrize(
    ("devices", "name"),
    [(["torch:cpu", "torch:cuda:0"], "name of torch:cuda:0"), (["torch:cpu"], "unknown")],
)
def test_the_card_is_a_gpu_and_never_the_processor(devices, name, monkeypatch):
    found = tuple(DeviceInfo(spec, f"name of {spec}") for spec in devices)
    rows = [BackendStatus("cupy", False), BackendStatus("torch", True, devices=found)]
    monkeypatch.setattr(device.backends, "status", lambda names: iter(rows))
    assert device.card("cuda") == name


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"who": "torch"}, "--who 'torch': it is not here; wanted some of bpnet array_api_strict"),
        ({"only": "9-9"}, "no cell of the grid has that text: --only"),
        ({"plot": Path("x.png")}, "--plot draws what --device cpu measures; leave it out"),
        ({"seconds": -1.0}, "--seconds wants a number of seconds above 0"),
    ],
)
def test_bad_options(options, wanted):
    given = {"who": "", "only": "", "plot": None, "out": None, "seconds": None, "rounds": None}
    asked = Namespace(device="rehearsal", quick=True, **{**given, **options})

    def error(message):
        raise SystemExit(message)

    with pytest.raises(SystemExit, match=wanted.replace("(", r"\(")):
        device.main(asked, dict, error)


def test_where_there_is_no_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setattr(peers, "which", lambda name: None)
    assert peers.about()["commit"] == "unknown"


def test_pytorch_with_its_data_on_a_device():
    pytest.importorskip("torch")
    rival = on_device._torch("cpu", compiled=False)
    cell = cells.rehearsal()[0]
    assert len(rival.make(cell, cells.data_of(cell))(2)) == 2
