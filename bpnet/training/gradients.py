"""Gradients of the cost over a whole set of examples, for who wants to see them."""

from typing import Any

import numpy as np

from bpnet import backends
from bpnet.arguments import checked
from bpnet.backends import dtypes
from bpnet.core import costs, feedforward, regularizers
from bpnet.core.layers import Dense
from bpnet.data import batches
from bpnet.model.network import Network
from bpnet.training import blocks
from bpnet.training.declared import STRENGTH, Strength
from bpnet.training.prepare import prepare

Host = np.ndarray[Any, Any]


@checked
def gradients(
    network: Network,
    X: Any,
    y: Any,
    *,
    cost: str | Any | None = None,
    l2: Strength = 0.0,
    backend: Any = None,
    device: Any = None,
    dtype: dtypes.Float = "float64",
) -> tuple[float, list[tuple[Host, Host]]]:
    """Cost over all examples, and its gradients.

    Parameters
    ----------
    network : Network
        Where they are taken; it is not changed.
    X, y : array
        Examples and targets, as in :func:`bpnet.train`.
    cost, backend, device : optional
        As in :func:`bpnet.train`.
    l2 : float
        The paper's alpha; m is the number of examples.
    dtype : str
        Of the computation.

    Returns
    -------
    cost : float
        C, regularization included.
    gradients : list of pairs of numpy arrays
        (dC/dW, dC/db) of each dense layer, (n_out, n_in) and (n_out,), the paper's orientation.

    Examples
    --------
    >>> import bpnet
    >>> net = bpnet.Network([2, 1], output="identity", init=[([[1.0, 0.0]], [0.0])])
    >>> C, [(dW, db)] = bpnet.gradients(net, [[1.0, 2.0]], [[0.0]], cost="quadratic")
    >>> C, dW.tolist(), db.tolist()
    (0.5, [[1.0, 2.0]], [1.0])
    """
    l2 = STRENGTH(l2, "l2")
    chosen, judge, stored, _ = prepare(
        network, (X, y), cost, backend=backend, device=device, dtype=dtype
    )
    xp = chosen.xp
    with chosen.session(dtype):
        m = int(stored[0].shape[0])
        parameters = batches.on_device(network.parameters, backend=chosen, dtype=dtype)
        here, numbers = blocks.present(stored, np.arange(m), chosen)
        rows = chosen.asarray(numbers, dtype=chosen.index_dtype)
        batch = judge.batch(rows, here)
        _, values, slopes = feedforward.cost_and_gradients(
            judge.layers, parameters, batch.x, batch.y, judge.cost, xp=xp
        )
        sums = batches.host_dtype(dtype)  # halves would overflow in sums
        C = costs.mean_cost(xp.astype(values, chosen.dtype(sums)), xp=xp)
        if l2:
            wide = batches.on_device(network.parameters, backend=chosen, dtype=sums)
            C = C + regularizers.l2_cost(wide, l2, m, xp=xp)
            slopes = regularizers.l2_gradient(parameters, slopes, l2, m)
        host = backends.to_numpy(slopes)
        total = float(chosen.to_numpy(C))
    pairs = zip(network.layers, host, strict=True)
    return total, [(g[0].T, g[1]) for layer, g in pairs if isinstance(layer, Dense)]
