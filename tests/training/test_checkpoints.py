"""A run stopped anywhere and taken up again ends with the bits of one that never stopped."""

import json
import os
import re
import signal
from contextlib import nullcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bpnet
from bpnet.errors import InputError
from bpnet.storage import checkpoint, checksummed, disk
from bpnet.storage.checkpoint import Snapshot
from tests.training.versions import as_version_4

ADAM = bpnet.optimizers.Adam(learning_rate=0.01)


def blobs(m=230):
    random = np.random.default_rng(5)
    y = random.integers(0, 3, m)
    return random.normal(size=(m, 6)) + np.eye(3, 6)[y], y


def network():
    return bpnet.Network([6, 8, 3], hidden="tanh", seed=1)


def run(net, callbacks=(), *, epochs=4, backend="numpy", **options):
    X, y = blobs()
    usual = {
        "optimizer": ADAM, "batch_size": 8, "dropout": 0.2, "l2": 0.1, "schedule": "cosine",
        "validation": (X[:50], y[:50]),
    }  # fmt: skip
    return bpnet.train(
        net,
        (X, y),
        epochs=epochs,
        backend=backend,
        callbacks=callbacks,
        **{**usual, **options},
    )


class Killed(Exception):
    """The end of a process, as far as a test can have it."""


class Kill(bpnet.Callback):
    """Ends the run after so many steps, without a word to anyone."""

    def __init__(self, step):
        self.step = step

    def on_block_end(self, run):
        if run.epoch * run.steps + run.step >= self.step:
            raise Killed


class Stop(Kill):
    """Ends it as Ctrl-C does."""

    def on_block_end(self, run):
        if run.epoch * run.steps + run.step >= self.step:
            run.stop("SIGINT")


def assert_same(net, expected, history, wanted_history):
    for a, b in zip(
        [*net.weights, *net.biases], [*expected.weights, *expected.biases], strict=True
    ):
        np.testing.assert_array_equal(a, b)
    for name in wanted_history:
        if name != "seconds":
            assert history[name] == wanted_history[name]


@pytest.mark.parametrize("when", [1, 28, 29, 30, 60, 115])
def test_killed_and_resumed_it_ends_with_the_same_bits(backend, when, tmp_path):
    expected = network()
    wanted_history = run(expected, backend=backend)
    every = bpnet.Checkpoint(tmp_path, epochs=1, steps=50)
    with pytest.raises(Killed):
        run(network(), [Kill(when)], backend=backend, checkpoint=every)
    resumed = network()
    history = run(resumed, backend=backend, checkpoint=tmp_path, resume=True)
    assert_same(resumed, expected, history, wanted_history)


@pytest.mark.parametrize("when", [3, 29, 58])
def test_a_stopped_run_writes_where_it_is(when, tmp_path):
    expected = network()
    wanted_history = run(expected)
    run(network(), [Stop(when)], checkpoint=tmp_path)
    actual = checkpoint.latest(tmp_path)
    assert actual.step >= when
    assert not actual.numbers["networks"]["0"]["done"]
    resumed = network()
    assert_same(resumed, expected, run(resumed, checkpoint=tmp_path, resume=True), wanted_history)


def test_early_stopping_goes_on_where_it_was(tmp_path):
    stopping = lambda: bpnet.EarlyStopping(patience=3, metric="validation_accuracy")  # noqa: E731
    options = {"epochs": 40, "schedule": "constant"}
    expected = network()
    wanted_history = run(expected, [stopping()], **options)
    assert 5 < len(wanted_history["cost"]) < 40
    for when in (29 * 4, 29 * (len(wanted_history["cost"]) - 1)):
        folder = tmp_path / str(when)
        with pytest.raises(Killed):
            run(network(), [stopping(), Kill(when)], checkpoint=folder, **options)
        resumed = network()
        history = run(resumed, [stopping()], checkpoint=folder, resume=True, **options)
        assert_same(resumed, expected, history, wanted_history)


