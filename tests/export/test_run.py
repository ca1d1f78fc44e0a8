"""The training step of a run: with the settings that the run had, the seed of its masks too."""

import bpnet
from bpnet.cli import main
from bpnet.export import training_to_onnx
from bpnet.export.run import export_run


def test_the_masks_of_the_step_are_of_the_runs_own_seed(tmp_path):
    run = tmp_path / "run"
    command = ["train", "--hidden", "4", "--epochs", "1", "--dropout", "0.25", "--seed", "7", "-q"]
    assert main([*command, "--clip-norm", "2", "--backend", "numpy", "--out", str(run)]) == 0
    export_run(run, tmp_path / "run.onnx", training=True)
    held, net = (tmp_path / "run.onnx").read_bytes(), bpnet.load(run)
    for seed in (7, 0):
        path = tmp_path / f"{seed}.onnx"
        training_to_onnx(net, path, dropout=0.25, clip_norm=2.0, seed=seed)
        assert (path.read_bytes() == held) == (seed == 7)
