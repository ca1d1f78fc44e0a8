"""Why a library does not work here, and the one command or setting that cures it.

The functions are pure: they read an exception and facts that were gathered elsewhere. The states
of CuPy are those that its users report: cupy/cupy issues 3552, 7772, 8227, 8317, 9252 and 9719.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bpnet.backends import hardware, libraries
from bpnet.errors import one_line
from bpnet.requirements import install

_WHEELS = ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-7-0", "amd-cupy")
_TOOLKIT = re.compile(
    r"Failure finding \"(?P<pathfinder>lib\w+)"  # CuPy 14
    r"|failed to load (?P<softlink>\w+)"  # CuPy 13
    r"|cannot open source file \"(?P<header>cuda\w*\.h)",
)
# errors of the runtime, the driver and cuBLAS, and of their counterparts on AMD's GPUs
_NO_MEMORY = re.compile(
    "cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|hipErrorOutOfMemory"
    "|BLAS_STATUS_ALLOC_FAILED"
)
# errors of the runtime, NVRTC and cuBLAS on a GPU that they have no code for
_NO_CODE = (
    "cudaErrorNoKernelImageForDevice",
    "invalid value for --gpu-architecture",
    "CUBLAS_STATUS_ARCH_MISMATCH",
)
_ROCM = "https://rocm.docs.amd.com/projects/install-on-linux"
# the oldest drivers, https://docs.nvidia.com/cuda/cuda-toolkit-release-notes, table 3
_DRIVER_FOR_12, _DRIVER_FOR_13 = 525, 580


class Diagnosis(NamedTuple):
    """The cause as a clause, and the cure as one command or setting."""

    why: str
    cure: str


@dataclass(frozen=True)
class CupyFacts:
    """Facts about the machine and the environment that an exception does not tell."""

    wheels: tuple[str, ...] = ()  # installed distributions of CuPy
    driver: hardware.CudaDriver = hardware.NO_DRIVER
    visible: str | None = None  # CUDA_VISIBLE_DEVICES
    gpu_present: bool | None = None  # whether an NVIDIA GPU is on the bus, None if unknown
    amd: bool = False  # whether there is an AMD GPU
    conda: bool = False  # whether it was conda that installed CuPy

    @classmethod
    def gather(cls) -> "CupyFacts":
        """Facts of this machine and environment."""
        return cls(
            cupy_wheels(),
            hardware.cuda_driver(),
            os.environ.get("CUDA_VISIBLE_DEVICES"),
            hardware.nvidia_hardware(),
            hardware.amd_hardware(),
            any(Path(sys.prefix, "conda-meta").glob("cupy*.json")),
        )

    @property
    def rocm(self) -> bool:
        """Whether CuPy is here, or would be, for AMD's GPUs."""
        if self.wheels:
            return "rocm" in self.wheels[0] or self.wheels[0] == "amd-cupy"
        return self.amd and not self.driver.devices


def cupy_wheels() -> tuple[str, ...]:
    """Installed distributions of CuPy, of which two overwrite each other's files."""
    from importlib import metadata  # a third of this package's import time

    def is_installed(wheel: str) -> bool:
        try:
            metadata.version(wheel)
        except metadata.PackageNotFoundError:
            return False
        return True

    return tuple(filter(is_installed, _WHEELS))


def diagnose(name: str, error: BaseException | None) -> Diagnosis:
    """Cause and cure for any library; ``error`` is None where it is not installed."""
    if name == "cupy":
        return diagnose_cupy(error, CupyFacts.gather())
    if error is None:
        return Diagnosis(f"{name} is not installed", install(*libraries.PACKAGES[name]))
    if isinstance(error, ImportError):
        return Diagnosis(
            f"its import fails ({_line(error)})",
            install(*libraries.PACKAGES[name], options="--force-reinstall"),
        )
    return Diagnosis(
        f"its first use fails ({_line(error)})",
        f"python -m bpnet.backends.probe {name} shows the whole error",
    )


def diagnose_cupy(error: BaseException | None, facts: CupyFacts) -> Diagnosis:
    """Cause and cure for CuPy; ``error`` is None where it is not installed."""
    absent = not facts.driver.version and facts.gpu_present is False
    if error is None and absent and not facts.amd:
        why = "CuPy is not installed, and there is no NVIDIA GPU here"
        return Diagnosis(why, "use backend 'numpy' here")
    if error is None:
        return Diagnosis("CuPy is not installed", install(_best(facts)))
    # two wheels explain any error, so that they come before the rules
    diagnosis, nvidia = two_wheels(facts), (_toolkit, _import, _driver, _no_device, _architecture)
    for rule in (_memory, *((_rocm,) if facts.rocm else nvidia)):
        if diagnosis := diagnosis or rule(error, facts):
            return diagnosis
    show = 'python -c "import cupy; cupy.show_config()"'
    return Diagnosis(f"its first use fails ({_line(error)})", show)


def two_wheels(facts: CupyFacts) -> Diagnosis | None:
    """Diagnosis of two distributions of CuPy in one environment; None where there is one."""
    if len(facts.wheels) < 2:
        return None
    why = f"{len(facts.wheels)} CuPy packages overwrite each other ({', '.join(facts.wheels)})"
    uninstall = f"pip uninstall -y {' '.join(facts.wheels)}"
    if not facts.driver.version and not facts.rocm:
        return Diagnosis(f"{why}, and there is no NVIDIA driver", uninstall)
    return Diagnosis(why, f"{uninstall} && {install(_best(facts))}")


