"""Steps that PyTorch compiles: asked for, equal to rounding, and what a resume does again."""

import numpy as np
import pytest

import bpnet
from bpnet.backends import libraries
from bpnet.errors import InputError
from bpnet.training.step import TrainingStep

X, Y = np.random.default_rng(0).normal(size=(70, 5)), np.arange(70) % 3
OPTIONS = {
    "optimizer": "adam", "batch_size": 16, "l2": 0.1, "dropout": 0.2, "clip_norm": 1.0,
    "dtype": "float64",
}  # fmt: skip


def train(**options):
    net = bpnet.Network([5, 8, 3], hidden="tanh", seed=1)
    history = bpnet.train(net, (X, Y), **{**OPTIONS, **options})
    return net, history


def test_compiled_steps_are_the_same_and_a_resume_compiles_them_again(
    backend, tmp_path, monkeypatch
):
    if backend.name != "torch":
        pytest.skip("PyTorch's way")
    eager, costs = train(backend=backend, epochs=4)
    calls, plain = [], TrainingStep.__call__

    def counted(self, *args):
        calls.append(None)
        return plain(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", counted)
    folder = tmp_path / "checkpoints"
    whole, history = train(backend=backend, epochs=4, compiled=True)
    # once to write it down, and once an epoch for the short last batch
    assert len(calls) == 1 + 4
    np.testing.assert_allclose(history["cost"], costs["cost"], rtol=1e-12)
    for a, b in zip(whole.weights, eager.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)

    train(backend=backend, epochs=2, compiled=True, checkpoint=folder)
    calls.clear()
    again, _ = train(backend=backend, epochs=4, checkpoint=folder, resume=True)
    assert len(calls) == 2
    for a, b in zip(again.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_was_compiled_serves_the_next_training(backend, monkeypatch):
    """Of another network like it, with another learning rate."""
    if not backend.compiles:
        pytest.skip("compiles nothing")
    calls, plain = [], TrainingStep.__call__

    def counted(self, *args):
        calls.append(None)
        return plain(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", counted)
    actual = []
    for rate in (0.01, 0.02, 0.01):
        adam = bpnet.optimizers.Adam(learning_rate=rate)
        actual.append(train(backend=backend, epochs=1, optimizer=adam, clip_norm=0.7)[1]["cost"])
    assert len(calls) == 1
    assert actual[0] == actual[2] != actual[1]


@pytest.mark.parametrize(
    "other",
    [{"batch_size": 10}, {"sample_weight": np.arange(1.0, 71.0)}],
    ids=["batch_size", "sample_weight"],
)
def test_it_does_not_serve_another_batch(backend, other, monkeypatch):
    """The mean over a batch divides by its size, or by its weight."""
    if backend.name != "torch":
        pytest.skip("PyTorch's way")
    # what is written down is run as it is: to compile it takes ten seconds each time
    monkeypatch.setattr("torch.compile", lambda graph, **_: graph)
    same = {"backend": backend, "epochs": 1, "optimizer": "sgd", "dropout": 0.0, "clip_norm": 0.0}
    train(compiled=True, **same)
    actual, costs = train(compiled=True, **same, **other)
    expected, wanted_costs = train(**same, **other)
    np.testing.assert_allclose(costs["cost"], wanted_costs["cost"], rtol=1e-12)
    for a, b in zip(actual.weights, expected.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


def test_a_library_that_has_one_way_refuses_the_other():
    with pytest.raises(InputError, match="compiled is True and numpy has nothing that compiles"):
        train(backend="numpy", compiled=True)
    train(backend="numpy", compiled=False, epochs=1)


def test_jax_compiles_anyway():
    if not libraries.installed("jax"):
        pytest.skip("jax is not installed")
    jax = bpnet.backends.get("jax:cpu")
    assert jax.compiling(True) is jax
    with pytest.raises(InputError, match="compiled is False and jax:cpu compiles every step"):
        jax.compiling(False)


def test_a_set_of_networks_is_not_compiled():
    nets = [bpnet.Network([5, 8, 3], hidden="sigmoid", seed=i) for i in range(2)]
    with pytest.raises(InputError, match="compiled is for one network, and this is a set of 2"):
        bpnet.train(nets, (X, Y), compiled=True)


def test_a_long_run_on_pytorch_is_compiled_by_itself_and_says_so(backend, tmp_path, monkeypatch):
    if backend.name != "torch":
        pytest.skip("PyTorch's way")
    from bpnet.backends import torch

    monkeypatch.setattr(torch, "_WORTH", 20)  # 5 steps an epoch
    seen = []

    class Seen(bpnet.Callback):
        def on_train_begin(self, run):
            seen.append(run.compiled)

    train(backend=backend, epochs=3, callbacks=[Seen()])
    train(backend=backend, epochs=4, callbacks=[Seen()])
    train(backend=backend, epochs=4, callbacks=[Seen()], compiled=False)
    assert seen == [False, True, False]

    monkeypatch.setattr(torch, "_compiler", lambda: None)
    train(backend=backend, epochs=4, callbacks=[Seen()])
    assert seen.pop() is False
    monkeypatch.undo()

    folder = tmp_path / "checkpoints"
    train(backend=backend, epochs=2, checkpoint=folder)
    monkeypatch.setattr(torch, "_WORTH", 20)
    train(backend=backend, epochs=4, checkpoint=folder, resume=True, callbacks=[Seen()])
    assert seen.pop() is False  # as it was begun


def test_steps_that_pytorch_cant_compile_run_as_they_are(backend, monkeypatch, caplog):
    if backend.name != "torch":
        pytest.skip("PyTorch's way")
    import torch

    def refuse(*_, **__):
        msg = "no such compiler\nand more"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch, "compile", refuse)
    actual, _ = train(backend=backend, epochs=2, compiled=True, clip_norm=0.9)
    want, _ = train(backend=backend, epochs=2, compiled=False, clip_norm=0.9)
    for a, b in zip(actual.weights, want.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    assert caplog.messages == [
        "PyTorch can't compile the steps (no such compiler); they run as they are"
    ]


def test_steps_in_shards_are_not_compiled(backend):
    if backend.name != "torch":
        pytest.skip("PyTorch's way")
    with pytest.raises(InputError, match="compiled is True and PyTorch compiles whole steps"):
        train(backend=backend, epochs=1, compiled=True, shards=2)
    with pytest.raises(InputError, match="numpy has nothing that compiles"):
        train(backend="numpy", epochs=1, compiled=True, shards=2)


def test_memory_that_runs_out_while_compiling_is_no_failure_to_compile(backend, monkeypatch):
    if backend.name != "torch":
        pytest.skip("PyTorch's way")
    import torch

    def full(*_, **__):
        msg = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"
        raise RuntimeError(msg)

    monkeypatch.setattr(torch, "compile", full)
    with pytest.raises(MemoryError):
        train(backend=backend, epochs=1, compiled=True, clip_norm=0.8)


def test_numpy_calls_every_step_where_it_is_asked_to(backend, monkeypatch):
    if backend.name != "numpy":
        pytest.skip("NumPy's way")
    calls, plain = [], TrainingStep.__call__

    def counted(self, *args):
        calls.append(None)
        return plain(self, *args)

    monkeypatch.setattr(TrainingStep, "__call__", counted)
    options = {"backend": backend, "epochs": 10, "dropout": 0.0}
    usual, history = train(**options)
    assert len(calls) <= 10 * (1 + 1) + 2  # written down, and the short last batch; two tried
    calls.clear()
    called, costs = train(**options, compiled=False)
    assert len(calls) == 10 * (70 // 16 + 1)
    assert history["cost"] == costs["cost"]
    for a, b in zip(usual.weights, called.weights, strict=True):
        np.testing.assert_array_equal(a, b)
