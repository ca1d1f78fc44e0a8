"""pytest on a machine that is not CI's: a plugin, -p gpu_pytest, that only ci/gpu loads.

A library that is not here takes out the tests that need it, and is counted. Every test is told as
soon as it ends, and the slowest come last. In ci/test a missing library still fails.
"""

import importlib.util
import os
from collections.abc import Generator, Iterator

import pytest
from gpu_rows import tell

VARIABLE = "BPNET_BACKEND"

OURS = {"bpnet", "tests", "benchmarks"}

LAST = (
    *("test_threads", "test_memory", "test_numpy", "test_fastest", "test_compiled"),
    *("test_members", "test_survey", "test_out_of_memory", "test_checkpoints", "test_crashes"),
)
"""The slowest files, fastest first: they start processes, each with a device of its own."""

FOLDERS = ("core", "backends", "training")


def absent(error: BaseException | None) -> str | None:
    """The library that an error, or what it came from, says is not here; None for other errors."""
    for link in _chain(error):
        if isinstance(link, ModuleNotFoundError) and link.name:
            root = link.name.partition(".")[0]
            if root not in OURS and importlib.util.find_spec(root) is None:
                return root
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _left_out(report: pytest.CollectReport | pytest.TestReport, library: str) -> None:
    report.outcome = "skipped"
    report.longrepr = (str(report.nodeid), 0, f"Skipped: {library} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    call = getattr(report, "call", None)
    if report.failed and call is not None and call.excinfo is not None:
        if library := absent(call.excinfo.value):
            _left_out(report, library)
            tell(kind="file", test=report.nodeid, absent=library)
        else:
            tell(kind="test", test=report.nodeid, outcome="failed", text=last_lines(report))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.excinfo is not None and (library := absent(call.excinfo.value)):
        _left_out(report, library)
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=order)
    tell(kind="collected", tests=len(items))


def order(item: pytest.Item) -> tuple[int, bool, int]:
    """Place of a test: slow files last, before them what runs on the device, then by folder."""
    slow = LAST.index(item.path.stem) + 1 if item.path.stem in LAST else 0
    folder = item.path.parent.name
    return slow, on_host(item), FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """In tests that are not about a backend, auto is NumPy, as where there is no GPU."""
    if not on_host(item) or VARIABLE in os.environ:
        return (yield)
    os.environ[VARIABLE] = "numpy"
    try:
        return (yield)
    finally:
        os.environ.pop(VARIABLE, None)


def on_host(item: pytest.Item) -> bool:
    """Whether a test does not ask for a backend."""
    return "backend" not in getattr(item, "fixturenames", ())


def pytest_runtest_logstart(nodeid: str) -> None:
    tell(kind="began", test=nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call" and report.passed:
        return
    text = last_lines(report) if report.failed else _reason(report) if report.skipped else ""
    tell(
        kind="test",
        test=report.nodeid,
        outcome="xfailed" if hasattr(report, "wasxfail") else report.outcome,
        seconds=round(report.duration, 3),
        text=text,
    )


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2][:200] if isinstance(report.longrepr, tuple) else ""


def last_lines(report: pytest.CollectReport | pytest.TestReport, most: int = 12) -> str:
    """End of a traceback."""
    return "\n".join(report.longreprtext.splitlines()[-most:])[-1500:]
