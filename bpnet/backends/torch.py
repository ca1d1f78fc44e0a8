"""PyTorch, on the CPU, CUDA or Apple's MPS."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array
from bpnet.backends import hardware, loop, torch_compiled, torch_graphs
from bpnet.backends.arrays import Arrays
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.dtypes import check_precision
from bpnet.backends.loop import Scanned, Step
from bpnet.backends.numpy import keep_freed
from bpnet.backends.specs import split_device
from bpnet.errors import BackendUnavailable, InputError

_WORTH = 200_000
"""Steps of a run from which compiling them pays.

Measured with two cores on Fashion-MNIST, float32: 784-30-10 and 784-128-10 at batch 10 to 1024 with
SGD and Adam gain 65 to 300 us a step, and it takes 2 to 9 s first.
"""

_log = logging.getLogger("bpnet")


@dataclass(frozen=True)
class Torch(Backend):
    """PyTorch on one device; ``device`` is a ``torch.device``."""

    name: str = "torch"
    namespace: ClassVar[str] = "array_api_compat.torch"
    # not compared: backends are equal if library and device are
    eager: bool = field(default=True, compare=False)  # whether steps are not compiled
    captures: bool = field(default=True, compare=False)  # whether scans on CUDA become graphs

    @property
    def packs(self) -> int:  # type: ignore[override]
        """As many elements as NumPy's on a processor, where a call soon costs less than a copy."""
        return 1 << 15 if self.device.type == "cpu" else Backend.packs

    @property
    def packs_plain(self) -> bool:  # type: ignore[override]
        """False on a processor, where slicing a vector is a call for each array in each step."""
        return str(self.device.type) != "cpu"

    @property
    def slow_subnormals(self) -> bool:  # type: ignore[override]
        """True on a processor, unless steps are compiled, for which clearing adds block lengths."""
        return self.eager and self.device.type == "cpu"

    def synchronize(self) -> None:
        """Wait for the device's queue."""
        import torch

        if self.device.type != "cpu":
            getattr(torch, self.device.type).synchronize()

    def session(self, dtype: str) -> AbstractContextManager[Any]:
        """Context manager that turns PyTorch's own differentiation off."""
        import torch

        keep_freed()
        guard: AbstractContextManager[Any] = torch.no_grad()
        return guard

    def compiling(self, requested: bool | None, steps: int = 0) -> "Torch":
        """Return the backend with steps compiled by ``torch.compile``, or not, as requested.

        By default steps on CUDA are captured in a graph. On other devices they are compiled where
        there are enough of them to pay for it, on a processor only if there is a compiler.
        """
        captures = requested is None and torch_graphs.works_on(self.device)
        if requested is None:
            worth = steps >= _WORTH and not captures
            requested = worth and (self.device.type != "cpu" or _compiler() is not None)
        return replace(self, eager=not requested, captures=captures)

    def scan(
        self, step: Step, carry: Any, xs: Any, operands: Any = (), numbers: Any = None
    ) -> Scanned:
        """Run ``step`` over the leading axis of ``xs``; see :meth:`Backend.scan`.

        A scan of one step, such as a short last batch, is not worth compiling.
        """
        if self.captures and torch_graphs.works_on(self.device):
            scan = partial(torch_graphs.scan, xp=self.xp)
            if result := scan(step, carry, xs, operands, numbers, self.device):
                return result
        if not self.eager and numbers is not None and loop.length(xs) > 1:
            step = torch_compiled.compiled(step, self, xs, operands)
        return super().scan(step, carry, xs, operands, numbers)

    @contextmanager
    def threads(self, requested: int | None, work: int) -> Iterator[int | None]:
        """Context manager with PyTorch's own number of threads, or the requested one."""
        import torch

        before = torch.get_num_threads()
        if requested is not None:
            torch.set_num_threads(requested)
        try:
            yield torch.get_num_threads()
        finally:
            torch.set_num_threads(before)

    def precision(self, requested: str | None) -> AbstractContextManager[Any]:
        """Context manager within a session with exact products, or TF32 on CUDA."""
        on_cuda = self.device.type == "cuda"
        return self._products(requested) if on_cuda else super().precision(requested)

    @contextmanager
    def _products(self, requested: str | None) -> Iterator[None]:
        import torch

        check_precision(requested)
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high" if requested else "highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether an error is PyTorch's for it, which on the CPU has no class of its own."""
        import torch

        on_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or on_cpu

    def send(self, x: Any, dtype: str | None = None) -> Callable[[], Array]:
        """Start to copy an array to the device: to CUDA from pinned memory, on another stream."""
        import torch

        if self.device.type != "cuda":
            return super().send(x, dtype)
        name = dtype or self._sibling(x.dtype.name)
        target, stream = self.dtype(name), _copies(self.device)
        staged = np.ascontiguousarray(x, self._staged(x.dtype, name))
        host = torch.from_numpy(staged).pin_memory()
        with torch.cuda.stream(stream):
            a = host.to(self.device, non_blocking=True).to(target)
            arrived = stream.record_event()

        def wait(pinned: Any = host) -> Array:  # the pinned memory must live until it is copied
            arrived.synchronize()
            # the next copy must not reuse the array's memory while a step still reads it
            a.record_stream(torch.cuda.current_stream(self.device))
            return a

        return wait

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        import torch

        # PyTorch would share read-only memory and write to it, and refuses negative strides
        if copy or not x.flags.writeable or min(x.strides, default=0) < 0:
            x = np.array(x, order="C")
        return torch.from_numpy(x).to(self.device)

    def _download(self, a: Array) -> Any:
        import torch

        # a user's tensor may take part in PyTorch's own differentiation, which NumPy refuses
        a = a.detach()
        if a.dtype is torch.bfloat16:
            a = a.float()
        # on a processor numpy() shares the tensor's memory
        return np.array(a.cpu().numpy())

    def _move(self, a: Array) -> Array:
        return a.detach().to(self.device)

    def _receive(self, x: Array, source: Arrays) -> Array | None:
        # a negative stride makes PyTorch end the process: these libraries export none
        if source.name not in {"jax", "cupy", "dpnp"}:
            return None
        a = super()._receive(x, source)
        # PyTorch may write to its arrays, and JAX's must never change
        return a.clone() if a is not None and source.name == "jax" else a

    def _exportable(self, a: Array) -> Array:
        return a.detach()

    def _duplicate(self, a: Array) -> Array:
        return a.detach().clone()

    def _cast(self, a: Array, dtype: str) -> Array:
        return a.detach().to(self.dtype(dtype))


