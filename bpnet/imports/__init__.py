"""Weights of scikit-learn, PyTorch and Keras as a :class:`bpnet.Network`.

No file is unpickled and no code in a file is run: a ``.safetensors`` or ``.keras`` file is read as
plain data, a fitted or built object by its attributes.

>>> from bpnet.imports import from_keras, from_sklearn, from_torch
"""

from bpnet.imports.files import from_file
from bpnet.imports.keras import from_keras
from bpnet.imports.scikit import from_sklearn
from bpnet.imports.state_dict import from_torch
from bpnet.public import listing

__all__ = ["from_file", "from_keras", "from_sklearn", "from_torch"]

__dir__ = listing(__all__)
