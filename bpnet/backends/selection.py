"""Which backend a run uses: the argument, then ``BPNET_BACKEND``, then ``auto``."""

import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from bpnet._typing import Array
from bpnet.arguments import checked
from bpnet.backends import hardware, libraries, registry, specs
from bpnet.backends.base import Backend
from bpnet.errors import BackendUnavailable, InputError
from bpnet.requirements import install

VARIABLE = "BPNET_BACKEND"
_log = logging.getLogger("bpnet")


class Selection(NamedTuple):
    """The backend that was chosen, and why, in one sentence."""

    backend: Backend
    reason: str


@checked
def select(backend: Any = None, device: Any = None, like: Array | None = None) -> Selection:
    """Choose a backend.

    Parameters
    ----------
    backend : str, sequence of str, Backend or module, optional
        A name, ``"name:device"``; a list such as ``"cupy,numpy"``, of which the first that works
        is taken; a module with the functions of the standard. None and ``"auto"`` ask
        ``BPNET_BACKEND``; without it the best GPU is taken, or NumPy.
    device : str, int or a library's device, optional
        Device, unless the name says it.
    like : array, optional
        The user's data. Where nothing else is said its library and device are used, unless it is
        NumPy's, the format of all data on the host.

    Returns
    -------
    Selection
        Backend and reason.

    Raises
    ------
    BackendUnavailable
        If what was named does not work here.
    InputError
        If a name is unknown, or name and device disagree.
    """
    requested, source = backend, "by the argument"
    if _is_auto(requested):
        requested, source = os.environ.get(VARIABLE), f"by {VARIABLE}"
    if _is_auto(requested):
        # a device that is named overrides the place of the data
        owner = libraries.owner(like) if like is not None and device is None else None
        if owner is not None and owner.name != "numpy":
            owner = registry.tried(owner)
            return Selection(owner, f"{owner.spec}, because the data is there")
        return _auto(device)
    if isinstance(requested, str) and "," in requested:
        requested = [part for part in requested.split(",") if part.strip()]
    if isinstance(requested, Sequence) and not isinstance(requested, str):
        return _first(list(requested), device, source)
    chosen = registry.get(requested, device)
    return Selection(chosen, f"{chosen.spec}, named {source}")


def _is_auto(spec: Any) -> bool:
    return spec is None or (isinstance(spec, str) and spec.strip().lower() in {"", "auto"})


def _first(entries: list[Any], device: Any, source: str) -> Selection:
    """First backend of a list that works; unknown names anywhere in it are an error."""
    # a mistyped name is an error even where an earlier one works
    for entry in entries:
        if isinstance(entry, str) and not _is_auto(entry):
            registry.check_name(specs.split_spec(entry)[0])
    skipped: list[BackendUnavailable] = []
    for entry in entries:
        try:
            chosen = _auto(device).backend if _is_auto(entry) else registry.get(entry, device)
        except BackendUnavailable as error:
            _log.warning("%s; trying the next of the list", error)
            skipped.append(error)
        else:
            passed = "".join(f", {e.name} can't be used ({e.why})" for e in skipped)
            reason = f"{chosen.spec}, the first that works of the list {source}{passed}"
            return Selection(chosen, reason)
    if not skipped:
        msg = f"the list of backends {source} is empty; name at least one"
        raise InputError(msg)
    why = "; ".join(f"{e.name}: {e.why}" for e in skipped)
    raise BackendUnavailable(",".join(e.name for e in skipped), why, skipped[0].cure)


def _auto(device: Any) -> Selection:
    # drivers and files tell within milliseconds; the import of a library takes seconds
    gpus = hardware.gpus()
    failed: list[str] = []
    for spec in candidates(gpus):
        try:
            chosen = registry.get(spec, device)
        except BackendUnavailable as error:
            _log.warning("auto passes over a GPU: %s", error)
            failed.append(f"{error.name} can't be used ({error.why})")
        except InputError:
            continue  # this library has no such device
        else:
            return Selection(chosen, f"{chosen.spec}, the best GPU that works here")
    why = "; ".join(failed) or _why_not(gpus)
    try:
        return Selection(registry.get("numpy", device), f"numpy, because {why}")
    except InputError as error:
        msg = f"device {device!r} was asked for, but {why}; leave the device out or name a backend"
        raise InputError(msg) from error


def candidates(gpus: frozenset[str]) -> Iterator[str]:
    """Specifications worth an import, best first."""
    compute = gpus & {"cuda", "rocm"}
    if compute and libraries.installed("cupy"):
        yield "cupy"
    if libraries.installed("torch"):
        if compute and not _is_cpu_build("torch"):
            # PyTorch calls AMD's GPUs cuda as well
            yield "torch:cuda"
        if "mps" in gpus:
            yield "torch:mps"
    if compute and libraries.installed("jax") and _has_jax_plugin():
        yield "jax:gpu"
    if "intel" in gpus and libraries.installed("dpnp"):
        yield "dpnp:gpu"


def _why_not(gpus: frozenset[str]) -> str:
    if not gpus:
        return "no GPU was found"
    cures = {
        "cuda": (f"cupy-{hardware.cuda_major()}x",),
        "rocm": ("cupy-rocm-7-0",),
        "mps": libraries.PACKAGES["torch"],
        "intel": libraries.PACKAGES["dpnp"],
    }
    kind = next(kind for kind in cures if kind in gpus)
    return f"there is a GPU ({kind}) but no library for it: {install(*cures[kind])}"


def _is_cpu_build(distribution: str) -> bool:
    from importlib import metadata

    try:
        # the builds of PyTorch's own index say in their version what they were built for
        return metadata.version(distribution).endswith("+cpu")
    except metadata.PackageNotFoundError:  # built from source
        return False


def _has_jax_plugin() -> bool:
    # without a plugin JAX sees the processor alone
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm60_plugin", "jax_rocm7_plugin")
    return any(libraries.installed(plugin) for plugin in plugins)
