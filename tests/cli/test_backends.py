"""What ``bpnet backends`` prints of backends that work, and of those that do not."""

import bpnet
from bpnet.backends.base import DeviceInfo
from bpnet.backends.survey import BackendStatus
from bpnet.cli import main


def test_each_backend_has_its_line_and_below_it_its_devices_or_the_cure(monkeypatch, capsys):
    card = DeviceInfo("torch:cuda:0", "Card", 24 * 2**30, "CUDA 12.8")
    known = [
        BackendStatus("torch", True, "2.13.0", (card,), ("float32", "float64")),
        BackendStatus("jax", False, why="jax is not installed", cure="pip install jax"),
    ]
    monkeypatch.setattr(bpnet.backends, "names", lambda: ["torch", "jax"])
    monkeypatch.setattr(bpnet.backends, "status", lambda: iter(known))
    assert main(["backends"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "torch             usable      2.13.0       float32 float64",
        "    torch:cuda:0: Card, 24.0 GiB, CUDA 12.8",
        "jax               not usable",
        "    why:  jax is not installed",
        "    cure: pip install jax",
    ]
