"""The backends that the tests run on.

``BPNET_TEST_BACKENDS`` names them: a comma list of libraries (``torch``) or specifications
(``torch:cuda``), and ``installed`` for whatever is installed, which is the default. What is named
and missing fails the session.
"""

import importlib
import os
import signal
from collections import Counter
from collections.abc import Generator

import hypothesis
import pytest

from bpnet import backends
from bpnet.backends import hardware, libraries, registry, specs
from bpnet.backends.trace import replay
from bpnet.errors import BackendUnavailable, InputError
from tests.namespaces import ReadOnly

VARIABLE = "BPNET_TEST_BACKENDS"

LEGS = {
    "numpy": ("numpy", "numpy:read_only"),
    "array_api_strict": tuple(
        f"array_api_strict:{device}"
        for device in ("CPU_DEVICE", "device1", "device2", "no_float64", "no_x64")
    ),
    "torch": ("torch:cpu",),
    "jax": ("jax:cpu",),
    "dpnp": ("dpnp:cpu",),
    "cupy": ("cupy",),
}
"""The legs that a library's name stands for. Its GPU is named by its specification.

``numpy:read_only`` is NumPy with arguments that may not be written to, see namespaces.py.
"""

STRICTEST = {
    "api_version": "2023.12",
    "boolean_indexing": False,
    "data_dependent_shapes": False,
    "enabled_extensions": (),
}
"""Flags of array_api_strict in all tests: the oldest version that is enough, and no extras."""


def installed() -> list[str]:
    """Libraries that are here; CuPy counts with a GPU only, without one it has no arrays."""
    return [
        name
        for name in LEGS
        if libraries.installed(name) and (name != "cupy" or hardware.cuda_driver().devices)
    ]


def chosen(named: str) -> list[str]:
    """Legs for a value of the variable.

    Raises
    ------
    pytest.UsageError
        If a name is unknown or its library is not installed.
    """
    legs: dict[str, None] = {}
    for entry in filter(None, (part.strip() for part in named.split(","))):
        if entry == "installed":
            legs.update(dict.fromkeys(leg for name in installed() for leg in LEGS[name]))
            continue
        name, device = specs.split_spec(entry)
        try:
            registry.check_name(name)
        except InputError as error:
            msg = f"{VARIABLE}={named}: {error}, or installed"
            raise pytest.UsageError(msg) from error
        if not libraries.installed(name):
            msg = f"{VARIABLE}={named}: {name} must run and is not installed"
            raise pytest.UsageError(msg)
        legs.update(dict.fromkeys([entry] if device else LEGS[name]))
    if not legs:
        msg = f"{VARIABLE}={named!r} names no backend"
        raise pytest.UsageError(msg)
    return list(legs)


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.register_profile("bpnet", deadline=None)  # a machine may be busy
    hypothesis.settings.load_profile("bpnet")
    config.addinivalue_line("markers", "dpnp: on dpnp, where each operation takes 1 to 2 ms")
    # a shell lets what it runs in the background ignore Ctrl-C, which some tests send
    signal.signal(signal.SIGINT, signal.default_int_handler)
    replay.WORTH = 3  # tests are short, and NumPy's steps are to be replayed in them as in use
    config.stash[_LEGS] = chosen(os.environ.get(VARIABLE, "installed"))
    if libraries.installed("array_api_strict"):
        import array_api_strict

        array_api_strict.set_array_api_strict_flags(**STRICTEST)


_LEGS: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        legs = metafunc.config.stash[_LEGS]
        marks = {leg: [pytest.mark.dpnp] * leg.startswith("dpnp") for leg in legs}
        params = [pytest.param(leg, id=leg, marks=marks[leg]) for leg in legs]
        metafunc.parametrize("backend", params, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> backends.Backend:
    """Each backend in turn."""
    if request.param == "numpy:read_only":
        return ReadOnly()
    try:
        return backends.get(request.param)
    except BackendUnavailable as error:
        pytest.exit(f"{VARIABLE}: {error}", returncode=1)


@pytest.fixture
def xp(backend):
    """The backend's namespace."""
    return backend.xp


@pytest.fixture
def dtypes(backend) -> list[str]:
    """The backend's floating dtypes, widest first."""
    return list(backend.dtypes())


@pytest.fixture(scope="session")
def cupy():
    """CuPy's module, which imports without a GPU; required where BPNET_TEST_CUPY is set."""
    if os.environ.get("BPNET_TEST_CUPY"):
        return importlib.import_module("cupy")
    return pytest.importorskip("cupy")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if call.when == "call" and "backend" in parameters:
        report.user_properties.append(("backend", parameters["backend"]))
    return report


def pytest_terminal_summary(terminalreporter) -> None:
    legs = terminalreporter.config.stash[_LEGS]
    ran: Counter[str] = Counter()
    for outcome in ("passed", "failed", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            ran.update(leg for key, leg in report.user_properties if key == "backend")
    terminalreporter.section("tests per backend")
    for leg in legs:
        terminalreporter.write_line(f"{ran[leg]:6d}  {leg}")
