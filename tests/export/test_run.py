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
    content, net = (tmp_path / "run.onnx").read_bytes(), bpnet.load(run)
    for seed in (7, 0):
        path = tmp_path / f"{seed}.onnx"
        training_to_onnx(net, path, dropout=0.25, clip_norm=2.0, seed=seed)
        assert (path.read_bytes() == content) == (seed == 7)


def test_a_step_has_the_label_smoothing_of_its_run_and_says_what_it_has_not(tmp_path):
    run = tmp_path / "run"
    command = ["train", "--hidden", "4", "--epochs", "1", "--label-smoothing", "0.2", "-q"]
    more = ["--schedule", "cosine", "--metric", "f1", "--backend", "numpy", "--out", str(run)]
    assert main([*command, *more]) == 0
    notes = [
        line for line in export_run(run, tmp_path / "run.onnx", training=True) if "note" in line
    ]
    assert notes == ["note: the run had a schedule; give the step its learning_rate each time"]
    content, net = (tmp_path / "run.onnx").read_bytes(), bpnet.load(run)
    for smoothing in (0.2, 0.0):
        path = training_to_onnx(net, tmp_path / f"{smoothing}.onnx", label_smoothing=smoothing)
        assert (path.read_bytes() == content) == (smoothing == 0.2)
