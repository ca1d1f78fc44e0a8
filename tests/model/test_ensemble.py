"""Ensembles: the mean and the spread of members, and one file for all of them."""

import numpy as np
import pytest

import bpnet


def members(count=3, **options):
    options = {"hidden": "tanh", **options}
    nets = [bpnet.Network([4, 5 + seed, 3], seed=seed, **options) for seed in range(count)]
    for net in nets:
        net.classes = np.asarray(["ant", "bee", "cat"])
    return nets


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(20, 4))


def test_mean_spread_and_class_are_of_the_members_outputs(backend, X):
    nets = members()
    both = bpnet.Ensemble(nets)
    dtype = backend.dtypes()[0]
    outputs = both.outputs(X, backend, dtype=dtype)
    alone = np.stack([net.predict(X, backend, dtype=dtype) for net in nets])
    np.testing.assert_array_equal(outputs, alone)
    if dtype == "float64":
        mean = sum(alone) / 3
        np.testing.assert_allclose(both.predict(X, backend), mean, rtol=1e-14)
        expected = np.sqrt(sum((a - mean) ** 2 for a in alone) / 3)
        np.testing.assert_allclose(both.spread(X, backend), expected, rtol=1e-12)
        names = np.asarray(["ant", "bee", "cat"])[mean.argmax(axis=1)]
        assert both.classify(X, backend).tolist() == names.tolist()


def test_integers_are_scaled_as_in_each_member():
    nets = members()
    for net in nets:
        net.scale = 0.25
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = nets[1].predict(pixels)
    np.testing.assert_array_equal(bpnet.Ensemble(nets).outputs(pixels)[1], expected)
    np.testing.assert_allclose(expected, nets[1].predict(pixels / 4))


def test_two_classes_by_one_output():
    nets = [bpnet.Network([4, 1], output="sigmoid", seed=seed) for seed in range(2)]
    X = np.eye(4) * 3
    both = bpnet.Ensemble(nets)
    assert both.classify(X).tolist() == (both.predict(X)[:, 0] > 0.5).astype(int).tolist()


def test_a_file_holds_all_of_it(tmp_path, X):
    nets = members(norm="batch")
    both = bpnet.Ensemble(nets)
    path = both.save(tmp_path / "ensemble.safetensors")
    for place in (path, tmp_path):
        again = bpnet.Ensemble.load(place)
        assert len(again) == 3
        assert again.classes.tolist() == ["ant", "bee", "cat"]
        np.testing.assert_array_equal(again.outputs(X), both.outputs(X))


def test_a_damaged_file_is_refused(tmp_path):
    path = bpnet.Ensemble(members()).save(tmp_path / "e.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(bpnet.InputError, match="SHA-256"):
        bpnet.Ensemble.load(path)


def test_files_of_one_kind_are_not_taken_for_the_other(tmp_path):
    nets = members()
    one, all_ = tmp_path / "one.safetensors", tmp_path / "all.safetensors"
    nets[0].save(one)
    bpnet.Ensemble(nets).save(all_)
    with pytest.raises(bpnet.InputError, match="'bpnet network', not a 'bpnet ensemble'"):
        bpnet.Ensemble.load(one)
    assert isinstance(bpnet.load(one), bpnet.Network)
    assert isinstance(bpnet.load(all_), bpnet.Ensemble)
    with pytest.raises(bpnet.InputError, match="there is no model"):
        bpnet.Ensemble.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (list, "at least one"),
        (lambda: [*members(1), 4], "was given int"),
        (lambda: [*members(1), bpnet.Network([4, 3])], "network 2 of the ensemble has class names"),
        (lambda: [*members(1), bpnet.Network([5, 3])], "has inputs 5 and the first 4"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(bpnet.InputError, match=message):
        bpnet.Ensemble(make())


def test_a_summary_counts_the_parameters_of_all_members():
    both = bpnet.Ensemble(members(2))  # 4-5-3 and 4-6-3
    summary = both.summary()
    assert summary.learned == (4 * 5 + 5 + 5 * 3 + 3) + (4 * 6 + 6 + 6 * 3 + 3)
    assert (summary.bytes, summary.activations) == (8 * summary.learned, 8 * (5 + 3 + 6 + 3))
    assert repr(both) == (
        "Ensemble(Network([4, 5, 3], Tanh, Softmax), Network([4, 6, 3], Tanh, Softmax))"
    )
    assert "<svg" in both._repr_html_()
    assert "94 parameters" in both._repr_html_()