def test_two_callbacks_of_one_class_each_go_on_where_they_were(tmp_path):
    def stopping():
        patient = bpnet.EarlyStopping(patience=40, metric="validation_cost", restore=False)
        return [bpnet.EarlyStopping(patience=40, metric="validation_accuracy"), patient]

    expected, whole = network(), stopping()
    wanted_history = run(expected, whole)
    with pytest.raises(Killed):
        run(network(), [*stopping(), Kill(29 * 3 + 1)], checkpoint=tmp_path)
    resumed, again = network(), stopping()
    history = run(resumed, again, checkpoint=tmp_path, resume=True)
    assert_same(resumed, expected, history, wanted_history)
    assert [(c.best, c.best_epoch) for c in again] == [(c.best, c.best_epoch) for c in whole]


def test_a_finished_run_is_not_run_again(tmp_path):
    expected = network()
    wanted_history = run(
        expected, [bpnet.EarlyStopping(patience=1)], checkpoint=tmp_path, epochs=30
    )
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = network()
    stopping = bpnet.EarlyStopping(patience=1)
    history = run(again, [stopping], checkpoint=tmp_path, epochs=30, resume=True)
    assert_same(again, expected, history, wanted_history)
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_more_epochs_may_be_asked_for(tmp_path):
    expected = network()
    wanted_history = run(expected, schedule="constant", epochs=5)
    run(network(), schedule="constant", epochs=3, checkpoint=tmp_path)
    longer = network()
    history = run(longer, schedule="constant", epochs=5, checkpoint=tmp_path, resume=True)
    assert_same(longer, expected, history, wanted_history)


def test_the_end_of_a_run_is_written_where_its_last_step_was(tmp_path):
    """The checkpoint of the last step has its number, and does not say that the run is over."""
    run(network(), checkpoint=bpnet.Checkpoint(tmp_path, epochs=0, steps=29))
    own = checkpoint.latest(tmp_path).numbers["networks"]["0"]
    assert (own["epoch"], own["step"], own["done"]) == (4, 0, True)


