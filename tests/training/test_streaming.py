"""A streamed data set trains the network that the same rows in memory train, bit for bit."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.data import host_rows
from bpnet.data.mapped import Mapped
from bpnet.errors import InputError
from tests.training.test_checkpoints import Kill, Killed

RANDOM = np.random.default_rng(0)
M = 300
PIXELS = RANDOM.integers(0, 256, (M, 12), dtype=np.uint8)
NUMBERS = RANDOM.normal(size=(M, 12))
CLASSES = RANDOM.integers(0, 3, M)
WEIGHTS = RANDOM.uniform(size=M)


@pytest.fixture(autouse=True)
def small_blocks(tmp_path, monkeypatch):
    """Blocks of seven batches, so that an epoch has several and the last are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host_rows, "_BLOCK", 7 * 16 * 12)


def save(x, y):
    np.save("x.npy", x)
    np.save("y.npy", y)


def opened(x, y, **options):
    save(x, y)
    options = {"validation": 0.2, "seed": 2, **options}
    return tuple(made("x.npy,y.npy", **options) for made in (bpnet.data.load, bpnet.data.stream))


def trained(data, output="softmax", outputs=3, **options):
    net = bpnet.Network([12, 6, outputs], hidden="tanh", output=output, seed=1)
    usual = {"epochs": 2, "batch_size": 16, "seed": 5, "validation": data.validation}
    return net, bpnet.train(net, data, **{**usual, **options})


def assert_same(a, b):
    (net, history), (other, also) = a, b
    for p, q in zip([*net.weights, *net.biases], [*other.weights, *other.biases], strict=True):
        np.testing.assert_array_equal(p, q)
    assert {k: v for k, v in history.items() if k != "seconds"} == {
        k: v for k, v in also.items() if k != "seconds"
    }


KINDS = {
    "pixels": (PIXELS, CLASSES, {"dropout": 0.2}),
    "numbers": (NUMBERS, CLASSES, {"optimizer": "sgd", "l2": 0.1}),
    "wide integers": (PIXELS.astype(np.int64) * 1000, CLASSES, {}),
    "text labels": (NUMBERS, np.array(["u", "v", "w"])[CLASSES], {"class_weight": "balanced"}),
    "weighted": (NUMBERS, CLASSES, {"sample_weight": ...}),
    "one-hot": (NUMBERS, np.eye(3)[CLASSES], {}),
    "real rows": (NUMBERS, NUMBERS[:, :3], {"output": "identity"}),
    "one number": (NUMBERS, NUMBERS[:, 0], {"output": "identity", "outputs": 1}),
    "two classes": (PIXELS, CLASSES > 0, {"output": "sigmoid", "outputs": 1}),
}


@pytest.mark.parametrize("kind", ["pixels", "weighted", "real rows"])
def test_the_bits_of_training_from_memory(backend, kind):
    check(kind, backend)


@pytest.mark.parametrize("kind", KINDS)
def test_the_bits_of_training_from_memory_on_numpy(kind):
    check(kind, "numpy")


def check(kind, backend):
    x, y, options = KINDS[kind]
    memory, stream = opened(x, y)
    if "sample_weight" in options:
        options = {"sample_weight": WEIGHTS[memory.rows]}
    runs = [trained(data, backend=backend, **options) for data in (memory, stream)]
    assert_same(*runs)
    held = [np.asarray(data.validation[0]) for data in (memory, stream)]
    np.testing.assert_array_equal(*held)
    net = runs[0][0]
    np.testing.assert_array_equal(
        net.predict(stream.validation[0], backend), net.predict(memory.validation[0], backend)
    )
    assert bpnet.evaluate(net, stream, backend=backend) == bpnet.evaluate(
        net, memory, backend=backend
    )


def test_other_ways_to_use_it():
    memory, stream = opened(NUMBERS, CLASSES)
    for options in (
        {"optimizer": "lbfgs", "batch_size": None, "epochs": 5},
        {"batch_size": None},
        {"metrics": ["f1", "auc"]},
        {"micro_batch": 5},
        {"dtype": "float64"},
    ):
        assert_same(*(trained(data, **options) for data in (memory, stream)))
    net = trained(memory)[0]
    costs = [bpnet.gradients(net, data.x, data.y)[0] for data in (memory, stream)]
    assert costs[0] == costs[1]
    both = opened(NUMBERS, np.digitize(NUMBERS[:, 0], [-0.5, 0.5]))  # something to be learned
    actual = [bpnet.find_learning_rate(net, data, steps=40, batch_size=16) for data in both]
    np.testing.assert_array_equal(actual[0].costs, actual[1].costs)


def test_a_set_of_networks_is_judged_by_streamed_rows():
    memory, streamed = opened(NUMBERS, CLASSES)
    reference = [bpnet.Network([12, 8, 3], hidden="sigmoid", seed=s) for s in range(4)]
    options = {"epochs": 2, "batch_size": 16, "seed": [0, 1, 2, 3], "metrics": "f1"}
    histories = bpnet.train(reference, memory, validation=memory.validation, **options)
    for data in (memory, streamed):  # in a stack, and one by one
        nets = [bpnet.Network([12, 8, 3], hidden="sigmoid", seed=s) for s in range(4)]
        actual = bpnet.train(nets, data, validation=streamed.validation, **options)
        for net, other, history, expected in zip(nets, reference, actual, histories, strict=True):
            np.testing.assert_allclose(net.weights[0], other.weights[0], atol=1e-6)
            for name in ("validation_cost", "validation_accuracy", "validation_f1"):
                np.testing.assert_allclose(history[name], expected[name], rtol=1e-5)
    fold = (np.arange(9), np.arange(9, 20))
    with pytest.raises(InputError, match="folds are parts of examples in memory"):
        bpnet.train(nets, streamed, folds=[fold] * 4)


