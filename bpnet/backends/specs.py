"""Specifications of a backend and its device, such as ``"torch:cuda:1"``: parts, comparison."""

import re
from typing import Any

from bpnet.errors import InputError


def split_device(device: str | None) -> tuple[str | None, int | None]:
    """Kind and number of a device.

    Examples
    --------
    >>> split_device("cuda:1"), split_device("1"), split_device("cpu"), split_device(None)
    (('cuda', 1), (None, 1), ('cpu', None), (None, None))
    """
    if device is None:
        return None, None
    kind, _, number = device.rpartition(":")
    return (kind or None, int(number)) if re.fullmatch(r"\d+", number) else (device, None)


def split_spec(spec: str) -> tuple[str, str | None]:
    """Library and device of a specification.

    Examples
    --------
    >>> split_spec("array-api-strict:device1"), split_spec(" CuPy ")
    (('array_api_strict', 'device1'), ('cupy', None))
    """
    name, _, device = spec.strip().lower().partition(":")
    return name.strip().replace("-", "_"), device.strip() or None


def is_gpu(spec: str) -> bool:
    """Whether the specification of a backend names a GPU.

    Examples
    --------
    >>> is_gpu("cupy:0"), is_gpu("torch:cuda:1"), is_gpu("jax:cpu")
    (True, True, False)
    """
    name, *device = spec.split(":")
    return name == "cupy" or any(kind in device for kind in ("cuda", "rocm", "mps", "gpu"))


def device_text(device: Any) -> str | None:
    """Text of a user's ``device=``, which is text, a number or an object of a library.

    Examples
    --------
    >>> device_text(1), device_text("cuda:0"), device_text(None)
    ('1', 'cuda:0', None)
    """
    if device is None:
        return None
    if hasattr(device, "sycl_device"):  # dpnp
        return str(device.sycl_device.filter_string)
    if hasattr(device, "platform") and hasattr(device, "id"):  # JAX
        return f"{device.platform}:{device.id}"
    if hasattr(device, "id"):  # CuPy
        return str(device.id)
    strict = re.fullmatch(r"array_api_strict\.Device\('(\w+)'\)", repr(device))
    return strict[1].lower() if strict else str(device).strip().lower() or None


def merge(spec: str, first: str | None, second: str | None) -> str | None:
    """Device from the one in the specification and the one in the argument ``device``.

    Raises
    ------
    InputError
        If they disagree.

    Examples
    --------
    >>> merge("torch:cuda", "cuda", "1")
    'cuda:1'
    """
    if first is None or second is None or first == second:
        return first or second
    (kind, index), (other_kind, other_index) = split_device(first), split_device(second)
    kinds, indices = {kind, other_kind} - {None}, {index, other_index} - {None}
    if len(kinds) > 1 or len(indices) > 1:
        msg = f"backend {spec!r} and device {second!r} disagree; give the device once"
        raise InputError(msg)
    return ":".join(str(part) for part in (*kinds, *indices))
