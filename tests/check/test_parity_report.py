"""The parity report: two backends on the same run, step by step and layer by layer."""

import json

import numpy as np
import pytest

from bpnet.check import compare, jobs, parity
from bpnet.errors import InputError
from bpnet.training.member import Member


def test_a_backend_agrees_with_numpy_at_every_step(backend):
    for dtype in set(backend.dtypes()) & set(parity.BOUNDS):
        actual = compare("numpy", backend, dtype)
        assert actual.first_past is None
        layers = {(d.layer, d.quantity) for d in actual.deviations}
        assert layers == {(l, q) for l in (1, 2, 3) for q in parity.QUANTITIES}


def test_the_trace_is_the_training_itself():
    """The gradient of the last step moves the parameters as training did."""
    job = jobs.JOBS["SGD, tanh"]
    from bpnet import backends

    trace = parity._trace(backends.get("numpy"), "float64", job)
    trained = job.run("numpy", "float64")
    W = job.network().parameters[0][0]
    for g in trace[1, "dC/dW"]:
        W = W - job.optimizer.learning_rate * (g + job.l2 / jobs.M * W)
    np.testing.assert_allclose(W, trained.parameters[0][0], rtol=1e-12)
    for l, (_, b) in enumerate(trained.parameters, start=1):
        moved = job.network().parameters[l - 1][1]
        moved = moved - job.optimizer.learning_rate * trace[l, "dC/db"].sum(0)
        np.testing.assert_allclose(moved, b, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(np.tanh(trace[1, "z"]), trace[1, "a"], rtol=1e-14)
    np.testing.assert_allclose(np.tanh(trace[2, "z"]), trace[2, "a"], rtol=1e-14)
    e = np.exp(trace[3, "z"] - trace[3, "z"].max(axis=-1, keepdims=True))
    np.testing.assert_allclose(trace[3, "a"], e / e.sum(axis=-1, keepdims=True), rtol=1e-12)


def test_differences_are_counted_in_units_of_the_last_place():
    a = np.asarray([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]], np.float32)
    b = a.copy()
    b[1, 0] += 3 * np.spacing(np.float32(1.0))
    b[2, 1] += 2.0**-10
    actual = parity._deviation((1, "z"), a, b, "float32", 1e-6)
    assert actual.absolute == 2.0**-10
    assert actual.ulp == 2.0**-10 / np.spacing(np.float32(2.0))
    assert actual.relative == pytest.approx(2.0**-10 / np.linalg.norm(b[2]))
    assert (actual.step, actual.first_past) == (3, 3)
    three = np.spacing(np.float32(1.0)) * 3
    assert actual.by_step[0] == (0.0, 0.0, 0.0)
    assert actual.by_step[1][1:] == (three, 3.0)
    assert actual.by_step[2] == (actual.relative, actual.absolute, actual.ulp)
    assert parity._deviation((1, "z"), a, b, "float32", 1e-8).first_past == 2
    assert parity._deviation((1, "z"), a, a, "float32", 0.0).first_past is None
    b[0] = np.nan
    assert parity._deviation((1, "z"), a, b, "float32", 1.0).first_past == 1


def test_a_report_is_json_where_a_backend_gives_no_numbers():
    a = np.ones((2, 2), np.float32)
    b = np.full_like(a, np.nan)
    actual = parity._deviation((1, "z"), a, b, "float32", 1e-5)
    report = parity.Parity("one", "other", "float32", 1e-5, (actual,)).as_dict()
    assert json.loads(json.dumps(report, allow_nan=False))["first_past"]["relative"] is None
    assert report["first_past"]["first_past"] == 1


def test_the_first_step_past_the_bound_is_named(monkeypatch):
    """A fault from step 31 on, in the hidden layer's own numbers."""
    numbers = Member.numbers

    def planted(self, *steps):
        coefficients, words = numbers(self, *steps)
        if self.run.backend.startswith("array_api_strict"):
            coefficients[30:] *= 1.001
        return coefficients, words

    monkeypatch.setattr(Member, "numbers", planted)
    actual = compare("numpy", "array_api_strict", "float64")
    first = actual.first_past
    assert first.first_past == 32  # the step of 31 moves what step 32 starts from
    assert (first.layer, first.quantity) == (1, "z")


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="takes float64 or float32"):
        compare("numpy", "numpy", "float16")
    with pytest.raises(InputError, match="no_float64 has no float64"):
        compare("numpy", "array_api_strict:no_float64", "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_a_gpu_takes_for_zero_is_no_difference(dtype):
    """CuPy compiles with -ftz=true: 2^-127 is 0 there, and 2^22 of the smallest steps above it."""
    tiny = np.finfo(dtype).tiny
    a = np.asarray([[tiny / 2, -tiny / 4, 0.0], [tiny / 8, tiny / 2, 0.0]], dtype)
    actual = parity._deviation((1, "delta"), a, np.zeros_like(a), dtype, 0.0)
    assert (actual.relative, actual.absolute, actual.ulp, actual.first_past) == (0, 0, 0, None)
    b = np.asarray([[tiny, 0, 0], [0, 0, 0]], dtype)
    assert parity._deviation((1, "delta"), b, np.zeros_like(b), dtype, 0.0).absolute == tiny
