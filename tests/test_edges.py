"""What networks and ensembles decide, draw and refuse, and no other test looks at."""

import numpy as np
import pytest
from safetensors.numpy import load_file, safe_open, save_file

import bpnet
from bpnet.core import initializers
from bpnet.data import draws
from bpnet.errors import InputError


@pytest.mark.parametrize(("output", "threshold"), [("identity", [0, 1, 1]), ("sigmoid", [0, 0, 1])])
def test_one_output_is_decided_at_0_unless_it_is_a_probability(output, threshold):
    net = bpnet.Network([1, 1], output=output)
    assert net.decide(np.asarray([[-0.2], [0.2], [0.7]])).tolist() == threshold


def test_layers_of_one_shape_have_each_their_own_first_weights():
    net = bpnet.Network([4, 4, 4], hidden="sigmoid", init="glorot_uniform", seed=9)
    for l, W in enumerate(net.weights):
        source = draws.HostDraw(draws.generator(9, "weights", l))
        expected, _ = initializers.INITIALIZERS["glorot_uniform"](source, 4, 4, xp=np)
        np.testing.assert_array_equal(W, expected.T)
    assert (net.weights[0] != net.weights[1]).all()


def test_members_of_an_ensemble_scale_their_inputs_alike():
    nets = [bpnet.Network([2, 2], seed=seed) for seed in (0, 1)]
    nets[1].scale = 1 / 255
    with pytest.raises(InputError, match=r"network 2 of the ensemble has scale 0\.0039\d+ and the"):
        bpnet.Ensemble(nets)


def test_an_ensemble_whose_file_has_lost_its_hash_is_refused(tmp_path):
    path = tmp_path / "ensemble.safetensors"
    bpnet.Ensemble([bpnet.Network([2, 2], seed=0)]).save(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert len(metadata.pop("sha256")) == 64
    save_file(load_file(path), path, metadata)
    with pytest.raises(InputError, match="has no SHA-256"):
        bpnet.Ensemble.load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_is_a_finite_number(value):
    net = bpnet.Network([2, 1], output="identity")
    with pytest.raises(InputError, match=r"weights\[0\] has a value that is not finite"):
        net.weights[0] = [[1.0, value]]


@pytest.mark.parametrize(("output", "middle"), [("identity", 0.0), ("sigmoid", 0.5)])
def test_an_output_on_the_threshold_is_the_first_class(output, middle):
    """As the accuracy of training counts it."""
    net = bpnet.Network([1, 1], output=output)
    assert net.decide(np.asarray([[middle], [np.nextafter(middle, 1)]])).tolist() == [0, 1]


@pytest.mark.parametrize("wide", [0, 1])
def test_an_ensemble_answers_in_the_widest_dtype_of_its_members(wide):
    nets = [bpnet.Network([2, 2], seed=seed) for seed in (0, 1)]
    narrow = nets[1 - wide]
    narrow.weights[0], narrow.biases[0] = (
        a.astype(np.float32) for a in (narrow.weights[0], narrow.biases[0])
    )
    assert [net.dtype for net in nets] == ["float64" if i == wide else "float32" for i in (0, 1)]
    x = np.asarray([[0.1, 0.7]])
    outputs = bpnet.Ensemble(nets).outputs(x)
    assert outputs.dtype == np.float64
    np.testing.assert_array_equal(outputs[wide], nets[wide].predict(x))
