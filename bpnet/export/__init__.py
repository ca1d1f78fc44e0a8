"""Networks as ONNX files: the forward pass and the training step, traced from core's code.

>>> from bpnet.export import to_onnx, training_to_onnx
"""

from bpnet.export.inference import to_onnx
from bpnet.export.training import training_to_onnx
from bpnet.public import listing

__all__ = ["to_onnx", "training_to_onnx"]

__dir__ = listing(__all__)
