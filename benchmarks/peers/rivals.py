"""Everyone who runs, each as its own documentation advises: job, data -> :class:`Ready`.

``epoch`` returns the seconds of an epoch, without what is done once for a whole training;
``score`` the share of test examples that are classified right.
"""

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import bpnet
from benchmarks.peers.jobs import Data, Job

Epoch = Callable[[], float]


@dataclass(frozen=True)
class Ready:
    """A network that is ready to be trained, and to be judged."""

    epoch: Epoch
    score: Callable[[], float] | None = None


def timed(run: Callable[[], Any]) -> Epoch:
    """Seconds that a call takes."""

    def epoch() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return epoch


def with_bpnet(backend: str) -> Callable[[Job, Data], Ready]:
    """bpnet on a backend; its own ``seconds`` of the epoch, which end synchronized."""

    def make(job: Job, data: Data) -> Ready:
        network = bpnet.Network(list(job.sizes), hidden="relu", seed=0)
        rule = bpnet.optimizers.get(job.optimizer, job.rate)

        def epoch() -> float:
            history = bpnet.train(
                network, data.stored, optimizer=rule, epochs=1, batch_size=job.batch,
                backend=backend,
            )  # fmt: skip
            return history["seconds"][0]

        return Ready(epoch, lambda: float(np.mean(network.classify(data.test_x) == data.test_y)))

    return make


def sklearn(job: Job, data: Data) -> Ready:
    """``MLPClassifier``, an epoch at a time by ``partial_fit``."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        job.sizes[1:-1], solver=job.optimizer, alpha=0.0, batch_size=job.batch,
        learning_rate_init=job.rate, momentum=0.0, nesterovs_momentum=False, random_state=0,
    )  # fmt: skip
    classes = np.arange(job.sizes[-1])
    warnings.simplefilter("ignore")
    epoch = timed(lambda: model.partial_fit(data.x, data.y, classes=classes))
    return Ready(epoch, lambda: model.score(data.test_x, data.test_y))


def torch_eager(job: Job, data: Data) -> Ready:
    """PyTorch with tensors in memory and fused updates."""
    return torch_on(job, data, compiled=False)


def torch_compiled(job: Job, data: Data) -> Ready:
    """The same with ``torch.compile`` on the model and its cost."""
    return torch_on(job, data, compiled=True)


def torch_on(job: Job, data: Data, *, compiled: bool, device: str = "cpu") -> Ready:
    """PyTorch with its data on a device; compiled for a GPU it replays whole graphs."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers: list[Any] = []
    for n_in, n_out in zip(job.sizes[:-1], job.sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1]).to(device)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[job.optimizer]
    optimizer = made(model.parameters(), lr=job.rate, fused=True)
    x, y = torch.from_numpy(data.x).to(device), torch.from_numpy(data.y).to(device)
    criterion = nn.CrossEntropyLoss()

    def cost(rows: Any) -> Any:
        return criterion(model(x[rows]), y[rows])

    if compiled:
        torch._dynamo.reset()  # or eight jobs would be its limit of recompilations
        mode = "default" if device == "cpu" else "reduce-overhead"
        cost = torch.compile(cost, dynamic=False, mode=mode)

    def run() -> None:
        for rows in torch.randperm(len(x), device=device).split(job.batch):
            optimizer.zero_grad(set_to_none=True)
            cost(rows).backward()
            optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()

    def score() -> float:
        with torch.no_grad():
            found = model(torch.from_numpy(data.test_x).to(device)).argmax(1).cpu().numpy()
        return float(np.mean(found == data.test_y))

    return Ready(timed(run), score)


def keras_on(backend: str) -> Callable[[Job, Data], Ready]:
    """Keras 3 by ``fit``, with several steps an execution where its backend can."""

    def make(job: Job, data: Data) -> Ready:
        os.environ["KERAS_BACKEND"] = backend
        import keras

        layers = [keras.layers.Dense(n, activation="relu") for n in job.sizes[1:-1]]
        last = keras.layers.Dense(job.sizes[-1])
        model = keras.Sequential([keras.Input((job.sizes[0],)), *layers, last])
        made = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[job.optimizer]
        cost = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        more = {"steps_per_execution": 32} if backend == "jax" else {}
        model.compile(made(job.rate), cost, **more)
        fit = lambda: model.fit(  # noqa: E731
            data.x, data.y, batch_size=job.batch, epochs=1, verbose=0
        )

        def score() -> float:
            found = model.predict(data.test_x, batch_size=1000, verbose=0).argmax(1)
            return float(np.mean(found == data.test_y))

        return Ready(timed(fit), score)

    return make


