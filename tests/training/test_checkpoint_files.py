"""Files of checkpoints: damaged, half written, tampered with, and of earlier and later versions."""

import re
from contextlib import nullcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bpnet
from bpnet.errors import InputError
from bpnet.storage import checkpoint, disk
from bpnet.storage.checkpoint import Snapshot
from tests.training.test_checkpoints import ADAM, Kill, Killed, assert_same, network, rewritten, run
from tests.training.versions import as_version_4


def small(at=7):
    arrays = {
        "parameters": ((np.ones((2, 2), np.float32), np.zeros(2)), (), (np.eye(11),)),
        "state": (((), (np.ones(3), np.ones(3))), ()),
    }
    return Snapshot(arrays, {"at": at, "history": {"cost": [0.1, 1 / 3]}})


def as_version_1(numbers, tensors):
    """Before versions of libraries and columns were kept; Adam's moments as they are published."""
    as_version_4(numbers, tensors)
    numbers["version"] = 1
    del numbers["machine"], numbers["columns"]
    for name in filter(re.compile(r"state\.\d+\.\d+\.\d+").fullmatch, tensors):
        tensors[name] = tensors[name] * (1 - (ADAM.beta2 if name[-1] == "1" else ADAM.beta1))


def drop(name):
    return lambda numbers, _tensors: numbers["networks"]["0"].pop(name)


def put(name, value):
    return lambda numbers, _tensors: numbers["networks"]["0"].update({name: value})


def put_of_run(name, value):
    return lambda numbers, _tensors: numbers.update({name: value})


def tensor(name, value):
    return lambda _numbers, tensors: tensors.update({name: value})


def without(part):
    return lambda _numbers, tensors: [tensors.pop(n) for n in [*tensors] if n.startswith(part)]


def test_what_is_written_is_read(tmp_path):
    actual = checkpoint.read(checkpoint.write(tmp_path, small()))
    assert actual.numbers == small().numbers
    assert actual.step == 7

    def same(a, b):
        if isinstance(a, tuple):
            assert isinstance(b, tuple)
            assert len(a) == len(b)
            for pair in zip(a, b, strict=True):
                same(*pair)
        else:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)

    for name, tree in small().arrays.items():
        same(tree, actual.arrays[name])


