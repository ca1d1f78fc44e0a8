"""Streams that are standardized: every part of them, by what the training part has."""

import struct

import numpy as np

import bpnet


def idx(path, a):
    path.write_bytes(struct.pack(f">BBBB{a.ndim}I", 0, 0, 8, a.ndim, *a.shape) + a.tobytes())


def test_the_test_part_of_a_folder_is_standardized_as_the_training_part(tmp_path):
    random = np.random.default_rng(0)
    sizes = {"train": (100, 40), "t10k": (200, 8)}
    parts = {name: random.integers(0, most, (m, 2, 2)) for name, (most, m) in sizes.items()}
    for name, images in parts.items():
        idx(tmp_path / f"{name}-images-idx3-ubyte", images.astype(np.uint8))
        idx(tmp_path / f"{name}-labels-idx1-ubyte", (np.arange(len(images)) % 2).astype(np.uint8))
    data = bpnet.data.stream(tmp_path, standardize=True, validation=0.25)
    kept = data.x.moments
    found = [part.take(np.arange(len(part))) for part in (data.x, data.validation[0], data.test[0])]
    whole = np.concatenate(found[:2])
    np.testing.assert_allclose(found[0].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found[0].std(axis=0), 1, atol=1e-6)
    raw = parts["t10k"].reshape(8, 4)
    np.testing.assert_allclose(found[2], (raw - kept.mean) / kept.std, rtol=1e-5)
    back = np.sort(whole * kept.std + kept.mean, axis=0)
    np.testing.assert_allclose(back, np.sort(parts["train"].reshape(40, 4), axis=0), atol=1e-3)