def test_a_run_that_diverges_keeps_the_checkpoints_before_it(tmp_path):
    """No checkpoint says that the run is over, so that it can be looked into."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    net = bpnet.Network([3, 1], hidden="tanh", output="identity", seed=0)
    options = {"cost": "quadratic", "optimizer": bpnet.optimizers.SGD(1e4), "batch_size": None}
    with pytest.raises(bpnet.Diverged, match="training diverged at"):
        bpnet.train(net, (X, X[:, :1]), epochs=400, checkpoint=tmp_path, **options)
    actual = checkpoint.latest(tmp_path).numbers
    assert not actual["networks"]["0"]["done"]
    assert actual["networks"]["0"]["error"] is None
    assert actual["networks"]["0"]["epoch"] > 1
    with pytest.raises(bpnet.Diverged, match="training diverged at"):
        bpnet.train(net, (X, X[:, :1]), epochs=400, checkpoint=tmp_path, resume=True, **options)


@pytest.mark.parametrize("norm", [None, "layer"])
def test_on_another_backend_the_weights_are_equal_to_rounding(backend, tmp_path, norm):
    """Begun on NumPy, ended elsewhere: the same batches, masks and rates."""
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    made = lambda: bpnet.Network([6, 8, 3], hidden="tanh", seed=1, norm=norm)  # noqa: E731
    expected = made()
    run(expected, dtype=dtype)
    with pytest.raises(Killed):
        run(made(), [Kill(60)], dtype=dtype, checkpoint=tmp_path)
    resumed = made()
    run(resumed, backend=backend, dtype=dtype, checkpoint=tmp_path, resume=True)
    bound = 1e-12 if dtype == "float64" else 1e-4
    for a, b in zip(resumed.weights, expected.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=bound, atol=bound / 10)


def test_two_are_kept_and_minutes_count_too(tmp_path, monkeypatch):
    run(network(), checkpoint=tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "step-000000000087.safetensors",
        "step-000000000116.safetensors",
    ]
    often = bpnet.Checkpoint(tmp_path / "b", epochs=0, minutes=1e-9)
    with pytest.raises(Killed):
        run(network(), [Kill(60)], checkpoint=often, batch_size=1)
    assert checkpoint.latest(tmp_path / "b").numbers["networks"]["0"]["step"] > 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"batch_size": 16}, "has batch_size = 8, not 16"),
        ({"l2": 0.2}, "has l2 = 0.1, not 0.2"),
        ({"seed": 9}, "has seed = 0, not 9"),
        ({"optimizer": bpnet.optimizers.SGD()}, "has optimizer = Adam"),
        ({"sample_weight": np.arange(230.0)}, "has weights = None"),
        ({"validation": tuple(a[:40] for a in blobs())}, "has validation = "),
        ({"validation": None}, "has validation = .*, not None"),
    ],
)
def test_another_run_is_not_taken_up(tmp_path, options, text):
    run(network(), checkpoint=tmp_path, epochs=1)
    with pytest.raises(bpnet.InputError, match=text):
        run(network(), checkpoint=tmp_path, resume=True, **options)


@pytest.mark.parametrize(("factor", "is_refused"), [(1 + 1e-13, False), (1 + 1e-6, True)])
def test_weights_are_those_that_another_machine_adds_up(tmp_path, factor, is_refused):
    """Sums of numbers depend on the processor in their last digits."""
    options = {"checkpoint": tmp_path, "sample_weight": np.linspace(0.5, 1.5, 230)}
    run(network(), epochs=1, **options)
    actual = checkpoint.latest(tmp_path)
    asked = actual.numbers["asked"]
    asked["weights"] = repr(float(asked["weights"]) * factor)
    checkpoint.write(tmp_path, actual)
    if is_refused:
        with pytest.raises(bpnet.InputError, match="has weights = "):
            run(network(), resume=True, epochs=2, **options)
    else:
        assert len(run(network(), resume=True, epochs=2, **options)["cost"]) == 2


def test_misuse_is_refused(tmp_path):
    run(network(), checkpoint=tmp_path, epochs=1)
    with pytest.raises(bpnet.InputError, match="holds checkpoints; give resume=True"):
        run(network(), checkpoint=tmp_path)
    with pytest.raises(bpnet.InputError, match="needs the folder"):
        run(network(), resume=True)
    with pytest.raises(bpnet.InputError, match="minutes of a checkpoint is -1"):
        bpnet.Checkpoint(tmp_path, minutes=-1)


def small(at=7):
    arrays = {
        "parameters": ((np.ones((2, 2), np.float32), np.zeros(2)), (), (np.eye(11),)),
        "state": (((), (np.ones(3), np.ones(3))), ()),
    }
    return Snapshot(arrays, {"at": at, "history": {"cost": [0.1, 1 / 3]}})


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


def test_a_resume_on_other_data_is_refused(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    text = np.asarray(["a", "b", "c"], dtype=object)[y]
    for name, labels in (("numbers", y), ("text", text)):
        options = {"checkpoint": tmp_path / name, "batch_size": 8}
        net = bpnet.Network([4, 3], seed=0)
        bpnet.train(net, (X, labels), epochs=1, **options)
        changed = X.copy()
        changed[17, 2] += 1e-9
        swapped = labels[::-1].copy()
        for other in ((changed, labels), (X, swapped)):
            with pytest.raises(InputError, match=r"has data = .*; resume it as it was begun"):
                bpnet.train(net, other, epochs=2, resume=True, **options)
        bpnet.train(net, (X.copy(), labels.copy()), epochs=2, resume=True, **options)


def test_so_is_a_resume_with_another_scale(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 4), dtype=np.uint8)
    for scale, resume in ((1 / 255, False), (1 / 255, True)):
        data = bpnet.data.Dataset(pixels, np.arange(30) % 3, scale=scale)
        bpnet.train(bpnet.Network([4, 3]), data, epochs=1, checkpoint=tmp_path, resume=resume)
    data = bpnet.data.Dataset(pixels, np.arange(30) % 3, scale=1 / 16)
    with pytest.raises(InputError, match=r"has scale = 0\.0039.*, not 0\.0625"):
        bpnet.train(bpnet.Network([4, 3]), data, epochs=2, checkpoint=tmp_path, resume=True)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_told_apart_by_what_they_hold(library, tmp_path):
    frames = pytest.importorskip(library)
    X, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3

    def data(labels):
        columns = {f"c{i}": X[:, i] for i in range(4)}
        return frames.DataFrame(columns), frames.Series(labels)

    def trained(labels, **options):
        net = bpnet.Network([4, 3], seed=0)
        return bpnet.train(net, data(labels), checkpoint=tmp_path, batch_size=8, **options)

    trained(y, epochs=1)
    with pytest.raises(InputError, match="has data = "):
        trained(y[::-1].copy(), epochs=2, resume=True)
    assert len(trained(y, epochs=2, resume=True)["cost"]) == 2


def rewritten(path, change):
    """The checkpoint with other numbers or tensors, its hash made to fit."""
    held = checksummed.read(path)
    numbers, tensors = json.loads(held.text), dict(held.tensors)
    change(numbers, tensors)
    path.write_bytes(checksummed.encode(json.dumps(numbers), tensors))


def as_version_1(numbers, tensors):
    """Before versions of libraries and columns were kept; Adam's moments as they are published."""
    as_version_4(numbers, tensors)
    numbers["version"] = 1
    del numbers["machine"], numbers["columns"]
    for name in filter(re.compile(r"state\.\d+\.\d+\.\d+").fullmatch, tensors):
        tensors[name] = tensors[name] * (1 - (ADAM.beta2 if name[-1] == "1" else ADAM.beta1))


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


