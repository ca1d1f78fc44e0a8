"""JAX, on whatever it was installed for, with a compiled loop."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from bpnet._typing import Array
from bpnet.backends import hardware, loop
from bpnet.backends.base import Backend, DeviceInfo
from bpnet.backends.loop import Scanned, Step
from bpnet.backends.specs import split_device
from bpnet.errors import BackendUnavailable, InputError

_WIDE = {"float64", "int64", "uint64", "complex128"}


@dataclass(frozen=True)
class Jax(Backend):
    """JAX on one device; ``device`` is a ``jax.Device``."""

    name: str = "jax"
    namespace: ClassVar[str] = "jax.numpy"
    compiles: ClassVar[bool] = True
    packs: ClassVar[int] = 1 << 12  # XLA makes few kernels of an update, and copies what is joined

    @property
    def spec(self) -> str:
        """Name and device, such as ``"jax:cpu"`` or ``"jax:cuda:1"``."""
        kind = _kind(self.device)
        # JAX can divide a processor into several devices
        only = kind == "cpu" and self.device.id == 0
        return "jax:cpu" if only else f"jax:{kind}:{self.device.id}"

    def dtypes(self) -> tuple[str, ...]:
        """Return all four; float64 needs ``session("float64")``."""
        with self.session("float64"):
            return super().dtypes()

    def has(self, dtype: str) -> bool:
        """Whether the device can hold arrays of a dtype; 64 bits depend on the session."""
        if dtype in _WIDE and not _wide_types():
            return False  # JAX would make it 32 bits with a warning
        return super().has(dtype)

    def dtype(self, name: str) -> Any:
        """Dtype object; an InputError says that it has 64 bits outside ``session("float64")``."""
        if name in _WIDE and not self.has(name):
            msg = (
                f"{self.spec} has {name} only inside a float64 session; "
                'use float32, or open backend.session("float64") around the run'
            )
            raise InputError(msg)
        return super().dtype(name)

    def synchronize(self) -> None:
        """Wait for every array that JAX is computing on this platform."""
        import jax

        live: Any = jax.live_arrays
        for array in live(self.device.platform):
            # to wait for an array whose memory was donated is an error
            if not array.is_deleted():
                array.block_until_ready()

    @contextmanager
    def session(self, dtype: str) -> Iterator[None]:
        """Context manager with 64-bit types for float64, this device and exact products.

        On a GPU, JAX's default is to multiply float32 matrices with 10-bit mantissas (TF32).
        """
        import jax

        precision = None if self.device.platform == "cpu" else "highest"
        # a float32 run within a float64 session must not take that away
        wide = dtype == "float64" or _wide_types()
        with (
            jax.enable_x64(wide),
            jax.default_device(self.device),
            jax.default_matmul_precision(precision),
        ):
            yield

    def precision(self, requested: str | None) -> AbstractContextManager[Any]:
        """Context manager within a session, whose products are exact: TF32 on request."""
        if requested != "tf32" or self.device.platform == "cpu":
            return super().precision(requested)
        import jax

        tf32: AbstractContextManager[Any] = jax.default_matmul_precision("tensorfloat32")
        return tf32

    def scan(
        self, step: Step, carry: Any, xs: Any, operands: Any = (), numbers: Any = None
    ) -> Scanned:
        """Run ``step`` over the leading axis of ``xs`` as one compiled loop.

        It is compiled once for each ``step`` and set of shapes. The carry's memory is donated: its
        arrays can't be used afterwards. See :meth:`Backend.scan`.
        """
        # a loop of no steps would be compiled for nothing, and leave empty results
        if loop.length(xs) == 0:
            return carry, ()
        if numbers is not None:
            real = loop.real(carry)
            # NumPy's float64 and int64 need a float64 session
            numbers = tuple(n.astype(real if n.dtype.kind == "f" else np.int32) for n in numbers)
        carry, outs = loop.cached(_compiled, step)(carry, xs, operands, numbers)
        return carry, tuple(outs)

    def compiled(self, function: Callable[..., Any], donated: tuple[int, ...] = ()) -> Any:
        """Return the function, compiled once for each set of shapes."""
        return loop.cached(_jitted, function, donated)

    def out_of_memory(self, error: BaseException) -> bool:
        """Whether the message of an error has XLA's name for it."""
        by_xla = isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
        return isinstance(error, MemoryError) or by_xla

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        import jax

        # on a CPU device_put may share NumPy's memory
        return jax.device_put(np.array(x) if copy else x, self.device)

    def _download(self, a: Array) -> Any:
        host = np.asarray(a)
        # np.asarray of JAX's memory is read-only, so that it is copied
        return host.astype(np.float32) if host.dtype.name == "bfloat16" else np.array(host)

    def _move(self, a: Array) -> Array:
        import jax

        return jax.device_put(a, self.device)

    def _duplicate(self, a: Array) -> Array:
        # device_put(may_alias=False) may still share memory that came through DLPack
        return self.xp.array(a, copy=True)

    def _cast(self, a: Array, dtype: str) -> Array:
        return a.astype(self.dtype(dtype))


