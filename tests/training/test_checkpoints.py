"""A run stopped anywhere and taken up again ends with the bits of one that never stopped."""

import json
import os
import re
import signal

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.storage import checkpoint, checksummed

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


def rewritten(path, change):
    """The checkpoint with other numbers or tensors, its hash made to fit."""
    held = checksummed.read(path)
    numbers, tensors = json.loads(held.text), dict(held.tensors)
    change(numbers, tensors)
    path.write_bytes(checksummed.encode(json.dumps(numbers), tensors))


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
