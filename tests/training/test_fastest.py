"""``backend="fastest"``: tried out on the network's own steps, remembered, recorded."""

import json

import numpy as np
import pytest

import bpnet
from bpnet.backends import registry
from bpnet.cli import main
from bpnet.training import fastest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bpnet" / "fastest"


@pytest.fixture
def candidates(monkeypatch):
    monkeypatch.setattr(
        fastest, "_candidates", lambda: iter(["numpy", "array_api_strict:device1", "cupy:77"])
    )


def network(**options):
    return bpnet.Network([6, 8, 3], seed=0, **options)


def select(net, batch_size, optimizer="sgd", dtype="float32", cost=None):
    recipe = bpnet.Recipe(cost=cost, optimizer=optimizer, batch_size=batch_size)
    return fastest.select(net, recipe, dtype)


def test_the_shortest_step_wins_and_is_remembered(candidates, home, monkeypatch):
    seconds = {"numpy": 3e-4, "array_api_strict:device1": 1e-4}
    monkeypatch.setattr(fastest, "_step", lambda backend, *_: seconds[backend.spec])
    actual = select(network(), batch_size=32)
    assert actual.backend.spec == "array_api_strict:device1"
    assert actual.reason.endswith("microseconds a step are numpy 300, array_api_strict:device1 100")
    monkeypatch.setattr(fastest, "_step", lambda *_: pytest.fail("measured again"))
    again = select(network(), batch_size=32)
    assert again.backend == actual.backend
    assert again.reason.startswith(actual.reason)
    assert "as measured on 20" in again.reason
    (file,) = home.iterdir()
    assert json.loads(file.read_text())["backend"] == "array_api_strict:device1"


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": 33},
        {"optimizer": "adam"},
        {"dtype": "float64"},
        {"network": bpnet.Network([6, 9, 3], hidden="sigmoid", seed=0)},
    ],
)
def test_another_network_batch_or_dtype_is_measured_anew(candidates, home, monkeypatch, other):
    monkeypatch.setattr(fastest, "_step", lambda *_: 1e-4)
    usual = {"network": network(), "batch_size": 32}
    for options in (usual, {**usual, **other}):
        select(options.pop("network"), **options)
    assert len(list(home.iterdir())) == 2


def test_what_was_remembered_and_is_gone_or_damaged_is_measured_anew(candidates, home, monkeypatch):
    monkeypatch.setattr(fastest, "_step", lambda *_: 1e-4)
    select(network(), batch_size=32)
    (file,) = home.iterdir()
    for text in ("{", "{}", '{"backend": "cupy:77", "reason": "", "date": ""}', '{"backend": "x"}'):
        file.write_text(text)
        assert select(network(), batch_size=32).backend.spec == "numpy"


@pytest.mark.parametrize(
    ("output", "cost", "sizes"),
    [
        ("softmax", None, [6, 8, 3]),
        ("sigmoid", None, [6, 8, 1]),
        ("identity", "hinge", [6, 3]),
        ("exp", None, [6, 1]),
        ("identity", "huber", [6, 2]),
    ],
)
def test_every_kind_of_network_can_be_tried_out(candidates, output, cost, sizes):
    net = bpnet.Network(sizes, hidden="sigmoid", output=output, seed=0)
    before = [W.copy() for W in net.weights]
    actual = select(net, batch_size=16, cost=cost)
    assert "numpy" in actual.reason
    assert "array_api_strict:device1" in actual.reason
    for W, W_0 in zip(net.weights, before, strict=True):
        assert np.array_equal(W, W_0)


def test_the_trial_ends_when_its_time_is_up(candidates, monkeypatch):
    """The first candidate is always measured; nobody is waited for beyond the limit."""
    monkeypatch.setattr(fastest, "_LIMIT", 0.0)
    actual = select(network(), batch_size=16)
    assert actual.backend.spec == "numpy"
    assert "array_api_strict" not in actual.reason


def test_training_uses_and_records_the_choice(candidates, monkeypatch, tmp_path, capsys):
    seconds = {"numpy": 3e-4, "array_api_strict:device1": 1e-4}
    monkeypatch.setattr(fastest, "_step", lambda backend, *_: seconds[backend.spec])
    seen = []

    class Look(bpnet.Callback):
        def on_train_begin(self, run):
            seen.append(run.backend)

    X = np.random.default_rng(0).normal(size=(40, 6))
    data = (X, np.arange(40) % 3)
    bpnet.train(network(), data, epochs=1, backend="Fastest", callbacks=[Look()])
    assert seen == ["array_api_strict:device1"]
    out = tmp_path / "run"
    options = ["--epochs", "1", "--hidden", "4", "--out", str(out)]
    assert main(["train", "digits", "--backend", "fastest", *options]) == 0
    assert "array_api_strict:device1, the fastest: microseconds" in capsys.readouterr().out.replace(
        "\n", " "
    )
    assert 'backend = "array_api_strict:device1"' in (out / "config.toml").read_text()


def test_what_no_backend_can_do_is_refused_as_ever(candidates):
    X, y = np.zeros((9, 6)), np.arange(9) % 3
    registry._open.cache_clear()
    with pytest.raises(bpnet.InputError, match="numpy has no bfloat16"):
        bpnet.train(network(), (X, y), dtype="bfloat16", backend="fastest")
    with pytest.raises(bpnet.InputError, match="leave device 1 out"):
        bpnet.train(network(), (X, y), device=1, backend="fastest")


def test_a_backend_is_measured_once_though_the_time_is_up():
    """What compiling took counts then: no measurement would make every backend look alike."""
    recipe, backend = bpnet.Recipe(optimizer="sgd", batch_size=8), bpnet.backends.get("numpy")
    seconds = fastest._step(backend, network(), recipe, "float32", end=0.0)
    assert 0 < seconds < float("inf")
