"""The weighted input whose output is the mean of the members' outputs."""

import math

import numpy as np
import pytest

from bpnet.core import activations, averaging
from bpnet.errors import InputError

OUTPUTS = ["softmax", "sigmoid", "identity", "exp"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_its_output_is_the_mean_of_the_outputs(backend, name):
    output, xp = activations.get(name), backend.xp
    drawn = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
    z = backend.asarray(drawn)
    a = output.sigma(averaging.mean_input(z, output, xp=xp), xp=xp)
    mean = output.sigma(drawn.astype(np.float64), xp=np).mean(axis=0)
    assert a.dtype == z.dtype
    np.testing.assert_allclose(backend.to_numpy(a), mean, rtol=2e-5)


def test_probabilities_too_small_for_any_float_keep_their_logarithms():
    z = np.asarray([[[0.0, -2000.0]], [[0.0, -1000.0]]])
    actual = averaging.mean_input(z, activations.Softmax(), xp=np)
    np.testing.assert_allclose(actual, [[0.0, -1000.0 - math.log(2)]], atol=1e-9)
    one = averaging.mean_input(z[..., 1:], activations.Sigmoid(), xp=np)
    np.testing.assert_allclose(one, [[-1000.0 - math.log(2)]], atol=1e-9)


def test_an_output_that_does_not_tell_its_input_is_refused():
    with pytest.raises(InputError, match="not of ReLU"):
        averaging.mean_input(np.zeros((2, 1, 1)), activations.ReLU(), xp=np)
