"""Requirements of the optional libraries, and the commands that install them.

Messages name the libraries, not bpnet's extras: on PyPI the name bpnet is another project's.
"""

from importlib import import_module
from typing import Any

from bpnet.errors import InputError

PYPI = "bpnet-arrays"
"""Name of bpnet's own distribution."""

LIBRARIES = {
    "array-api-strict": "array-api-strict>=2.6.1",
    "cupy-cuda12x": "cupy-cuda12x[ctk]>=14",
    "cupy-cuda13x": "cupy-cuda13x[ctk]>=14",
    "cupy-rocm-7-0": "cupy-rocm-7-0>=14",
    "dpnp": "dpnp>=0.18",
    "h5py": "h5py>=3.11",
    "intel-opencl-rt": "intel-opencl-rt",
    "jax": "jax>=0.8",
    "jinja2": "jinja2>=3.1",
    "latex2mathml": "latex2mathml>=3.77",
    "matplotlib": "matplotlib>=3.9",
    "mpi4py": "mpi4py>=4",
    "ndonnx": "ndonnx>=0.23",
    "numpy": "numpy>=2.1",
    "nvmath-python": "nvmath-python>=0.8",
    "onnx": "onnx>=1.19",
    "onnx-ir": "onnx-ir>=0.1.16",
    "onnxruntime": "onnxruntime>=1.20",
    "onnxscript": "onnxscript>=0.7.1",
    "optuna": "optuna>=4.2",
    "polars": "polars>=1.32",
    "pooch": "pooch>=1.8",
    "requests": "requests>=2.31",
    "scikit-learn": "scikit-learn>=1.7",
    "tensorboardX": "tensorboardX>=2.6.2",
    "torch": "torch>=2.6",
}
"""Requirement of each library, as in the extras of ``pyproject.toml``."""

ONNX = ("ndonnx", "onnx", "onnx-ir", "onnxruntime", "onnxscript")


def install(*libraries: str, options: str = "") -> str:
    """Command that installs libraries in the versions that bpnet works with.

    Examples
    --------
    >>> install("torch")
    'pip install "torch>=2.6"'
    >>> install("intel-opencl-rt", options="--upgrade")
    'pip install --upgrade intel-opencl-rt'
    """
    requirements = [LIBRARIES[library] for library in libraries]
    # A shell would take a bare > for a redirection to a file.
    quoted = [f'"{text}"' if ">" in text else text for text in requirements]
    return " ".join(("pip install", *filter(None, (options,)), *quoted))


def require(module: str, need: str, *libraries: str) -> Any:
    """Import an optional library.

    Parameters
    ----------
    module : str
        Name of the module.
    need : str
        Beginning of the error's message, such as "a picture needs".
    *libraries : str
        Libraries that the message says to install; without any, the one named ``module``.

    Raises
    ------
    InputError
        If the library is missing; the message has the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        msg = f"{need} {module}; {install(*(libraries or (module,)))}"
        raise InputError(msg) from error
