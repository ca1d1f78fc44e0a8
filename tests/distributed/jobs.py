"""A small training job that every rank runs, and the hash of what it ends with."""

import hashlib

import numpy as np

import bpnet

M = 203
"""Examples: with batches of 20 the last one has 3, fewer than there are shards."""

EVERYTHING = {
    "dropout": 0.4,
    "l2": 1.0,
    "l1": 0.1,
    "clip_norm": 0.5,
    "class_weight": {0: 3.0, 2: 0.0},
    "optimizer": "momentum",
    "micro_batch": 2,
    "epochs": 1,
    "m": 43,
}

CASES = {
    "plain": {},
    "everything": EVERYTHING,
    "schedule": {"schedule": "cosine", "optimizer": "adam", "epochs": 2},
    "sixteen shards": {"shards": 16, "epochs": 1},
    "fast": {"reduce": "fast", "epochs": 1},
}


def data(m=M):
    generator = np.random.default_rng(0)
    return generator.normal(size=(m, 6)).astype(np.float32), np.arange(m) % 3


def digest(network):
    """SHA-256 of the parameters."""
    actual = hashlib.sha256()
    for arrays in network.parameters:
        for array in arrays:
            actual.update(np.ascontiguousarray(array).tobytes())
    return actual.hexdigest()


def train(communicator=None, *, m=M, epochs=3, batch_size=20, norm=None, **options):
    """Train a network of this data; return its hash and its history without the seconds."""
    network = bpnet.Network([6, 16, 8, 3], hidden="sigmoid", norm=norm, seed=1)
    history = bpnet.train(
        network, data(m), epochs=epochs, batch_size=batch_size, communicator=communicator, **options
    )
    return digest(network), {k: v for k, v in history.items() if k != "seconds"}, network
