"""Which backend is used: argument, environment, auto; and what is refused."""

import copy
import logging
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import hardware, libraries, registry, selection, specs
from bpnet.errors import BackendUnavailable, InputError
from bpnet.requirements import install

CURE = 'pip install "cupy-cuda12x[ctk]>=14"'


@pytest.fixture
def nothing_said(monkeypatch):
    monkeypatch.delenv("BPNET_BACKEND", raising=False)
    monkeypatch.setattr(hardware, "gpus", frozenset)


@pytest.fixture
def broken(monkeypatch, nothing_said):
    """CuPy, torch and JAX are installed, and what is in the set does not work."""
    names = {"cupy"}
    real = registry._open

    def open_one(name, device):
        if name in names:
            raise BackendUnavailable(name, f"{name} is broken here", CURE)
        return real("numpy" if name in {"cupy", "torch", "jax"} else name, None)

    monkeypatch.setattr(registry, "_open", open_one)
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    monkeypatch.setattr(selection, "_is_cpu_build", lambda _: False)
    return names


def skip_without(spec):
    """Without an import: dpnp must be imported by its adapter, which finds its driver."""
    name = spec.partition(":")[0]
    if not libraries.installed(name):
        pytest.skip(f"{name} is not installed")


def test_argument_before_environment_before_auto(nothing_said, monkeypatch):
    pytest.importorskip("array_api_strict")
    assert backends.select().backend.spec == "numpy"

    monkeypatch.setenv("BPNET_BACKEND", "array_api_strict:device1")
    by_variable = backends.select("auto")
    assert by_variable.backend.spec == "array_api_strict:device1"
    assert "BPNET_BACKEND" in by_variable.reason

    by_argument = backends.select("array_api_strict:no_x64")
    assert by_argument.backend.spec == "array_api_strict:no_x64"
    assert "argument" in by_argument.reason
    assert backends.select(by_variable.backend).backend is by_variable.backend


@pytest.mark.parametrize("variable", ["", "auto", " AUTO "])
def test_a_variable_that_says_nothing_is_auto(nothing_said, monkeypatch, variable):
    monkeypatch.setenv("BPNET_BACKEND", variable)
    assert backends.select().reason == "numpy, because no GPU was found"


def test_auto_takes_the_library_and_device_of_the_data(nothing_said, monkeypatch):
    pytest.importorskip("array_api_strict")
    there = backends.get("array_api_strict:device2")
    data = there.asarray([1.0], dtype="float32")
    chosen = backends.select(like=data)
    assert chosen.backend == there
    assert "data" in chosen.reason
    assert backends.select("numpy", like=data).backend.name == "numpy"
    monkeypatch.setenv("BPNET_BACKEND", "numpy")
    assert backends.select(like=data).backend.name == "numpy"


def test_numpy_data_leaves_the_choice_to_auto(nothing_said, broken, monkeypatch):
    """NumPy holds all data on the host: it must not keep a run from the GPU."""
    broken.clear()
    monkeypatch.setattr(hardware, "gpus", lambda: frozenset({"cuda"}))
    assert backends.select(like=np.ones(2)).reason.endswith("the best GPU that works here")


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        (set(), []),
        ({"cuda"}, ["cupy", "torch:cuda", "jax:gpu"]),
        ({"rocm"}, ["cupy", "torch:cuda", "jax:gpu"]),
        ({"mps"}, ["torch:mps"]),
        ({"intel"}, ["dpnp:gpu"]),
        ({"cuda", "intel"}, ["cupy", "torch:cuda", "jax:gpu", "dpnp:gpu"]),
    ],
)
def test_auto_tries_gpus_in_the_order_of_the_contract(broken, gpus, expected):
    assert list(selection.candidates(frozenset(gpus))) == expected


def test_auto_passes_over_what_does_not_work_and_says_so(broken, monkeypatch, caplog):
    monkeypatch.setattr(hardware, "gpus", lambda: frozenset({"cuda"}))
    with caplog.at_level(logging.WARNING, "bpnet"):
        backends.select()
    assert CURE in caplog.text

    broken |= {"torch", "jax"}
    chosen = backends.select()
    assert chosen.backend.name == "numpy"
    for name in ("cupy", "torch", "jax"):
        assert f"{name} can't be used ({name} is broken here)" in chosen.reason