def parts():
    os.makedirs("parts", exist_ok=True)
    frame = pl.DataFrame({f"c{i}": NUMBERS[:, i] for i in range(12)})
    frame = frame.with_columns(pl.Series("kind", np.array(["u", "v", "w"])[CLASSES]))
    for i in range(4):
        frame[i * 75 : (i + 1) * 75].write_parquet(f"parts/{i}.parquet")


def streams(kind):
    if kind == "table":
        parts()
        return bpnet.data.stream("parts", target="kind", validation=0.2, buffer=100)
    options = {"shuffle": "blocks", "buffer": 100} if kind == "blocks" else {}
    save(NUMBERS, CLASSES)
    return bpnet.data.stream("x.npy,y.npy", validation=0.2, **options)


@pytest.mark.parametrize("kind", ["full", "blocks", "table"])
@pytest.mark.parametrize("when", [3, 14, 16, 31])
def test_resumed_anywhere_it_ends_with_the_same_bits(kind, when, tmp_path):
    options = {"dropout": 0.2, "epochs": 3, "sample_weight": None}
    reference = trained(streams(kind), **options)
    every = bpnet.Checkpoint(tmp_path / "c", epochs=1, steps=5)
    with pytest.raises(Killed):
        trained(streams(kind), checkpoint=every, callbacks=[Kill(when)], **options)
    resumed = trained(streams(kind), checkpoint=tmp_path / "c", resume=True, **options)
    assert_same(resumed, reference)


def test_resumed_with_weights_the_costs_are_the_same(tmp_path):
    data = streams("blocks")
    options = {"sample_weight": WEIGHTS[data.rows]}
    reference = trained(data, **options)
    every = bpnet.Checkpoint(tmp_path / "c", steps=5)
    with pytest.raises(Killed):
        trained(data, checkpoint=every, callbacks=[Kill(10)], **options)
    assert_same(trained(data, checkpoint=tmp_path / "c", resume=True, **options), reference)


@pytest.mark.parametrize("change", ["data", "buffer"])
def test_a_resume_with_other_data_is_refused(change, tmp_path):
    trained(streams("blocks"), checkpoint=tmp_path / "c")
    save(NUMBERS + (change == "data"), CLASSES)
    buffer = 100 if change == "data" else 50
    data = bpnet.data.stream("x.npy,y.npy", validation=0.2, shuffle="blocks", buffer=buffer)
    with pytest.raises(InputError, match="data"):
        trained(data, checkpoint=tmp_path / "c", resume=True, epochs=3)


@pytest.mark.parametrize("kind", ["full", "blocks", "table"])
def test_each_example_is_taken_once_an_epoch(kind):
    data = streams(kind)
    for epoch in range(2):
        order = np.asarray(data.x.order(7, epoch)[0 : len(data.x)])
        assert sorted(order.tolist()) == list(range(len(data.x)))


def test_a_nan_that_is_met_ends_the_run_with_its_place():
    x = NUMBERS.copy()
    x[77, 5] = np.nan
    save(x, CLASSES)
    with pytest.raises(InputError, match=r"x.npy: x is nan in row 77, column 5"):
        trained(bpnet.data.stream("x.npy,y.npy"))


def test_a_file_truncated_while_it_trains_ends_the_run(monkeypatch):
    """Truncated by who reads it, between two reads: in the middle it would be a bus error."""
    take, ended = Mapped.take, []

    class Note(bpnet.Callback):
        def on_block_end(self, run):
            ended.append(run.step)

    def take_what_is_left(self, rows):
        if ended:
            os.truncate("x.npy", 4096)
        return take(self, rows)

    monkeypatch.setattr(Mapped, "take", take_what_is_left)
    save(NUMBERS, CLASSES)
    with pytest.raises(InputError, match=r"x.npy changed while it was read"):
        trained(bpnet.data.stream("x.npy,y.npy"), callbacks=[Note()])
    assert ended


def test_a_batch_that_no_memory_holds_is_refused(monkeypatch):
    monkeypatch.setattr("bpnet.training.opening._LARGEST", 100 * 12)
    with pytest.raises(InputError, match="240 examples of 12 numbers is too large"):
        trained(streams("full"), batch_size=None)
    trained(streams("full"), batch_size=None, optimizer="lbfgs")


MEMORY = """
import sys, threading
import numpy as np, bpnet

def anonymous():
    with open("/proc/self/status") as file:
        return int(file.read().split("RssAnon:")[1].split()[0]) * 1024

data = bpnet.data.stream("x.npy,y.npy", validation=0.1)
before, most, over = anonymous(), [0], threading.Event()

def look():
    while not over.wait(0.01):
        most[0] = max(most[0], anonymous())

threading.Thread(target=look).start()
net = bpnet.Network([784, 8, 10], seed=0)
bpnet.train(net, data, validation=data.validation, epochs=1, batch_size=4096, threads=1)
over.set()
print(most[0] - before, before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_gigabyte_trains_in_a_fifth_of_its_memory():
    """benchmarks/streaming.py does it with 20; here the file has holes and takes no disk."""
    rows = 10**9 // 784
    header = np.lib.format.open_memmap("x.npy", "w+", np.uint8, (rows, 784))
    del header
    np.save("y.npy", RANDOM.integers(0, 10, rows, dtype=np.uint8))
    run = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, timeout=300
    )
    added, before = map(int, run.stdout.split())
    assert 10e6 < added < 200e6  # blocks of 16 MB on their way, 35 bytes a row
    assert before < 100e6
