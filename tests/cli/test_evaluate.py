"""The cost that ``bpnet evaluate`` tells: the one that the run was trained with."""

import json

import pytest

import bpnet
from bpnet.cli import main


@pytest.mark.parametrize("cost", ["quadratic", "mae"])
def test_the_cost_is_that_of_the_run(cost, tmp_path, capsys):
    run = str(tmp_path / "run")
    command = ["train", "--hidden", "4", "--epochs", "1", "--cost", cost, "--backend", "numpy"]
    assert main([*command, "-q", "--out", run]) == 0
    capsys.readouterr()
    assert main(["evaluate", run, "--json", "--backend", "numpy"]) == 0
    reported = json.loads(capsys.readouterr().out)["cost"]
    net, test = bpnet.load(run), bpnet.data.load("digits").test
    assert reported == pytest.approx(bpnet.evaluate(net, test, cost=cost)["cost"], rel=1e-6)
    assert reported != pytest.approx(bpnet.evaluate(net, test)["cost"], rel=1e-2)
