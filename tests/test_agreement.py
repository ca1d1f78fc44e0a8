"""Rules that stand in different rooms and speak of one thing agree with one another."""

import types

import numpy as np
import pytest

import bpnet
from bpnet.backends import hardware
from bpnet.cli import main
from bpnet.data import labels
from bpnet.data.sources import read_from
from bpnet.errors import InputError
from bpnet.storage import disk

X = np.random.default_rng(0).normal(size=(20, 4))
Y = np.arange(20) % 2


def networks():
    return [bpnet.Network([4, 3, 2], hidden="sigmoid", seed=i) for i in range(2)]


def test_a_pair_of_files_is_split_where_it_is_opened_and_where_it_is_kept(tmp_path, monkeypatch):
    """A comma belongs to a name unless it follows ``.npy``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b").mkdir()
    np.save("a,b/x.npy", X)
    np.save("a,b/y.npy", Y)
    pair = "a,b/x.npy,a,b/y.npy"
    assert main(["train", pair, "--epochs", "1", "--out", "run", "-q"]) == 0
    for name in ("a,b/x.npy", "a,b/y.npy"):
        before = (tmp_path / name).read_bytes()
        assert main(["predict", "run", pair, "-o", name]) == 2
        assert (tmp_path / name).read_bytes() == before
    disk.writable(tmp_path / "b.csv", read_from("a,b.csv"))


def test_a_network_of_labels_that_gets_names_has_classes(tmp_path):
    net = bpnet.Network([4, 3, 1], hidden="sigmoid", output="sigmoid", seed=0)
    bpnet.train(net, (X, Y[:, None].astype(float)), epochs=1)
    net.classes = np.asarray(["no", "yes"])
    again = bpnet.load(net.save(tmp_path / "m.safetensors"))
    assert set(again.classify(X)) <= {"no", "yes"}


@pytest.mark.parametrize(
    "options",
    [{"l2": np.asarray([0.0, 0.5])}, {"seed": np.arange(2)}, {"resume": np.False_}],
    ids=["amounts", "seeds", "NumPy's False"],
)
def test_a_set_takes_arrays_of_one_value_each(options):
    listed = {k: v.tolist() for k, v in options.items()}
    sets = [networks(), networks()]
    for nets, keywords in zip(sets, (options, listed), strict=True):
        bpnet.train(nets, (X, Y), epochs=2, **keywords)
    for a, b in zip(*sets, strict=True):
        np.testing.assert_array_equal(a.weights[0], b.weights[0])


def test_folds_and_ensembles_may_be_made_one_by_one():
    rows = np.arange(20)
    folds = ((np.delete(rows, slice(i, i + 10)), rows[i : i + 10]) for i in (0, 10))
    nets = networks()
    histories = bpnet.train(nets, (X, Y), epochs=1, folds=folds)
    assert all("validation_cost" in history for history in histories)
    assert len(bpnet.Ensemble(net for net in nets).networks) == 2


def test_an_error_names_what_is_no_number_among_objects():
    y = np.arange(20).astype(object)
    y[3] = np.nan
    net = bpnet.Network([4, 3, 1], hidden="sigmoid", output="identity")
    with pytest.raises(InputError, match="y has nan in row 3; give finite numbers"):
        bpnet.train(net, (X, y))


@pytest.mark.parametrize("names", ["abc", 3, [["a", "b"]]])
def test_names_of_classes_are_a_list(names):
    with pytest.raises(InputError, match="give a list of names"):
        labels.named(names)


def test_a_namespace_without_a_hash_is_a_backend():
    functions = {name: getattr(np, name) for name in dir(np) if name[0] != "_"}
    mine = types.SimpleNamespace(**functions, __name__="mine")
    backend = bpnet.backends.get(mine)
    assert backend.to_numpy(backend.asarray(X)).tolist() == X.tolist()
    assert bpnet.backends.get(mine) == backend


def test_an_object_of_python_is_not_proposed_to_the_shell(capsys):
    assert main(["train", "--beta1", "0.9"]) == 2
    assert "(" not in capsys.readouterr().err.partition("no such option: ")[2]


def test_weights_that_are_in_memory_are_not_too_many_for_it(tmp_path, monkeypatch):
    net = bpnet.Network([40, 30, 2], hidden="sigmoid", seed=0)
    path = net.save(tmp_path / "m.safetensors")
    monkeypatch.setattr(hardware, "memory", lambda: 8 * 40)
    assert bpnet.load(path).sizes == [40, 30, 2]
    with pytest.raises(InputError, match="give smaller layers"):
        bpnet.Network([40, 30, 2], hidden="sigmoid", seed=0)


def test_which_floats_are_labels_does_not_depend_on_which_rows_are_there():
    net = bpnet.Network([4, 3, 1], hidden="sigmoid", output="sigmoid", seed=0)
    bpnet.train(net, (X, Y + 1), epochs=1)
    some = np.flatnonzero(Y == 1)
    whole = bpnet.evaluate(net, (X[some], np.full(len(some), 2)))
    assert bpnet.evaluate(net, (X[some], np.full(len(some), 2.0))) == whole


def test_an_error_of_a_classmethod_names_the_callers_arguments():
    with pytest.raises(
        TypeError, match="load takes path, then keywords, and was given 2 arguments"
    ):
        bpnet.Ensemble.load("a", "b")