def test_every_flipped_bit_and_every_truncation_is_noticed(tmp_path):
    path = checkpoint.write(tmp_path, Snapshot({"p": (np.ones(3, np.float32),)}, {"at": 1}))
    whole = path.read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i])
        with pytest.raises(bpnet.InputError, match="damaged or no checkpoint"):
            checkpoint.read(path)
    for i in range(len(whole) * 8):
        broken = bytearray(whole)
        broken[i // 8] ^= 1 << i % 8
        path.write_bytes(broken)
        try:
            actual = checkpoint.read(path)
        except bpnet.InputError:
            continue
        # a bit of the file's own padding or spelling, which says the same
        assert actual.numbers == {"at": 1}
        np.testing.assert_array_equal(actual.arrays["p"][0], np.ones(3, np.float32))


def test_what_a_killed_process_left_half_written_goes(tmp_path):
    (tmp_path / ".step-000000000006.safetensors.1.partial").write_bytes(b"half")
    assert checkpoint.latest(tmp_path) is None
    path = checkpoint.write(tmp_path, small())
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_one_is_passed_over_for_the_one_before(tmp_path, caplog):
    checkpoint.write(tmp_path, small(7))
    newest = checkpoint.write(tmp_path, small(8))
    newest.write_bytes(newest.read_bytes()[:-5])
    assert checkpoint.latest(tmp_path).step == 7
    assert "step-000000000008.safetensors is damaged" in caplog.text
    (tmp_path / "step-000000000007.safetensors").write_bytes(b"")
    with pytest.raises(bpnet.InputError, match="all 2 checkpoints"):
        checkpoint.latest(tmp_path)
    assert checkpoint.latest(tmp_path / "none") is None


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_earlier_ones(tmp_path, monkeypatch, call):
    checkpoint.write(tmp_path, small(7))
    before = sorted(tmp_path.iterdir())

    def fail(*_):
        raise OSError(28, "No space left on device")

    if call == "fsync":
        monkeypatch.setattr(disk.os, "fsync", fail)
    else:
        monkeypatch.setattr(disk.Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(tmp_path, small(8))
    assert sorted(tmp_path.iterdir()) == before
    assert checkpoint.latest(tmp_path).step == 7


@pytest.mark.parametrize(
    ("dtype", "cost", "weights"), [("float64", 1e-12, 1e-12), ("float32", 1e-6, 1e-5)]
)
def test_a_checkpoint_of_version_1_is_taken_up(tmp_path, dtype, cost, weights):
    """Moments times (1 - beta) and again divided are off by an ulp, which each step hands on."""
    expected = network()
    wanted_history = run(expected, dtype=dtype)
    with pytest.raises(Killed):
        run(network(), [Kill(60)], checkpoint=tmp_path, dtype=dtype)
    for path in tmp_path.iterdir():
        rewritten(path, as_version_1)
    resumed = network()
    history = run(resumed, checkpoint=tmp_path, resume=True, dtype=dtype)
    assert history["cost"] == pytest.approx(wanted_history["cost"], rel=cost)
    for got, desired in zip(resumed.weights, expected.weights, strict=True):
        assert_allclose(got, desired, rtol=0, atol=weights)


@pytest.mark.parametrize("killed", [True, False])
def test_a_checkpoint_of_version_4_goes_on_to_the_same_bits(tmp_path, killed):
    """With what early stopping keeps, and where the run is over with its best parameters."""
    stopping = lambda: bpnet.EarlyStopping(patience=2, metric="validation_accuracy")  # noqa: E731
    options = {"epochs": 30, "schedule": "constant"}
    expected = network()
    wanted_history = run(expected, [stopping()], **options)
    first = [stopping(), *([Kill(29 * 4)] if killed else [])]
    with pytest.raises(Killed) if killed else nullcontext():
        run(network(), first, checkpoint=tmp_path, **options)
    for path in tmp_path.iterdir():
        rewritten(path, as_version_4)
    resumed = network()
    history = run(resumed, [stopping()], checkpoint=tmp_path, resume=True, **options)
    assert_same(resumed, expected, history, wanted_history)
    assert checkpoint.latest(tmp_path).step == 29 * len(history["cost"])


def test_a_checkpoint_of_a_later_version_is_told(tmp_path):
    path = checkpoint.write(tmp_path, small())
    rewritten(path, lambda numbers, _: numbers.update(version=6))
    with pytest.raises(InputError, match=r"later bpnet \(version 6 of the format\); update bpnet"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (drop("epoch"), "has nothing as its epoch"),
        (put("step", "first"), "has first as its step"),
        (put("threads", 10**9), "has 1000000000 as its threads"),
        (put("history", {"cost": []}), "has .* as its history"),
        (put("callbacks", []), "has .* as its callbacks"),
        (put("callbacks", {"EarlyStopping": 3}), "has .* as its callbacks"),
        (put("sums", [0.5]), r"has \[0.5\] as its sums"),
        (put("done", 1), "has 1 as its done"),
        (put("error", 1), "has 1 as its error"),
        (put("learning_rate", "0.1"), "has 0.1 as its learning_rate"),
        (put("epochs", -1), "has -1 as its epochs"),
        (put_of_run("machine", {"blas": 3}), "as its machine"),
        (put_of_run("backend", None), "has None as its backend"),
        (put_of_run("columns", 5), "has 5 as its columns"),
        (put_of_run("asked", []), r"has \[\] as its asked"),
        (put_of_run("before", -1), "has -1 as its before"),
        (put_of_run("stacks", [1.5]), r"has \[1.5\] as its stacks"),
        (put_of_run("networks", {"0": []}), "as its networks"),
        (put_of_run("networks", {"1": {}}), "has nothing as its epoch"),
        (without("0 parameters"), "is not that of a set of 1 such networks"),
        (without("0 state"), "the optimizer's arrays in the checkpoint are not"),
        (tensor("0 parameters.0.0", np.zeros((3, 3))), "parameters in the checkpoint are not"),
        (tensor("0 parameters.0.0", np.zeros((6, 8), "S3").view("u1")), "parameters in the check"),
        (tensor("0 state.0.0.0", np.zeros(7)), "the optimizer's arrays in the checkpoint are not"),
        (tensor("0 state.x", np.zeros(7)), "all 1 checkpoints in .* are damaged"),
    ],
)
def test_a_checkpoint_that_was_tampered_with_is_refused(tmp_path, change, text):
    """A hash shows damage; whoever writes a file can make it fit."""
    run(network(), checkpoint=tmp_path, epochs=1)
    for path in tmp_path.iterdir():
        rewritten(path, change)
    with pytest.raises(InputError, match=text):
        run(network(), checkpoint=tmp_path, resume=True)


def test_the_best_epoch_in_a_checkpoint_is_judged_too(tmp_path):
    stopping = bpnet.EarlyStopping(patience=3)
    run(network(), [stopping], checkpoint=tmp_path, epochs=1, schedule="constant")

    def change(numbers, _tensors):
        numbers["networks"]["0"]["callbacks"]["EarlyStopping"]["best_epoch"] = "never"

    for path in tmp_path.iterdir():
        rewritten(path, change)
    options = {"checkpoint": tmp_path, "resume": True, "epochs": 2, "schedule": "constant"}
    with pytest.raises(InputError, match="does not say which epoch was the best"):
        run(network(), [stopping], **options)
