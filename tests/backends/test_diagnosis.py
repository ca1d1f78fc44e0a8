"""Each way in which CuPy fails has its own cause and its own cure.

The texts are those that CuPy raises: made by CuPy itself where it is installed (its exceptions can
be made without a GPU), and as they were recorded otherwise: CuPy 14.2.0 on a machine without a
driver, and the issues of cupy/cupy that are named.
"""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from bpnet import backends
from bpnet.backends import diagnosis, hardware, libraries, selection
from bpnet.backends.diagnosis import CupyFacts, diagnose_cupy
from bpnet.backends.hardware import NO_DRIVER, CudaDriver
from bpnet.errors import BackendUnavailable
from bpnet.requirements import install

INSUFFICIENT = (
    "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
)
NO_DEVICE = "cudaErrorNoDevice: no CUDA-capable device is detected"

# cupy/cupy issue 8227
BOX = """
================================================================
Failed to import CuPy.

If you installed CuPy via wheels (cupy-cudaXXX or cupy-rocm-X-X), make sure that the package \
matches with the version of CUDA or ROCm installed.

Original error:
  ImportError: libcudart.so.12: cannot open shared object file: No such file or directory
================================================================
"""

PATHFINDER = (
    'Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file: libnvrtc.so.13 or '
    "libnvrtc.so.12, No such file: libnvrtc.so.13 or libnvrtc.so.12\n"
)
# the same from CuPy 13, issue 8317; headers, issue 8466
SOFTLINK = (
    "CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open shared object file: "
    "No such file or directory"
)
HEADER = 'catastrophic error: cannot open source file "cuda_fp16.h"'

HERE = CudaDriver(12040, 1)
TWELVE = ("cupy-cuda12x",)


ROCM = ("cupy-rocm-7-0",)


def facts(wheels=TWELVE, driver=HERE, visible=None, gpu_present=True, **others):
    return CupyFacts(wheels, driver, visible, gpu_present, **others)


def amd(wheels=ROCM, amd=True):
    return facts(wheels, NO_DRIVER, gpu_present=False, amd=amd)


