"""The steps of ci/gpu in order of worth: what a machine taken away early must have shown first."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent

TESTS = ("tests/core", "tests/backends", "tests/training")

PLUGINS = ("-p", "gpu_pytest", "-p", "_hypothesis_pytestplugin")

NAMES = (
    *("devices", "smoke", "check", "parity", "replay", "benchmark"),
    *("check-torch", "capture-torch", "check-jax", "graphs", "tests"),
)
"""Of all steps, as --only takes them."""


@dataclass(frozen=True)
class Step:
    """One command.

    Parameters
    ----------
    name : str
        Of :data:`NAMES`.
    command : tuple of str
        What runs, in the checkout.
    limit : float
        Seconds that it may take.
    partial : bool
        Whether the time may end it without that being a failure.
    environment : dict
        Variables for it alone.
    """

    name: str
    command: tuple[str, ...]
    limit: float
    partial: bool = False
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """What takes part: backends of bpnet, and the device of the benchmark."""

    cupy: str = "cupy"
    torch: str | None = None
    jax: str | None = None
    device: str = "cuda"


def plan(place: Place, folder: Path, scratch: Path, seconds: float) -> list[Step]:
    """All steps for a place; what they leave behind goes to ``folder`` and ``scratch``."""
    quick = min(110.0, 0.32 * seconds)  # the tests want some of it
    steps = [
        _job("devices", 60, "devices"),
        _job("smoke", 45, "smoke", place.cupy),
        _job("check", 120, "check_rows", place.cupy),
        _job("parity", 60, "parity", "numpy", place.cupy),
        _job("replay", 60, "replay", place.cupy),
        _job("benchmark", quick + 15, "benchmark", place.device, f"{quick:.0f}", str(folder)),
    ]
    if place.torch:
        steps.append(_job("check-torch", 90, "check_rows", place.torch))
        steps.append(_job("capture-torch", 60, "capture", place.torch))
    if place.jax:
        steps.append(_job("check-jax", 90, "check_rows", place.jax))
    return [*steps, _job("graphs", 60, "graphs", place.cupy), _tests(place, scratch)]


def _job(name: str, limit: float, *arguments: str) -> Step:
    return Step(name, (sys.executable, str(HERE / "gpu_jobs.py"), *arguments), limit)


def _tests(place: Place, scratch: Path) -> Step:
    """The tests: on the device only, warnings of younger libraries seen but no failures."""
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PLUGINS)
    warnings = ("-W", "default", "-W", "error::RuntimeWarning")
    options = (f"--basetemp={scratch / 'tests'}", "--continue-on-collection-errors", "--tb=short")
    variables = {
        "BPNET_TEST_BACKENDS": place.cupy,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # whatever else lies in the Python at hand
        "PYTEST_ADDOPTS": "",
    }
    if place.cupy == "cupy":
        variables["BPNET_TEST_CUPY"] = "1"
    command = (*pytest, *warnings, *options, *TESTS)
    return Step("tests", command, float("inf"), partial=True, environment=variables)