@lru_cache(maxsize=64)
def _compiled(step: Step) -> Any:
    import jax

    load = getattr(step, "load", None)

    def run(carry: Any, xs: Any, operands: tuple[Any, ...], numbers: Any) -> Any:
        def body(c: Any, slices: Any) -> Any:
            x, rows = slices
            x = x if load is None else load(x, *operands)
            row = () if rows is None else (tuple(map(tuple, rows)),)
            return step(c, x, *row, *operands)

        return jax.lax.scan(body, carry, (xs, numbers))

    # the carry's memory serves the results, or parameters would be in memory twice
    return jax.jit(run, donate_argnums=0)


@lru_cache(maxsize=64)
def _jitted(function: Callable[..., Any], donated: tuple[int, ...]) -> Any:
    import jax

    return jax.jit(function, donate_argnums=donated)


def _wide_types() -> bool:
    import jax

    config: Any = jax.config
    return bool(config.jax_enable_x64)


def _kind(device: Any) -> str:
    if device.platform != "gpu":
        return str(device.platform)
    return "rocm" if "rocm" in str(device.client.platform_version).lower() else "cuda"


def open_backend(device: str | None) -> Jax:
    """Backend on ``"cpu"``, ``"cuda:0"``, ``"gpu"``, ``"tpu"``; None is JAX's default."""
    import jax

    kind, index = split_device(device)
    if kind is None and index is None:
        return Jax(device=jax.devices()[0])
    spec = f"jax:{device}"
    if kind not in {None, "cpu", "gpu", "cuda", "rocm", "tpu"}:
        msg = f"jax has no device {device!r}; use 'cpu', 'cuda:0' or 'tpu'"
        raise InputError(msg)
    try:
        candidates = jax.devices(kind) if kind else jax.devices()
    except RuntimeError as error:
        kinds = sorted({_kind(d) for d in jax.devices()})
        cure = f"use 'jax:{kinds[0]}'"
        if kind in {"gpu", "cuda"} and hardware.cuda_driver().version:
            cure = f'pip install "jax[{hardware.cuda_major()}]"'
        raise BackendUnavailable(spec, f"JAX finds only: {', '.join(kinds)}", cure) from error
    index = index or 0
    for candidate in candidates:
        if candidate.id == index:
            return Jax(device=candidate)
    first, count = candidates[0], len(candidates)
    why = f"there is no device {index} among the {count} of {_kind(first)} here"
    raise BackendUnavailable(spec, why, f"use '{Jax(device=first).spec}'")


def holding(array: Array) -> Jax:
    """Backend of an array; of the first device where it is on several."""
    return Jax(device=min(array.devices(), key=lambda d: d.id))


def devices() -> list[DeviceInfo]:
    """All devices of JAX's default platform, and the CPU."""
    import jax

    infos = []
    for device in jax.devices():
        spec = Jax(device=device).spec
        if device.platform == "cpu":
            infos.append(hardware.host(spec))
            continue
        memory = (device.memory_stats() or {}).get("bytes_limit")
        version = str(device.client.platform_version).strip().replace("\n", " ")
        infos.append(DeviceInfo(spec, device.device_kind, memory, version))
    if all(device.platform != "cpu" for device in jax.devices()):
        infos.append(hardware.host("jax:cpu"))
    return infos