CASES = {
    "not installed": (
        None,
        facts(()),
        "CuPy is not installed",
        'pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "not installed, and no GPU": (
        None,
        facts(driver=hardware.NO_DRIVER, gpu_present=False),
        "CuPy is not installed, and there is no NVIDIA GPU here",
        "use backend 'numpy' here",
    ),
    "not installed, new driver": (
        None,
        facts((), CudaDriver(13000, 1)),
        "CuPy is not installed",
        'pip install "cupy-cuda13x[ctk]>=14"',
    ),
    "two wheels": (
        ImportError(BOX),
        facts(("cupy-cuda11x", "cupy-cuda12x")),
        "2 CuPy packages overwrite each other (cupy-cuda11x, cupy-cuda12x)",
        'pip uninstall -y cupy-cuda11x cupy-cuda12x && pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "two wheels, no driver": (
        RuntimeError(INSUFFICIENT),
        facts(("cupy", "cupy-cuda13x"), NO_DRIVER),
        "overwrite each other (cupy, cupy-cuda13x), and there is no NVIDIA driver",
        "pip uninstall -y cupy cupy-cuda13x",
    ),
    "wheel for another CUDA": (
        ImportError(BOX),
        facts(driver=CudaDriver(13000, 1)),
        "cupy-cuda12x was built for another CUDA version: it misses libcudart.so.12",
        'pip uninstall -y cupy-cuda12x && pip install "cupy-cuda13x[ctk]>=14"',
    ),
    "import that fails": (
        ImportError("numpy.core.multiarray failed to import"),
        facts(),
        "its import fails (ImportError: numpy.core.multiarray failed to import)",
        'pip install --force-reinstall "cupy-cuda12x[ctk]>=14"',
    ),
    "no driver, no GPU": (
        RuntimeError(INSUFFICIENT),
        facts(driver=NO_DRIVER, gpu_present=False),
        "there is no NVIDIA driver and no NVIDIA GPU",
        "use backend 'numpy' here",
    ),
    "no driver": (
        RuntimeError(INSUFFICIENT),
        facts(driver=NO_DRIVER),
        "there is no NVIDIA driver",
        "install it from https://www.nvidia.com/drivers",
    ),
    "no driver, unknown GPU": (
        RuntimeError(INSUFFICIENT),
        facts(driver=NO_DRIVER, gpu_present=None),
        "there is no NVIDIA driver",
        "install it from https://www.nvidia.com/drivers",
    ),
    "driver too old": (
        RuntimeError(INSUFFICIENT),
        facts(driver=CudaDriver(11040, 1)),
        "the NVIDIA driver serves CUDA 11.4, too old for cupy-cuda12x",
        "install the NVIDIA driver 525 or newer",
    ),
    "driver too old for 13, fit for 12": (
        RuntimeError(INSUFFICIENT),
        facts(("cupy-cuda13x",)),
        "the NVIDIA driver serves CUDA 12.4, too old for cupy-cuda13x",
        'pip uninstall -y cupy-cuda13x && pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "driver too old for both": (
        RuntimeError(INSUFFICIENT),
        facts(("cupy-cuda13x",), CudaDriver(11080, 1)),
        "the NVIDIA driver serves CUDA 11.8, too old for cupy-cuda13x",
        "install the NVIDIA driver 580 or newer",
    ),
    "GPU hidden": (
        RuntimeError(NO_DEVICE),
        facts(driver=CudaDriver(12040, 0, 100), visible=""),
        "every GPU is hidden by CUDA_VISIBLE_DEVICES=''",
        "unset CUDA_VISIBLE_DEVICES",
    ),
    "no GPU": (
        RuntimeError(NO_DEVICE),
        facts(driver=CudaDriver(12040, 0, 100)),
        "there is an NVIDIA driver but no GPU",
        "nvidia-smi shows what the driver sees",
    ),
    "toolkit missing": (
        RuntimeError(PATHFINDER),
        facts(),
        "parts of the CUDA toolkit are missing (libnvrtc)",
        'pip install "cupy-cuda12x[ctk]"',
    ),
    "toolkit missing at a product": (
        ImportError('Failure finding "libcublasLt.so.13 or libcublasLt.so.12": No such file'),
        facts(("cupy-cuda13x",), CudaDriver(13000, 1)),
        "parts of the CUDA toolkit are missing (libcublasLt)",
        'pip install "cupy-cuda13x[ctk]"',
    ),
    "toolkit missing, CuPy 13": (
        RuntimeError(SOFTLINK),
        facts(),
        "parts of the CUDA toolkit are missing (libnvrtc)",
        'pip install "cupy-cuda12x[ctk]"',
    ),
    "headers missing": (
        RuntimeError(HEADER),
        facts(),
        "parts of the CUDA toolkit are missing (cuda_fp16.h)",
        'pip install "cupy-cuda12x[ctk]"',
    ),
    "out of memory": (
        MemoryError("Out of memory allocating 4,096 bytes (allocated so far: 0 bytes)."),
        facts(),
        "the GPU is out of memory",
        "nvidia-smi lists the processes that hold it: end one",
    ),
    "out of memory at the first call": (
        RuntimeError("cudaErrorMemoryAllocation: out of memory"),
        facts(),
        "the GPU is out of memory",
        "nvidia-smi lists the processes that hold it: end one",
    ),
    "pool limit": (
        MemoryError(
            "Out of memory allocating 4,096 bytes (allocated so far: 512 bytes, "
            "limit set to: 1,000 bytes)."
        ),
        facts(),
        "limit set to: 1,000 bytes",
        "unset CUPY_GPU_MEMORY_LIMIT",
    ),
    "architecture": (
        RuntimeError(
            "cudaErrorNoKernelImageForDevice: no kernel image is available for execution on the "
            "device"
        ),
        facts(),
        "cupy-cuda12x has no code for this GPU's architecture",
        'pip install --upgrade "cupy-cuda12x"',
    ),
    "architecture, CUDA 13 on an old GPU": (
        RuntimeError("nvrtc: error: invalid value for --gpu-architecture (-arch)"),
        facts(("cupy-cuda13x",), CudaDriver(13000, 1, 0, 61)),
        "cupy-cuda13x has no code for this GPU's architecture",
        'pip uninstall -y cupy-cuda13x && pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "not installed, new driver and an old GPU": (
        None,
        facts((), CudaDriver(13000, 1, 0, 70)),
        "CuPy is not installed",
        'pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "toolkit missing, from conda": (
        RuntimeError(PATHFINDER),
        facts(("cupy",), conda=True),
        "parts of the CUDA toolkit are missing (libnvrtc)",
        "conda install -c conda-forge --force-reinstall cupy",
    ),
    "toolkit missing, built from source": (
        RuntimeError(PATHFINDER),
        facts(("cupy",)),
        "parts of the CUDA toolkit are missing (libnvrtc)",
        'pip uninstall -y cupy && pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "import that fails, from conda": (
        ImportError("numpy.core.multiarray failed to import"),
        facts(("cupy",), conda=True),
        "its import fails (ImportError: numpy.core.multiarray failed to import)",
        "conda install -c conda-forge --force-reinstall cupy",
    ),
    "not installed, AMD": (
        None,
        amd(()),
        "CuPy is not installed",
        'pip install "cupy-rocm-7-0>=14"',
    ),
    "not installed, AMD and NVIDIA": (
        None,
        facts((), amd=True),
        "CuPy is not installed",
        'pip install "cupy-cuda12x[ctk]>=14"',
    ),
    "no ROCm": (
        ImportError(BOX.replace("libcudart.so.12", "libamdhip64.so.7")),
        amd(),
        "cupy-rocm-7-0 needs ROCm 7.0: it misses libamdhip64.so.7",
        "install it from https://rocm.docs.amd.com/projects/install-on-linux",
    ),
    "no AMD GPU": (
        ImportError(BOX.replace("libcudart.so.12", "libamdhip64.so.7")),
        amd(amd=False),
        "there is no AMD GPU that ROCm sees",
        "rocminfo shows what it sees",
    ),
    "AMD GPU hidden": (
        RuntimeError("hipErrorNoDevice: no ROCm-capable device is detected"),
        amd(),
        "there is no AMD GPU that ROCm sees",
        "rocminfo shows what it sees",
    ),
    "AMD, out of memory": (
        RuntimeError("hipErrorOutOfMemory: out of memory"),
        amd(),
        "the GPU is out of memory",
        "rocm-smi --showpids lists the processes that hold it: end one",
    ),
    "two wheels, AMD": (
        ImportError(BOX),
        amd(("cupy-rocm-7-0", "amd-cupy")),
        "2 CuPy packages overwrite each other (cupy-rocm-7-0, amd-cupy)",
        'pip uninstall -y cupy-rocm-7-0 amd-cupy && pip install "cupy-rocm-7-0>=14"',
    ),
    "anything else": (
        RuntimeError("cudaErrorUnknown: unknown error"),
        facts(),
        "its first use fails (RuntimeError: cudaErrorUnknown: unknown error)",
        'python -c "import cupy; cupy.show_config()"',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_state_of_cupy_has_its_cause_and_its_cure(case):
    error, known, why, cure = CASES[case]
    actual = diagnose_cupy(error, known)
    assert why in actual.why
    assert actual.cure == cure
    assert "\n" not in actual.why


def real_exceptions():
    """The exceptions as CuPy makes them."""
    from cuda.pathfinder import DynamicLibNotFoundError
    from cupy.cuda.memory import OutOfMemoryError
    from cupy_backends.cuda.api.runtime import CUDARuntimeError

    return {
        "no driver": CUDARuntimeError(35),
        "driver too old": CUDARuntimeError(35),
        "GPU hidden": CUDARuntimeError(100),
        "no GPU": CUDARuntimeError(100),
        "out of memory": OutOfMemoryError(4096, 0, 0),
        "pool limit": OutOfMemoryError(4096, 512, 1000),
        "out of memory at the first call": CUDARuntimeError(2),
        "architecture": CUDARuntimeError(209),
        "toolkit missing": DynamicLibNotFoundError(PATHFINDER),
    }


def test_the_recorded_texts_are_those_of_the_installed_cupy(cupy):
    for case, error in real_exceptions().items():
        recorded, known, why, cure = CASES[case]
        assert str(error) == str(recorded), case
        actual = diagnose_cupy(error, known)
        assert why in actual.why
        assert actual.cure == cure


def test_a_missing_library_is_named_as_the_installed_cupy_does(cupy):
    pathfinder = pytest.importorskip("cuda.pathfinder")
    error = None
    try:
        pathfinder.load_nvidia_dynamic_lib("nvrtc")
    except RuntimeError as caught:
        error = caught
    if error is None:
        pytest.skip("the CUDA toolkit is here")
    assert diagnose_cupy(error, facts()).cure == 'pip install "cupy-cuda12x[ctk]"'


def test_cupy_without_a_driver_is_refused_for_real(cupy):
    if hardware.cuda_driver().version:
        pytest.skip("there is an NVIDIA driver")
    with pytest.raises(BackendUnavailable) as caught:
        backends.get("cupy")
    assert caught.value.why.startswith("there is no NVIDIA driver")
    assert "cudaErrorInsufficientDriver" in str(caught.value.__cause__)
    with pytest.raises(BackendUnavailable):
        backends.get("cupy:1")


def test_facts_are_gathered_from_this_machine(monkeypatch):
    def version(name):
        if name in {"cupy-cuda11x", "cupy-cuda12x"}:
            return "14.0"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(hardware, "cuda_driver", lambda: HERE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    actual = CupyFacts.gather()
    assert actual.wheels == ("cupy-cuda11x", "cupy-cuda12x")
    assert actual.driver == HERE
    assert actual.visible == "-1"


def test_what_a_cure_installs_is_enough_for_a_machine_with_a_driver():
    """The wheels bring nothing of CUDA: their own extra does, which bpnet's extras ask for too."""
    file = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    cures = [cure for *_, cure in CASES.values()] + [selection._why_not(frozenset({"rocm"}))]
    named = {what for cure in cures for what in re.findall(r'"(cupy-[^"]*>=14)"', cure)}
    assert named == {"cupy-cuda12x[ctk]>=14", "cupy-cuda13x[ctk]>=14", "cupy-rocm-7-0>=14"}
    for what in named:
        assert extras[re.split(r"\[|>", what)[0]] == [what]


def test_the_extra_is_one_of_the_installed_wheel(cupy):
    wheel = diagnosis.cupy_wheels()[0]
    if "cuda" not in wheel:
        pytest.skip(f"{wheel} is not a wheel for CUDA")
    needed = " ".join(importlib.metadata.requires(wheel))
    assert re.search(r"cuda-toolkit\[[^]]*nvrtc[^]]*\][^ ]* *; *extra == .ctk.", needed)


@pytest.mark.parametrize("name", [name for name in libraries.NAMES if name != "cupy"])
def test_other_libraries_have_a_cure_for_each_failure(name):
    missing = diagnosis.diagnose(name, None)
    assert missing == (f"{name} is not installed", install(*libraries.PACKAGES[name]))
    broken = diagnosis.diagnose(name, ImportError("undefined\nsymbol"))
    assert broken.why == "its import fails (ImportError: undefined symbol)"
    assert broken.cure == install(*libraries.PACKAGES[name], options="--force-reinstall")
    assert name in diagnosis.diagnose(name, RuntimeError()).cure
