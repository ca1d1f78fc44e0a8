"""Sweeps over networks and optimizers, and combinations that are drawn."""

import csv
import json
import shutil
import sys
from itertools import product

import pytest

import bpnet
from bpnet.cli import main
from bpnet.sweep import Plan, Span, run
from bpnet.sweep.search import drawn

QUICK = ["--epochs", "2", "--backend", "numpy"]


def test_draws_are_of_the_space_different_and_the_same_for_a_seed():
    pytest.importorskip("optuna")
    grid = {
        "a": [1, 2, 3],
        "b": Span(1e-4, 1e-1),
        "c": Span(0.0, 0.5),
        "d": Span(8, 64, whole=True),
    }
    found = drawn(grid, 200, 3)
    assert found == drawn(grid, 200, 3)
    assert found != drawn(grid, 200, 4)
    assert len(found) == len({repr(one) for one in found}) == 200
    for one in found:
        assert one["a"] in grid["a"]
        assert 1e-4 <= one["b"] <= 1e-1
        assert 0.0 <= one["c"] <= 0.5
        assert 8 <= one["d"] <= 64
        assert type(one["d"]) is int
    # a third of three orders of magnitude is below 1e-3, a fifth of the even range below 0.1:
    # 5 deviations of 200 draws are 33 and 28
    assert abs(sum(one["b"] < 1e-3 for one in found) - 200 / 3) < 34
    assert abs(sum(one["c"] < 0.1 for one in found) - 200 / 5) < 29


def test_every_seed_of_64_bits_draws_its_own():
    pytest.importorskip("optuna")
    grid = {"b": Span(1e-4, 1e-1)}
    seeds = [0, 1, 2**32 - 1, 2**32, 2**33, 2**64 - 2**32]
    assert len({repr(drawn(grid, 3, seed)) for seed in seeds}) == len(seeds)


def test_a_range_is_written_with_all_of_its_digits():
    assert str(Span(64, 1234567, whole=True)) == "64..1234567"
    assert str(Span(0.0001, 0.123456789)) == "0.0001..0.123456789"


def test_a_space_with_fewer_is_drawn_out():
    pytest.importorskip("optuna")
    found = drawn({"a": [1, 2], "b": ["x", "y"]}, 50, 0)
    assert sorted(map(repr, found)) == [repr({"a": a, "b": b}) for a, b in product([1, 2], "xy")]


def test_each_combination_has_its_own_network_and_optimizer():
    data = bpnet.data.load("digits", validation=0.1)
    grid = {"hidden": [[4], [6, 5]], "activation": ["tanh", "relu"], "optimizer": ["adam", "sgd"]}
    layout = {"sizes": [8], "hidden": "relu", "output": None, "init": "auto", "norm": None}
    training = {"epochs": 2, "metrics": []}
    plan = Plan(grid=grid, network=layout, training=training)
    found = run(data, plan, backend=bpnet.backends.get("numpy"))
    assert [len(found.ranking), sum(found.stacks)] == [8, 8]
    for ranked in found.ranking:
        chosen = ranked.configuration
        sizes = [64, *chosen["hidden"], 10]
        net = bpnet.Network(sizes, hidden=chosen["activation"], output="softmax", seed=0)
        alone = bpnet.train(
            net, data, optimizer=chosen["optimizer"], epochs=2, seed=0, backend="numpy"
        )
        assert ranked.scores.tolist() == [[alone["validation_accuracy"][-1]]]
    frame = found.to_frame()
    assert [*frame["hidden"]] == [
        ",".join(map(str, r.configuration["hidden"])) for r in found.ranking
    ]
    assert [*frame.index] == [*range(1, 9)]


def test_the_command_sweeps_networks_and_repeats_itself(tmp_path, capsys):
    from bpnet.report import repeat
    from bpnet.runs import configuration

    out = tmp_path / "a"
    asked = ["--hidden", "4/6,5", "--activation", "tanh/relu", "--optimizer", "adam,sgd"]
    assert main(["sweep", "digits", *QUICK, *asked, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "8 combinations, 1 seed" in said
    (header,) = [line.split()[:4] for line in said.splitlines() if line.startswith("rank")]
    assert header == ["rank", "hidden", "activation", "optimizer"]
    with (out / "sweep.csv").open() as file:
        best = next(csv.DictReader(file))
    config = configuration.from_toml((out / "config.toml").read_text())
    sizes = [int(n) for n in best["hidden"].split(",")]
    assert config["network"]["hidden"] == sizes
    assert config["network"]["activation"] == best["activation"]
    assert config["training"]["optimizer"] == best["optimizer"]
    assert bpnet.load(out).sizes == [64, *sizes, 10]
    command = repeat.command(config)
    assert "--hidden 4/6,5" in command
    assert "--activation tanh/relu" in command
    assert "--optimizer adam,sgd" in command
    assert main(["evaluate", str(out)]) == 0


def test_trials_are_drawn_taken_up_and_ranked(tmp_path, capsys):
    pytest.importorskip("optuna")
    out = tmp_path / "a"
    asked = ["--learning-rate", "1e-4..1e-1", "--dropout", "0..0.5", "--trials", "5"]
    assert main(["sweep", "digits", "--hidden", "8", *QUICK, *asked, "--out", str(out)]) == 0
    assert "5 combinations, 1 seed" in capsys.readouterr().out
    summary = json.loads((out / "sweep.json").read_text())
    rates = [one["learning_rate"] for one in summary["configurations"]]
    assert len(set(rates)) == 5
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    for name in ("config.toml", "model.safetensors"):
        (out / name).unlink()
    shutil.rmtree(out / "checkpoints")
    summary["trained"] = summary["trained"][:2]
    (out / "sweep.json").write_text(json.dumps(summary))
    assert main(["sweep", "--resume", str(out)]) == 0
    assert "trained before: 2 of 5 networks" in capsys.readouterr().out
    again = json.loads((out / "sweep.json").read_text())
    assert again["configurations"] == summary["configurations"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--learning-rate", "1e-4..1e-1"], "of which a grid has no values; give trials"),
        (["--l2", "0.1,0.01", "--trials", "-1"], "trials is -1; give how many, or 0 for all"),
        (["--l2", "0.1,0.01", "--prune", "-1"], "prune is -1; give at least 1 and fewer than the"),
        (["--l2", "0.1..0.01", "--trials", "3"], "the range 0.1..0.01 has no values"),
        (["--l2", "0..1..2", "--trials", "3"], "give a range such as 0.001..0.1"),
        (["--hidden", "8/x"], "give neurons of each hidden layer"),
        (["--activation", "relu/rely"], "did you mean 'relu'"),
        (["--optimizer", "adam,sdg"], "did you mean 'sgd'"),
        (["--optimizer", "adam,momentum", "--momentum", "0.5"], "momentum"),
        (["--dropout", "0..1", "--trials", "3"], "dropout rate is 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused_before_training(options, said, tmp_path, capsys):
    out = tmp_path / "a"
    assert main(["sweep", "digits", *QUICK, *options, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_without_optuna_a_search_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(bpnet.InputError, match="a random search needs optuna; pip install"):
        drawn({"a": [1, 2]}, 1, 0)