def test_auto_names_the_library_that_a_gpu_lacks(nothing_said, monkeypatch):
    monkeypatch.setattr(hardware, "gpus", lambda: frozenset({"cuda"}))
    monkeypatch.setattr(hardware, "cuda_driver", lambda: hardware.CudaDriver(12040, 1))
    monkeypatch.setattr(libraries, "installed", lambda _: False)
    assert 'pip install "cupy-cuda12x[ctk]>=14"' in selection._auto(None).reason


@pytest.mark.parametrize("given", ["cupy,numpy", ["cupy", "numpy"], ("cupy", "auto")])
def test_a_list_takes_the_first_that_works_and_warns(broken, caplog, given):
    with caplog.at_level(logging.WARNING, "bpnet"):
        chosen = backends.select(given)
    assert chosen.backend.name == "numpy"
    assert "cupy can't be used (cupy is broken here)" in chosen.reason
    assert "cupy is broken here" in caplog.text
    assert CURE in caplog.text


def test_a_list_of_which_nothing_works_is_refused(broken):
    broken.add("torch")
    with pytest.raises(BackendUnavailable, match=r"cupy is broken here; torch: torch is broken"):
        backends.select("cupy,torch")
    with pytest.raises(InputError, match="empty"):
        backends.select([])


def test_an_unknown_name_in_a_list_is_an_error_even_after_one_that_works(nothing_said):
    with pytest.raises(InputError, match="unknown backend 'nmpy'; did you mean 'numpy'"):
        backends.select("numpy,nmpy")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cuppy", "did you mean 'cupy'"),
        ("pytorch", "did you mean 'torch'"),
        ("tensorflow", "choose one of"),
        ("", "choose one of"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(name, hint):
    with pytest.raises(InputError, match=hint):
        backends.get(name)


def test_names_are_forgiving_in_case_and_hyphens():
    pytest.importorskip("array_api_strict")
    backend = backends.get(" Array-API-Strict:cpu_device ")
    assert backend.spec == "array_api_strict:CPU_DEVICE"


@pytest.mark.parametrize(
    ("spec", "first", "second", "expected"),
    [
        ("cupy", None, "1", "1"),
        ("cupy:1", "1", None, "1"),
        ("cupy:1", "1", "cuda:1", "cuda:1"),
        ("torch:cuda", "cuda", "1", "cuda:1"),
        ("torch:cuda:1", "cuda:1", "cuda", "cuda:1"),
        ("dpnp:opencl:cpu:0", "opencl:cpu:0", "opencl:cpu:0", "opencl:cpu:0"),
    ],
)
def test_name_and_device_complete_each_other(spec, first, second, expected):
    assert specs.merge(spec, first, second) == expected


@pytest.mark.parametrize(
    ("spec", "device"),
    [
        ("cupy:1", 0),
        ("cupy:1", "cuda:0"),
        ("torch:cpu", "cuda"),
        ("torch:cuda:1", "cuda:0"),
        ("array_api_strict:device1", "device2"),
        ("dpnp:cpu", "gpu"),
    ],
)
def test_a_device_that_disagrees_with_the_name_is_refused(spec, device):
    """Before anything is imported: most of these libraries need not be here."""
    with pytest.raises(InputError, match="disagree"):
        backends.get(spec, device)


def test_a_device_object_names_a_device(backend):
    if backend.device is None:
        pytest.skip("has one device only")
    again = backends.get(backend.name, backend.device)
    assert again == backend
    assert backends.get(backend, backend.device) is backend
    array = backend.asarray([1.0], dtype="float32")
    assert backends.get(backend.name, array.device) == backend


def test_a_backend_and_another_device_disagree():
    pytest.importorskip("array_api_strict")
    with pytest.raises(InputError, match="disagree"):
        backends.get(backends.get("array_api_strict:device1"), "device2")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("numpy:1", "numpy has no device '1', only 'cpu'"),
        ("array_api_strict:device9", "no_float64, no_x64"),
        ("torch:foo", "use 'cpu', 'cuda:0' or 'mps'"),
        ("jax:foo", "jax has no device 'foo'"),
        ("dpnp:foo", "use 'cpu', 'gpu'"),
        ("cupy:cpu", "only GPUs"),
    ],
)
def test_devices_that_a_library_does_not_know_are_refused(spec, text):
    skip_without(spec)
    with pytest.raises(InputError, match=text):
        backends.get(spec)


