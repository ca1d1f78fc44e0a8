"""Checkpoints through crashes, full disks and random damage."""

import errno
import itertools
import os
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.storage import checkpoint
from bpnet.storage.checkpoint import Snapshot


def snapshot(at, n=40):
    arrays = np.random.default_rng(at).normal(size=n)
    return Snapshot({"parameters": ((arrays, arrays[:3]), ())}, {"at": at, "note": "x" * at})


def same(a, b):
    pairs = zip(a.arrays["parameters"][0], b.arrays["parameters"][0], strict=True)
    return a.numbers == b.numbers and all(np.array_equal(p, q) for p, q in pairs)


class Disk:
    """Every operation of the save protocol, written down as it is done."""

    def __init__(self, monkeypatch, folder):
        self.operations, self.folder = [], folder
        self.opened = {}
        path_open, replace, unlink, fsync = Path.open, Path.replace, Path.unlink, os.fsync

        def opening(path, mode="r", *rest, **more):
            file = path_open(path, mode, *rest, **more)
            if {*"wx"} & {*mode} and path.parent == folder:
                self.opened[file.fileno()] = path.name
                self.operations.append(("create", path.name))
            return file

        def replacing(path, target):
            content = path.read_bytes()
            self.operations.append(("rename", path.name, Path(target).name, content))
            return replace(path, target)

        def unlinking(path, missing_ok=False):
            if path.exists():
                self.operations.append(("unlink", path.name))
            return unlink(path, missing_ok=missing_ok)

        def syncing(handle):
            name = self.opened.get(handle)
            if os.path.samestat(os.fstat(handle), folder.stat()):
                self.operations.append(("sync folder",))
            else:
                self.operations.append(("sync", name, (folder / name).read_bytes()))
            return fsync(handle)

        monkeypatch.setattr(Path, "open", opening)
        monkeypatch.setattr(Path, "replace", replacing)
        monkeypatch.setattr(Path, "unlink", unlinking)
        monkeypatch.setattr(os, "fsync", syncing)


def crashes(operations):
    """Yield each folder, {name: bytes}, that a crash after these operations may leave.

    What a folder lists since it was last synchronized may be there or not, each entry by itself;
    a file that was never synchronized may hold nothing, a half or zeros.
    """
    durable, pending, synced = {}, [], {}
    for operation in operations:
        kind, *rest = operation
        if kind == "sync":
            synced[rest[0]] = rest[1]
        elif kind == "sync folder":
            for change in pending:
                apply(durable, change, synced)
            pending = []
        else:
            pending.append(operation)
    for count in range(len(pending) + 1):
        for chosen in itertools.combinations(pending, count):
            for torn in (lambda c: b"", lambda c: c[: len(c) // 2], lambda c: bytes(len(c))):
                state = dict(durable)
                for change in chosen:
                    apply(state, change, synced, torn)
                yield state


def apply(state, change, synced, torn=lambda content: b""):
    kind, name, *rest = change
    if kind == "create":
        state[name] = synced.get(name, b"")
    elif kind == "unlink":
        state.pop(name, None)
    else:
        target, content = rest
        state.pop(name, None)
        state[target] = content if synced.get(name) == content else torn(content)


def test_a_crash_between_any_two_operations_leaves_a_checkpoint(monkeypatch, tmp_path):
    folder, written, ends = tmp_path / "run", {}, []
    folder.mkdir()
    with monkeypatch.context() as patch:
        disk = Disk(patch, folder)
        for at in (1, 2, 3, 4):
            written[at] = snapshot(at)
            checkpoint.write(folder, written[at])
            ends.append(len(disk.operations))
    kinds = [operation[0] for operation in disk.operations]
    assert kinds.count("sync") == kinds.count("sync folder") == kinds.count("rename") == 4
    tried = 0
    for stop in range(len(disk.operations) + 1):
        done = sum(stop >= end for end in ends)  # writes that had returned
        for number, state in enumerate(crashes(disk.operations[:stop])):
            place = tmp_path / f"{stop}-{number}"
            place.mkdir()
            for name, content in state.items():
                (place / name).write_bytes(content)
            actual = checkpoint.latest(place) if done else latest_or_none(place)
            assert done == 0 or actual is not None
            if actual is not None:
                assert actual.step >= done
                assert same(actual, written[actual.step])
            tried += 1
    assert tried > 50


def latest_or_none(folder):
    try:
        return checkpoint.latest(folder)
    except InputError:
        return None


CALLS = ("write", "fsync", "replace")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)


def fail(patch, call, number):
    """Let one of the calls of the save protocol fail."""

    def failing(*_arguments, **_more):
        raise OSError(number, os.strerror(number))

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            self.file.__enter__()
            return self

        def __exit__(self, *what):
            return self.file.__exit__(*what)

        def __getattr__(self, name):
            return failing if name == "write" else getattr(self.file, name)

    def opening(path, mode="r", *rest, **more):
        file = usual(path, mode, *rest, **more)
        return Full(file) if {*"wx"} & {*mode} else file

    usual = Path.open
    if call == "write":
        patch.setattr(Path, "open", opening)
    else:
        patch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), failing)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", ERRORS)