def cupy_out_of_memory(error: BaseException) -> bool:
    """Whether an error of CuPy, or of a library that it calls, means that memory ran out."""
    known = isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None
    return known or isinstance(error, MemoryError)


def _memory(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    text = str(error)
    if not cupy_out_of_memory(error):
        return None
    # the words of CuPy's pool where a limit of its own, not the GPU, is reached
    if "limit set to" in text:
        why = f"the memory limit of CuPy's pool is reached ({text.rstrip('.')})"
        return Diagnosis(why, "unset CUPY_GPU_MEMORY_LIMIT")
    lists = "rocm-smi --showpids" if facts.rocm else "nvidia-smi"
    cure = f"{lists} lists the processes that hold it: end one"
    return Diagnosis("the GPU is out of memory", cure)


def _toolkit(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    match = _TOOLKIT.search(str(error))
    if not match:
        return None
    part = match["pathfinder"] or match["softlink"] or match["header"]
    wheel = _wheel(facts)
    # only these wheels have the extra with the parts of the toolkit
    cure = f'pip install "{wheel}[ctk]"' if wheel.startswith("cupy-cuda") else _renew(facts)
    return Diagnosis(f"parts of the CUDA toolkit are missing ({part})", cure)


def _rocm(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    """Diagnosis of CuPy for AMD's GPUs, whose wheel holds nothing of ROCm."""
    if not facts.amd or "hipErrorNoDevice" in str(error):
        return Diagnosis("there is no AMD GPU that ROCm sees", "rocminfo shows what it sees")
    library = re.search(r"lib\w+\.so(?:\.\d+)*", str(error))
    if isinstance(error, ImportError) and library:
        why = f"{_wheel(facts)} needs ROCm 7.0: it misses {library[0]}"
        return Diagnosis(why, f"install it from {_ROCM}")
    return None


def _import(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    if not isinstance(error, ImportError):
        return None
    if library := re.search(r"lib\w+\.so(?:\.\d+)*|\w+\.dll", str(error)):
        why = f"{_wheel(facts)} was built for another CUDA version: it misses {library[0]}"
        return Diagnosis(why, _renew(facts))
    return Diagnosis(f"its import fails ({_line(error)})", _renew(facts))


def _driver(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    if "cudaErrorInsufficientDriver" not in str(error):
        return None
    if facts.driver.version:
        return _old_driver(facts)
    if facts.gpu_present is False:
        why = "there is no NVIDIA driver and no NVIDIA GPU"
        return Diagnosis(why, "use backend 'numpy' here")
    return Diagnosis("there is no NVIDIA driver", "install it from https://www.nvidia.com/drivers")


def _old_driver(facts: CupyFacts) -> Diagnosis:
    wheel = _wheel(facts)
    why = f"the NVIDIA driver serves {hardware.cuda(facts.driver.version)}, too old for {wheel}"
    if "cuda13x" not in wheel:
        return Diagnosis(why, f"install the NVIDIA driver {_DRIVER_FOR_12} or newer")
    # a driver for CUDA 12 serves another wheel; an older one serves none
    if facts.driver.version >= 12000:
        return Diagnosis(why, _renew(facts))
    return Diagnosis(why, f"install the NVIDIA driver {_DRIVER_FOR_13} or newer")


def _no_device(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    if "cudaErrorNoDevice" not in str(error):
        return None
    if facts.visible is not None:
        why = f"every GPU is hidden by CUDA_VISIBLE_DEVICES={facts.visible!r}"
        return Diagnosis(why, "unset CUDA_VISIBLE_DEVICES")
    why = "there is an NVIDIA driver but no GPU"
    return Diagnosis(why, "nvidia-smi shows what the driver sees")


def _architecture(error: BaseException, facts: CupyFacts) -> Diagnosis | None:
    if not any(text in str(error) for text in _NO_CODE):
        return None
    why = f"{_wheel(facts)} has no code for this GPU's architecture"
    if facts.wheels[:1] != (_best(facts),):
        return Diagnosis(why, _renew(facts))
    return Diagnosis(why, f'pip install --upgrade "{_wheel(facts)}"')


def _wheel(facts: CupyFacts) -> str:
    """The distribution that is installed."""
    return facts.wheels[0] if facts.wheels else "cupy"


def _best(facts: CupyFacts) -> str:
    """The distribution that fits the driver."""
    return "cupy-rocm-7-0" if facts.rocm else f"cupy-{hardware.cuda_major(facts.driver)}x"


def _renew(facts: CupyFacts) -> str:
    """Command that replaces the installed distribution by the one that fits the driver."""
    if facts.conda:
        return "conda install -c conda-forge --force-reinstall cupy"
    best = _best(facts)
    if not facts.wheels:
        return install(best)
    if facts.wheels[0] == best:
        return install(best, options="--force-reinstall")
    return f"pip uninstall -y {facts.wheels[0]} && {install(best)}"


def _line(error: BaseException) -> str:
    """The message of an exception on one line; of CuPy's long message the original error."""
    text = re.sub(r"(?s).*Original error:\s*", "", str(error)).strip(" =\n")
    return one_line(f"{type(error).__name__}: {text}".rstrip(": "))