@pytest.mark.parametrize(
    "spec", ["torch:cuda", "torch:cuda:7", "jax:cuda", "jax:cpu:7", "dpnp:cpu:7"]
)
def test_devices_that_are_not_here_are_refused_with_what_is(spec):
    if hardware.cuda_driver().version and "cuda" in spec:
        pytest.skip("there is a GPU")
    skip_without(spec)
    with pytest.raises(BackendUnavailable) as caught:
        backends.get(spec)
    assert caught.value.name == spec
    assert caught.value.cure.startswith(f"use '{spec.partition(':')[0]}:")
    assert backends.get(caught.value.cure.split("'")[1])


def test_auto_refuses_a_device_that_nothing_here_has(nothing_said):
    with pytest.raises(InputError, match="device 1 was asked for, but no GPU was found"):
        backends.select(device=1)
    assert backends.select(device="cpu").backend.spec == "numpy"


def test_a_library_that_is_not_installed_is_refused_with_the_command(monkeypatch):
    monkeypatch.setattr(libraries, "installed", lambda _: False)
    registry._open.cache_clear()
    for name in ("torch", "jax", "dpnp"):
        with pytest.raises(BackendUnavailable) as caught:
            backends.get(name)
        assert caught.value.why == f"{name} is not installed"
        assert caught.value.cure == install(*libraries.PACKAGES[name])


def test_an_import_that_fails_is_refused_with_its_message(monkeypatch):
    """As where two versions of a library are mixed up: found, but its import raises."""

    def fail(device):
        msg = "libfoo.so: undefined symbol: bar"
        raise ImportError(msg)

    registry._open.cache_clear()
    monkeypatch.setattr(libraries, "installed", lambda _: True)
    monkeypatch.setattr(libraries, "adapter", lambda _: types.SimpleNamespace(open_backend=fail))
    with pytest.raises(BackendUnavailable, match="undefined symbol: bar") as caught:
        backends.get("torch")
    assert caught.value.cure == 'pip install --force-reinstall "torch>=2.6"'


def test_wrong_numbers_are_found_out_before_a_run(monkeypatch):
    from bpnet.backends import numpy as adapter

    registry._open.cache_clear()
    monkeypatch.setattr(adapter.NumPy, "_download", lambda self, a: np.zeros_like(a))
    with pytest.raises(BackendUnavailable, match=r"exp\(2\) came back as 0.0"):
        backends.get("numpy")
    registry._open.cache_clear()


class Library(types.ModuleType):
    """A stranger's library: NumPy under another name."""

    def __getattr__(self, name):
        return getattr(np, name)


def test_a_module_of_the_standard_is_a_backend():
    backend = backends.select(Library("mylib")).backend
    assert backend.spec == backend.name == "mylib"
    array = backend.asarray([1.0, 2.0], dtype="float32")
    assert np.array_equal(array, np.asarray([1, 2], np.float32))
    assert backend.dtype("float32") is np.float32
    backend.synchronize()


def test_a_known_library_handed_in_as_a_module_is_that_backend(backend):
    assert backends.get(backend.xp).name == backend.name
    assert backends.get(sys.modules[backend.name]).name == backend.name


def test_a_module_without_the_functions_of_the_standard_is_refused():
    with pytest.raises(InputError, match=r"types is no array library of the standard.*matmul"):
        backends.get(types)
    with pytest.raises(InputError, match="no array library"):
        backends.get(3)


def test_auto_is_instant(nothing_said):
    """On a laptop: found out from files and the driver, with nothing imported."""
    heavy = {"torch", "jax", "cupy", "dpnp"} - sys.modules.keys()
    backends.select()
    assert not heavy & sys.modules.keys()


def test_dpnp_imported_too_early_is_refused_with_the_setting():
    """Its CPU driver is looked up once, at the import."""
    skip_without("dpnp")
    if not (Path(sys.prefix) / "lib" / "libintelocl.so").exists():
        pytest.skip("the driver is not where pip puts it")
    code = "import dpnp, bpnet.backends as b\ntry: b.get('dpnp')\nexcept RuntimeError as e: "
    code += "print(e)"
    clean = {k: v for k, v in os.environ.items() if k != "OCL_ICD_FILENAMES"}

    def printed(environment):
        return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)

    refusal = printed(clean)
    if not refusal:
        pytest.skip("the system has a driver of its own")
    key, _, value = refusal.partition("set ")[2].strip().partition("=")
    assert key == "OCL_ICD_FILENAMES"
    assert printed({**clean, key: value}) == ""


def test_a_backend_is_copied_and_pickled_by_its_name(backend):
    """A library's device objects have no pickle."""
    opened = backends.get(backend.spec)
    assert copy.deepcopy(opened) == opened
    assert pickle.loads(pickle.dumps(opened)) == opened
