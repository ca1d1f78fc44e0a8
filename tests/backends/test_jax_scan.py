"""Nothing in JAX's loop over the steps waits for the host."""

import numpy as np
import pytest

import bpnet
from bpnet.backends import trees

pytest.importorskip("jax")

import jax
import jax.extend

from bpnet.backends import jax as adapter

WAITS = ("callback", "infeed", "outfeed")


def primitives(jaxpr):
    """Names of all operations, those of inner functions too."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from primitives(inner)


def looped(monkeypatch, **options):
    """Operations of the loop of a training."""
    seen, usual = [], adapter._compiled.__wrapped__

    def compiled(step):
        run = usual(step)

        def watched(*given):
            given = trees.map_leaves(lambda a: a, given)
            seen.extend(primitives(jax.make_jaxpr(run)(*given).jaxpr))
            return run(*given)

        return watched

    monkeypatch.setattr(adapter, "_compiled", compiled)
    net = bpnet.Network((6, 5, 4), seed=0)
    X = np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32)
    bpnet.train(net, (X, np.arange(32) % 4), epochs=1, batch_size=8, backend="jax:cpu", **options)
    return seen


@pytest.mark.parametrize("options", [{"optimizer": "adam", "dropout": 0.2}, {"l2": 0.1}])
def test_no_step_waits_for_the_host(monkeypatch, options):
    seen = looped(monkeypatch, **options)
    assert "scan" in seen
    assert "dot_general" in seen
    assert not [name for name in seen if any(word in name for word in WAITS)]
