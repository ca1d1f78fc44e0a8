"""The plugin with which ``ci/gpu`` runs the tests where libraries are absent or younger."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "test_absent_file.py": """
        import no_such_library.part

        def test_never(): ...
    """,
    "test_absent_inside.py": """
        import pytest

        def test_in_the_test():
            import no_such_library

        def test_behind_an_error_of_ours():
            try:
                import no_such_library
            except ImportError as error:
                raise ValueError("it needs no_such_library; pip install it") from error

        def test_in_place_of_another_error():
            with pytest.raises(ValueError, match="wanted"):
                test_behind_an_error_of_ours()

        @pytest.fixture
        def absent():
            import no_such_library

        def test_in_a_fixture(absent): ...

        def test_that_skips_by_itself():
            pytest.importorskip("nor_this")

        def test_of_another_library():
            pytest.skip("PyTorch's way")
    """,
    "test_broken.py": """
        import json.nothing

        def test_never(): ...
    """,
    "test_warns.py": """
        import warnings

        def test_of_younger_libraries():
            warnings.warn("use the other function", DeprecationWarning)
            warnings.warn("will change", FutureWarning)
            warnings.warn("said in a library", UserWarning)

        def test_of_numbers():
            warnings.warn("overflow encountered in exp", RuntimeWarning)
    """,
    "test_auto.py": """
        import os
        import pytest

        @pytest.fixture
        def backend(): ...

        def test_on_the_host():
            assert os.environ["BPNET_BACKEND"] == "numpy"

        def test_on_a_backend(backend):
            assert "BPNET_BACKEND" not in os.environ
    """,
    "test_wrong.py": """
        def test_wrong():
            assert 1 == 2

        def test_our_own_module_is_gone():
            import bpnet.no_such_module
    """,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("suite")
    for name, text in FILES.items():
        lines = [line.removeprefix("        ") for line in text.strip("\n").splitlines()]
        (where / name).write_text("\n".join(lines).strip() + "\n")
    (where / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    return where


def run(gpu, folder, command, variables=None):
    rows = folder / "rows"
    rows.unlink(missing_ok=True)
    ci = os.path.dirname(gpu.rows.__file__)
    environment = {**os.environ, "PYTHONPATH": ci, gpu.rows.VARIABLE: str(rows)}
    for name in ("PYTEST_ADDOPTS", "BPNET_BACKEND"):
        environment.pop(name, None)
    environment.update(variables or {})
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done, gpu.rows.told(rows)


@pytest.fixture(scope="module")
def found(gpu, folder, tmp_path_factory):
    place = gpu.plan.Place("array_api_strict")
    scratch = tmp_path_factory.mktemp("scratch")
    *_, tests = gpu.plan.plan(place, scratch, scratch, 60.0)
    command = [part for part in tests.command if part not in gpu.plan.TESTS]
    return run(gpu, folder, command, tests.environment)


def outcomes(rows):
    return {
        row["test"].rpartition("::")[2]: row["outcome"] for row in rows if row["kind"] == "test"
    }


def test_an_absent_library_takes_out_what_needs_it_and_is_counted(gpu, found):
    _, rows = found
    seen = outcomes(rows)
    assert [row for row in rows if row["kind"] == "file"] == [
        {"kind": "file", "test": "test_absent_file.py", "absent": "no_such_library"}
    ]
    needing = ("in_the_test", "behind_an_error_of_ours", "in_place_of_another_error")
    assert {seen[f"test_{name}"] for name in (*needing, "in_a_fixture")} == {"skipped"}
    summary = gpu.report.summary(rows)
    assert summary["files without their library"] == {"no_such_library": 1}
    assert summary["tests without their library"] == {"no_such_library": 4, "nor_this": 1}
    assert summary["skipped because"] == {
        "Skipped: no_such_library is not installed": 4,
        "Skipped: could not import 'nor_this': No module named 'nor_this'": 1,
        "Skipped: PyTorch's way": 1,
    }


def test_what_is_wrong_still_fails(found):
    done, rows = found
    seen = outcomes(rows)
    assert seen["test_wrong"] == seen["test_our_own_module_is_gone"] == "failed"
    assert seen["test_broken.py"] == "failed"
    assert done.returncode == 1
    (text,) = (row["text"] for row in rows if "text" in row and "::test_wrong" in row["test"])
    assert "assert 1 == 2" in text


def test_younger_versions_may_warn_but_not_of_numbers(found):
    seen = outcomes(found[1])
    assert seen["test_of_younger_libraries"] == "passed"
    assert seen["test_of_numbers"] == "failed"


def test_without_the_plugin_a_missing_library_fails(gpu, folder):
    """As in ``ci/test``, which never loads it."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done, rows = run(gpu, folder, [*command, "test_absent_file.py"])
    assert done.returncode == 2
    assert "No module named 'no_such_library'" in done.stdout
    assert rows == []


def test_auto_is_numpy_in_tests_of_the_host_alone(found):
    seen = outcomes(found[1])
    assert seen["test_on_the_host"] == seen["test_on_a_backend"] == "passed"


class Item:
    def __init__(self, path, *names):
        self.path, self.fixturenames = Path(path), names


def test_the_device_comes_first_and_the_slowest_last(gpu):
    items = [
        Item("tests/training/test_crashes.py", "backend"),
        Item("tests/training/test_survey.py"),
        Item("tests/core/test_paper.py"),
        Item("tests/training/test_train.py", "backend"),
        Item("tests/core/test_paper.py", "backend"),
    ]
    assert sorted(items, key=gpu.pytest.order) == [items[i] for i in (4, 3, 2, 1, 0)]


def test_every_slow_file_is_there(gpu):
    tests = Path(__file__).parents[1]
    files = {path.stem for part in gpu.pytest.FOLDERS for path in (tests / part).glob("test_*.py")}
    assert set(gpu.pytest.LAST) <= files
