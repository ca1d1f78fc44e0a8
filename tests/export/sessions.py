"""ONNX files run with ONNX Runtime."""

from typing import Any

import numpy as np

from tests.optional import library

BOUND = 1e-6


class Session:
    """A file's graph as a function of named arrays, which returns named arrays."""

    def __init__(self, path: Any) -> None:
        runtime = library("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # inputs that may be left out are warned of, one by one
        self.path = path
        self._session = runtime.InferenceSession(path, options)
        self.inputs = [entry.name for entry in self._session.get_inputs()]
        self.outputs = [entry.name for entry in self._session.get_outputs()]

    def __call__(self, **arrays: Any) -> dict[str, Any]:
        return dict(zip(self.outputs, self._session.run(None, arrays), strict=True))

    @property
    def model(self) -> Any:
        return library("onnx").load(self.path)

    @property
    def operators(self) -> list[str]:
        return [node.op_type for node in self.model.graph.node]

    @property
    def about(self) -> dict[str, str]:
        return {entry.key: entry.value for entry in self.model.metadata_props}


def error(actual: Any, expected: Any) -> float:
    """Largest error relative to max(1, |a|)."""
    assert actual.shape == expected.shape
    expected = np.asarray(expected, np.float64)
    return float(np.max(np.abs(actual - expected) / np.maximum(1, np.abs(expected))))
