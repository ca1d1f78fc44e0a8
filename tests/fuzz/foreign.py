"""Damaged files of other libraries: ``.keras``, and a state_dict in safetensors."""

import io
import json
import zipfile

import numpy as np
from safetensors.numpy import save

from tests.fuzz.changes import spans, tree
from tests.fuzz.sealed_files import headed, retensored

SHAPES = ((), (0,), (4,), (3, 4), (4, 3), (3, 4, 1), (40_000, 20_000), (2**31, 2**31))
TYPES = ("<f4", ">f4", "<f2", "<f8", "<i8", "V2", "S3", "<c8", "O")


def layer(kind, name, **settings):
    return {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": "float32", **settings},
        "registered_name": None,
    }


def config():
    """Of a Sequential model of two dense layers, as Keras 3 writes it."""
    dense = [("dense", 4, "relu"), ("dense_1", 2, "softmax")]
    layers = [layer("InputLayer", "input", batch_shape=[None, 3])]
    layers += [layer("Dense", name, units=n, activation=a, use_bias=True) for name, n, a in dense]
    layers.insert(2, layer("Dropout", "dropout", rate=0.5, seed=None, noise_shape=None))
    return {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}


def weights(draw=None):
    """HDF5 of the two layers; with a draw, one array of another shape, type or place."""
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, n, m in (("dense", 3, 4), ("dense_1", 4, 2)):
            group = file.create_group(f"layers/{name}/vars")
            group.attrs["name"] = name
            group["0"] = np.linspace(-1, 1, n * m, dtype=np.float32).reshape(n, m)
            group["1"] = np.zeros(m, np.float32)
        if draw is not None:
            misplaced(h5py, file, draw)
    return content.getvalue()


def misplaced(h5py, file, draw):
    name = draw.choice(("layers/dense/vars/0", "layers/dense_1/vars/1", "layers/dense", "layers"))
    del file[name]
    kind = draw.randrange(4)
    if kind == 0:
        link = (h5py.SoftLink("/layers"), h5py.ExternalLink("/etc/passwd", "/"))
        file[name] = draw.choice(link)
    elif kind == 1:
        file.create_group(name)
    elif kind == 2:
        dtype = draw.choice(TYPES)
        dtype = h5py.special_dtype(ref=h5py.Reference) if dtype == "O" else dtype
        file.create_dataset(name, draw.choice(SHAPES[:6]), dtype)
    else:
        # claimed and never written
        file.create_dataset(name, draw.choice(SHAPES[3:5] + SHAPES[6:]), "<f4", chunks=(2, 2))


def keras(draw):
    """A ``.keras`` file, damaged as a whole or in one of its parts."""
    described, held = config(), None
    kind = draw.random()
    if kind < 0.3:
        held = spans(weights(), draw)
    elif kind < 0.5:
        held = weights(draw)
    elif kind < 0.8:
        described = tree(described, draw)
    text = json.dumps(described)
    if draw.random() < 0.05:
        text = draw.choice(
            ("", "{", "[" * 50_000, "9" * 6000, "null", "[[]," * 9000, " " * (1 << 24))
        )
    metadata = {"keras_version": draw.choice(("3.15.1", "3.15.1", "3.15.1", "2.13.1", 3, None))}
    parts = {"metadata.json": json.dumps(metadata), "config.json": text}
    parts["model.weights.h5"] = held if held is not None else weights()
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part, draw.choices(methods, (8, 4, 1, 1))[0])
    data = content.getvalue()
    if kind >= 0.8:
        at = data.rfind(b"PK\x01\x02") if draw.random() < 0.5 else 0
        data = data[:at] + spans(data[at:], draw)
    return data


def state_dict(draw):
    """Safetensors of two ``Linear`` layers, with its bytes, its header or a tensor changed."""
    state = {"0.weight": np.ones((4, 3), np.float32), "0.bias": np.zeros(4, np.float32)}
    state |= {"2.weight": np.ones((2, 4), np.float16), "2.bias": np.zeros(2, np.float16)}
    kind = draw.random()
    if kind < 0.3:
        retensored(state, draw)
    whole = save(state)
    if kind < 0.3:
        return whole
    return spans(whole, draw) if kind < 0.7 else headed(whole, draw)