def test_a_disk_that_fails_leaves_the_older_checkpoint(monkeypatch, tmp_path, call, number):
    checkpoint.write(tmp_path, snapshot(1))
    with monkeypatch.context() as patch:
        fail(patch, call, number)
        with pytest.raises(OSError, match=os.strerror(number)):
            checkpoint.write(tmp_path, snapshot(2))
    assert same(checkpoint.latest(tmp_path), snapshot(1))
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000000001.safetensors"]


def mutated(content, draws):
    """The bytes with one kind of damage."""
    data, at = bytearray(content), int(draws.integers(len(content)))
    length = int(draws.integers(1, 64))
    kind = draws.integers(6)
    if kind == 0:
        data[at] ^= 1 << int(draws.integers(8))
    elif kind == 1:
        data[at : at + length] = draws.bytes(len(data[at : at + length]))
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        data[at:at] = draws.bytes(length)
    elif kind == 4:
        del data[at : at + length]
    else:
        other = int(draws.integers(len(content)))
        first, second = data[at : at + length], data[other : other + length]
        data[at : at + len(second)], data[other : other + len(first)] = second, first
    return bytes(data)


def test_random_damage_is_seen(tmp_path):
    count = 10_000
    path = checkpoint.write(tmp_path, snapshot(7, n=20_000))
    content, want = path.read_bytes(), snapshot(7, n=20_000)
    draws = np.random.default_rng(0)
    refused = 0
    for _ in range(count):
        path.write_bytes(mutated(content, draws))
        try:
            actual = checkpoint.read(path)
        except InputError:
            refused += 1
            continue
        assert same(actual, want)  # damage where nothing is held, or none
    assert refused > 0.9 * count


X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.arange(60) % 3


class FromEpoch(bpnet.Callback):
    """Lets the disk fail from an epoch on, and mends it after another."""

    def __init__(self, patch, how, first, last):
        self.patch, self.how, self.first, self.last = patch, how, first, last

    def on_epoch_end(self, run):
        if run.epoch == self.first:
            fail(self.patch, *self.how)
        elif run.epoch == self.last:
            self.patch.undo()


def trained(epochs, callbacks=(), **options):
    net = bpnet.Network([4, 5, 3], hidden="sigmoid", seed=1)
    history = bpnet.train(net, (X, Y), epochs=epochs, callbacks=callbacks, **options)
    return net, history


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", ERRORS)
def test_training_stops_with_an_error_and_the_older_checkpoint_loads(
    monkeypatch, tmp_path, call, number
):
    net, three = bpnet.Network([4, 5, 3], hidden="sigmoid", seed=1), trained(3)[0]
    failing = FromEpoch(monkeypatch, (call, number), 2, 99)
    with pytest.raises(OSError, match="no checkpoint could be written to") as caught:
        bpnet.train(net, (X, Y), epochs=6, checkpoint=tmp_path, callbacks=[failing])
    monkeypatch.undo()
    assert caught.value.errno == number
    assert os.strerror(number) in str(caught.value)
    assert checkpoint.latest(tmp_path).numbers["networks"]["0"]["epoch"] == 2
    np.testing.assert_array_equal(net.weights[0], three.weights[0])  # what was learned is there
    resumed, _ = trained(6, checkpoint=tmp_path, resume=True)
    np.testing.assert_array_equal(resumed.weights[0], trained(6)[0].weights[0])


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", ERRORS)
def test_training_goes_on_where_that_is_asked_for(monkeypatch, tmp_path, caplog, call, number):
    every = bpnet.Checkpoint(tmp_path, on_error="continue")
    with monkeypatch.context() as patch:
        net, history = trained(6, [FromEpoch(patch, (call, number), 2, 4)], checkpoint=every)
    assert len(history["cost"]) == 6
    np.testing.assert_array_equal(net.weights[0], trained(6)[0].weights[0])
    said = [r.getMessage() for r in caplog.records if "training goes on" in r.getMessage()]
    assert len(said) == 2  # the epochs 3 and 4
    assert os.strerror(number) in said[0]
    assert checkpoint.latest(tmp_path).numbers["networks"]["0"]["epoch"] == 6
    assert not list(tmp_path.glob("*.partial"))


def test_another_word_for_what_to_do_is_refused(tmp_path):
    with pytest.raises(InputError, match="on_error of a checkpoint is 'ignore'; give stop or"):
        bpnet.Checkpoint(tmp_path, on_error="ignore")
