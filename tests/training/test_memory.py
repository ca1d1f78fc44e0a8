"""Data stays on the device in the dtype in which it was stored."""

import tracemalloc

import numpy as np

import bpnet


def test_training_and_prediction_take_little_memory_beside_the_data():
    """24 MB of pixels: as float32 they would be 94 MB."""
    pixels = np.random.default_rng(0).integers(0, 256, (30_000, 784), dtype=np.uint8)
    data = bpnet.data.Dataset(pixels, np.arange(30_000) % 10, scale=1 / 255)
    net = bpnet.Network([784, 128, 10], hidden="relu", seed=0)
    tracemalloc.start()
    try:
        bpnet.train(net, data, epochs=1, batch_size=1000, backend="numpy")
        training = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        net.predict(pixels)
        predicting = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the batch, the activations and what teaches the allocator: 32 MB, never touched
    assert training < 50e6
    assert predicting < 70e6