def _compiler() -> str | None:
    """C++ compiler that PyTorch would use on a processor."""
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")


def open_backend(device: str | None) -> Torch:
    """Backend on ``"cpu"``, ``"cuda:1"``, ``"mps"``; None takes the best that works."""
    import torch

    kind, index = split_device(device)
    if kind is None and index is None:
        return _best()
    if kind in {None, "gpu"}:
        kind = "mps" if torch.backends.mps.is_available() else "cuda"
    spec = f"torch:{device}"
    if kind == "cuda":
        return Torch(device=_cuda(spec, index))
    if kind not in {"cpu", "mps"} or index not in {None, 0}:
        msg = f"torch has no device {device!r}; use 'cpu', 'cuda:0' or 'mps'"
        raise InputError(msg)
    if kind == "mps" and not torch.backends.mps.is_available():
        raise BackendUnavailable(spec, "there is no Apple GPU here", "use 'torch:cpu'")
    return Torch(device=torch.device(kind))


def _cuda(spec: str, index: int | None) -> Any:
    import torch

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        index = torch.cuda.current_device() if index is None else index
        if index < count:
            return torch.device("cuda", index)
        why, cure = f"there is no GPU {index} among the {count} here", "use 'torch:cuda:0'"
    elif not (driver := hardware.cuda_driver()).version:
        why, cure = "no NVIDIA driver was found", "use 'torch:cpu'"
    elif torch.version.cuda is None and torch.version.hip is None:
        why = f"PyTorch {torch.__version__} is a build without CUDA"
        cure = "pip install --force-reinstall torch --index-url https://pypi.org/simple"
    else:
        why = f"PyTorch finds no CUDA device ({driver.describe()})"
        cure = "nvidia-smi shows the driver's view"
    raise BackendUnavailable(spec, why, cure)


def _best() -> Torch:
    import torch

    candidates = []
    if torch.cuda.is_available():
        candidates.append(torch.device("cuda", torch.cuda.current_device()))
    if torch.backends.mps.is_available():
        candidates.append(torch.device("mps"))
    for device in candidates:
        backend = Torch(device=device)
        try:
            backend.verify()
        except Exception as error:
            _log.warning("%s does not work: %s", backend.spec, error)
        else:
            return backend
    return Torch(device=torch.device("cpu"))


@lru_cache
def _copies(device: Any) -> Any:
    """Stream for copies; memory that was allocated on it is reused on it alone."""
    import torch

    stream: Any = torch.cuda.Stream
    return stream(device)


def holding(array: Array) -> Torch:
    """Backend of a tensor."""
    return Torch(device=array.device)


def devices() -> list[DeviceInfo]:
    """The CPU and all GPUs that PyTorch sees."""
    import torch

    infos = []
    driver = f"CUDA {torch.version.cuda}" if torch.version.cuda else "ROCm"
    for i in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(i)
        memory = properties.total_memory
        infos.append(DeviceInfo(f"torch:cuda:{i}", properties.name, memory, driver))
    if torch.backends.mps.is_available():
        infos.append(DeviceInfo("torch:mps", "Apple GPU", torch.mps.recommended_max_memory()))
    return [*infos, hardware.host("torch:cpu")]
