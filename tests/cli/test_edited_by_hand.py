"""Files of a run that someone has edited: any key, any value ends in a result or in one line."""

import json
import shutil
import tomllib
from contextlib import suppress

import numpy as np
import pytest

import bpnet
from bpnet import cli, runs
from bpnet.model import saving
from bpnet.runs import configuration
from bpnet.storage import checksummed, strict_json

TABLE = "a,b,c,t\n" + "".join(f"{i},{'xy'[i % 2]},{i * 1.5},{'pq'[i % 2]}\n" for i in range(60))
VALUES = [True, -1, 5, 1e308, 10**400, "x", "digits", [], ["x"]]
JSON = [None, True, -1, 1e308, 10**400, "x", [], ["x"], {}, {"a": 1}, [[1]], float("nan")]
GONE = object()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run on a table."""
    place = tmp_path_factory.mktemp("made")
    (place / "t.csv").write_text(TABLE)
    options = [str(place / "t.csv"), "--target", "t", "--hidden", "4", "--epochs", "2", "--quiet"]
    assert cli.main(["train", *options, "--recipe", "none", "--out", str(place / "run")]) == 0
    return place / "run"


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(made, tmp_path / "run")


def ends(capsys, *arguments):
    """Whether a command ends with a result, or with status 2 and a line."""
    capsys.readouterr()
    status = cli.main([str(argument) for argument in arguments])
    said = capsys.readouterr().err.splitlines()
    return status == 0 or (status == 2 and len(said) == 1 and said[0].startswith("bpnet: error: "))


def changed(tree, path, value):
    """A copy in which the item at a path is another, or is not there."""
    copy = json.loads(json.dumps(tree))
    if not path:
        return value
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    if value is not GONE:
        inner[path[-1]] = value
    elif isinstance(inner, list) or path[-1] in inner:
        del inner[path[-1]]
    return copy


def places(tree, path=()):
    """Paths of a tree, the first two items of a list for all."""
    yield path
    keys = tree if isinstance(tree, dict) else range(len(tree[:2])) if type(tree) is list else ()
    for key in keys:
        yield from places(tree[key], (*path, key))


def keys_of_config():
    hints = {"data": ["source", "target", "task", "validation", "scale"]}
    hints["network"] = ["hidden", "activation", "init", "seed", "output", "nothing"]
    hints["training"] = [
        "epochs", "batch_size", "metrics", "l2", "schedule", "dropout", "dtype", "seed", "cost",
        "optimizer", "learning_rate", "momentum", "checkpoint_minutes", "on_error", "patience",
        "class_weight", "sample_weight", "micro_batch", "threads", "nothing",
    ]  # fmt: skip
    hints["machine"] = ["backend", "threads"]
    return [(table, key) for table, keys in hints.items() for key in keys]


@pytest.mark.parametrize(("table", "key"), keys_of_config())
@pytest.mark.parametrize("resume", [False, True], ids=["evaluate", "resume"])
def test_config_toml(run, table, key, resume, capsys):
    config = tomllib.loads((run / "config.toml").read_text())
    if resume:
        (run / "model.safetensors").unlink()
    command = ["train", "--resume", run, "-q"] if resume else ["evaluate", run]
    for value in [*VALUES, GONE]:
        if resume and value is GONE and key not in config[table]:
            continue  # a run that goes on, which other tests do
        edited = changed(config, (table, key), value)
        (run / "config.toml").write_text(configuration.to_toml(edited))
        again = shutil.copytree(run, run.with_name("again"))
        assert ends(capsys, *[again if one == run else one for one in command]), value
        shutil.rmtree(again)


def test_columns_json(run, capsys):
    tree = json.loads((run / "columns.json").read_text())
    (run / "t.csv").write_text(TABLE)
    for path in places(tree):
        for value in JSON:
            (run / "columns.json").write_text(json.dumps(changed(tree, path, value)))
            assert ends(capsys, "predict", run, run / "t.csv", "-o", "out.csv"), (path, value)
            run.with_name("out.csv").unlink(missing_ok=True)


def test_history_json(run):
    tree = json.loads((run / "history.json").read_text())
    for path in places(tree):
        for value in [*JSON, GONE] if path else JSON:
            (run / "history.json").write_text(json.dumps(changed(tree, path, value)))
            with suppress(bpnet.InputError):
                runs.summary(run)


def test_metadata_of_a_model(tmp_path):
    """With a SHA-256 that fits, as of somebody who knows how it is made."""
    relu = bpnet.activations.LeakyReLU(0.1)
    net = bpnet.Network([3, 4, 3], hidden=relu, norm="batch", seed=0)
    net.classes, net.scale = np.array(["a", "b", "c"]), 0.5
    described, tensors = saving.describe(net)
    tree = {"format": "bpnet network", "version": 2, **described}
    model = tmp_path / "m.safetensors"
    for path in places(tree):
        for value in [*JSON, GONE] if path else JSON:
            text = json.dumps(changed(tree, path, value))
            model.write_bytes(checksummed.encode(text, tensors))
            with suppress(bpnet.InputError):
                bpnet.load(model).classify(np.ones((2, 3)))


@pytest.mark.parametrize(
    "text", ["[" * 10**6, "1" * 5000, str(2**64), "1e999", "NaN", "-Infinity", "{", '{"a": }']
)
def test_numbers_that_nobody_writes_are_no_json(text):
    with pytest.raises(ValueError, match=r"."):
        strict_json.loads(text)


def test_a_history_of_numbers_that_no_picture_has_room_for_is_refused(run, capsys):
    (run / "history.json").write_text('{"cost": [1e308, 0.5], "accuracy": [1, 0.5]}')
    assert cli.main(["report", str(run), "--out", "report"]) == 2
    assert "history.json is missing or damaged" in capsys.readouterr().err