def test_a_resume_with_another_blas_or_other_threads_says_so(tmp_path, caplog):
    with pytest.raises(Killed):
        run(network(), [Kill(60)], checkpoint=tmp_path)
    actual = checkpoint.latest(tmp_path).numbers
    assert actual["machine"]["library"] == np.__version__
    run(network(), checkpoint=tmp_path, resume=True, epochs=4)
    assert "not bit for bit" not in caplog.text

    def other(numbers, _tensors):
        numbers["machine"]["blas"] = "mkl 2027 Zen9"
        numbers["networks"]["0"]["done"] = False

    for path in tmp_path.iterdir():
        rewritten(path, other)
    run(network(), checkpoint=tmp_path, resume=True)
    assert "was begun with blas mkl 2027 Zen9 and goes on with blas" in caplog.text
    assert "equal to rounding, not bit for bit" in caplog.text


def test_the_encodings_of_a_table_are_in_the_checkpoint(tmp_path):
    pytest.importorskip("polars")
    rows = "".join(f"{i % 7},{'abc'[i % 3]},{'xy'[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_text(f"size,kind,side\n{rows}")
    data = bpnet.data.load(tmp_path / "t.csv", target="side")
    net = bpnet.Network([data.x.shape[1], 2], seed=0)
    bpnet.train(net, data, epochs=1, checkpoint=tmp_path / "c")
    kept = checkpoint.latest(tmp_path / "c").numbers["columns"]
    assert bpnet.data.Columns.from_json(kept) == data.columns


@pytest.fixture
def ctrl_c():
    """Ctrl-C as it usually is: a shell starts what runs in its background with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_writes_a_checkpoint_and_the_run_goes_on(tmp_path):
    class Interrupt(Kill):
        def on_block_end(self, run):
            if run.epoch * run.steps + run.step >= self.step:
                self.step = 10**9
                os.kill(os.getpid(), signal.SIGINT)

    expected = network()
    wanted_history = run(expected)
    rarely = bpnet.Checkpoint(tmp_path, epochs=0)
    with pytest.raises(KeyboardInterrupt):
        run(network(), [Interrupt(40)], checkpoint=rarely)
    assert checkpoint.latest(tmp_path).step >= 40
    resumed = network()
    assert_same(resumed, expected, run(resumed, checkpoint=tmp_path, resume=True), wanted_history)


def test_two_runs_on_one_folder_are_refused(tmp_path):
    refused = []

    class Second(bpnet.Callback):
        def on_epoch_end(self, run_):
            with pytest.raises(InputError, match="another process is training in") as caught:
                run(network(), checkpoint=tmp_path, resume=True)
            refused.append(caught)

    run(network(), [Second()], checkpoint=tmp_path, epochs=2)
    assert len(refused) == 2
    assert not (tmp_path / ".lock").exists()
    run(network(), checkpoint=tmp_path, resume=True, epochs=2)


@pytest.mark.parametrize("name", [".lock", "step-000000000029.safetensors"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_a_link_in_it_is_refused_before_anything_is_written(tmp_path, name, resume):
    """A folder may come from a stranger, and nothing is read or written through its links."""
    victim, folder = tmp_path / "victim", tmp_path / "checkpoints"
    victim.write_bytes(b"mine")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    with pytest.raises(InputError, match=re.escape(name)):
        run(network(), checkpoint=folder, resume=resume, epochs=1)
    assert victim.read_bytes() == b"mine"
    assert sorted(path.name for path in folder.iterdir()) == [name]