def jax_by_hand(job: Job, data: Data) -> Ready:
    """JAX as an expert writes it: ``jit`` and ``lax.scan`` over the epoch, buffers donated."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    pairs = zip(job.sizes[:-1], job.sizes[1:], strict=True)
    parameters: Any = [
        (jnp.asarray(rng.normal(0, (2 / i) ** 0.5, (i, o)), jnp.float32), jnp.zeros(o))
        for i, o in pairs
    ]
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state: Any = (parameters, zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.zeros(()))
    x, y = jnp.asarray(data.x), jnp.asarray(data.y.astype(np.int32))
    m, k = len(x), job.batch

    def cost(parameters: Any, rows: Any) -> Any:
        a = x_of(rows)
        for W, b in parameters[:-1]:
            a = jax.nn.relu(a @ W + b)
        W, b = parameters[-1]
        logs = jax.nn.log_softmax(a @ W + b)
        return -jnp.mean(jnp.take_along_axis(logs, y_of(rows)[:, None], axis=1))

    x_of: Any = lambda rows: jnp.take(x, rows, axis=0)  # noqa: E731
    y_of: Any = lambda rows: jnp.take(y, rows, axis=0)  # noqa: E731

    def step(state: Any, rows: Any) -> Any:
        w, first, second, t = state
        value, g = jax.value_and_grad(cost)(w, rows)
        if job.optimizer == "sgd":
            w = jax.tree.map(lambda p, d: p - job.rate * d, w, g)
            return (w, first, second, t), value
        t = t + 1
        first = jax.tree.map(lambda f, d: 0.9 * f + 0.1 * d, first, g)
        second = jax.tree.map(lambda s, d: 0.999 * s + 0.001 * d * d, second, g)
        eta = job.rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        w = jax.tree.map(lambda p, f, s: p - eta * f / (jnp.sqrt(s) + 1e-8), w, first, second)
        return (w, first, second, t), value

    def whole(state: Any, key: Any) -> Any:
        order = jax.random.permutation(key, m)
        state, values = jax.lax.scan(step, state, order[: m - m % k].reshape(-1, k))
        if m % k:
            state, _ = step(state, order[m - m % k :])
        return state, jnp.mean(values)

    compiled = jax.jit(whole, donate_argnums=0)
    held, keys = [state], iter(jax.random.split(jax.random.key(0), 1000))

    def run() -> None:
        held[0], value = compiled(held[0], next(keys))
        jax.block_until_ready((held[0], value))

    def score() -> float:
        a = jnp.asarray(data.test_x)
        for W, b in held[0][0][:-1]:
            a = jax.nn.relu(a @ W + b)
        W, b = held[0][0][-1]
        return float(np.mean(np.asarray(a @ W + b).argmax(1) == data.test_y))

    return Ready(timed(run), score)


_LOOP = 300


def plain_loop(job: Job, data: Data) -> Ready:
    """The paper's ancestor: NumPy, one example at a time; 300 examples, scaled to an epoch."""
    rng = np.random.default_rng(0)
    pairs = zip(job.sizes[:-1], job.sizes[1:], strict=True)
    net = [
        [rng.normal(0, (2 / i) ** 0.5, (o, i)).astype(np.float32), np.zeros((o, 1), np.float32)]
        for i, o in pairs
    ]

    def backprop(a: Any, wanted: int) -> list[tuple[Any, Any]]:
        activations, zs = [a], []
        for W, b in net:
            zs.append(W @ a + b)
            a = np.maximum(zs[-1], 0)
            activations.append(a)
        e = np.exp(zs[-1] - zs[-1].max())
        delta = e / e.sum()
        delta[wanted] -= 1
        slopes = [(delta @ activations[-2].T, delta)]
        for l in range(2, len(net) + 1):
            delta = (net[-l + 1][0].T @ delta) * (zs[-l] > 0)
            slopes.insert(0, (delta @ activations[-l - 1].T, delta))
        return slopes

    def run() -> None:
        order = rng.integers(len(data.x), size=_LOOP)
        for start in range(0, _LOOP, job.batch):
            rows = order[start : start + job.batch]
            total: Any = None
            for i in rows:
                slopes = backprop(data.x[i][:, None], int(data.y[i]))
                if total is None:
                    total = slopes
                else:
                    total = [(A + B, c + d) for (A, c), (B, d) in zip(total, slopes, strict=True)]
            for pair, (dW, db) in zip(net, total, strict=True):
                pair[0] -= job.rate / len(rows) * dW
                pair[1] -= job.rate / len(rows) * db

    inner = timed(run)
    return Ready(lambda: inner() * len(data.x) / _LOOP)


RIVALS: dict[str, tuple[str, Callable[[Job, Data], Ready]]] = {
    "bpnet numpy": ("numpy", with_bpnet("numpy")),
    "bpnet jax": ("jax", with_bpnet("jax:cpu")),
    "bpnet torch": ("torch", with_bpnet("torch:cpu")),
    "scikit-learn": ("sklearn", sklearn),
    "PyTorch eager": ("torch", torch_eager),
    "torch.compile": ("torch", torch_compiled),
    "Keras on JAX": ("keras", keras_on("jax")),
    "Keras on torch": ("keras", keras_on("torch")),
    "JAX by hand": ("jax", jax_by_hand),
    "plain loop": ("numpy", plain_loop),
}
"""Name, the library that must be here, and what makes it ready."""
