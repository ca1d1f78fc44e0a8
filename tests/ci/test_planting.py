"""``ci/faults`` on a small tree, with faults that are caught, that are not, and that are stale."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = "def half(n):\n    return n // 2\n\n\ndef double(n):\n    return 2 * n\n"
TESTS = "from pair.of import half\n\n\ndef test_half():\n    assert half(5) == 2\n"
ENTRY = "[[fault]]\nfile = {!r}\nold = {!r}\nnew = {!r}\ntests = {!r}\n"
CAUGHT = ("pair/of.py", "n // 2", "n / 2", ["tests/test_of.py"])
SURVIVES = ("pair/of.py", "2 * n", "3 * n", ["tests/test_of.py"])
STALE = ("pair/of.py", "n + 2", "n + 3", ["tests/test_of.py"])
TWICE = ("pair/of.py", "return", "yield", ["tests/test_of.py"])
NO_TEST = ("pair/of.py", "2 * n", "3 * n", ["tests/test_gone.py"])
BREAKS = ("pair/of.py", "def half(n)", "def half(n", ["tests/test_of.py"])


@pytest.fixture(scope="module")
def planting():
    spec = importlib.util.spec_from_file_location("planting", ROOT / "ci" / "planting.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["planting"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["planting"]


@pytest.fixture
def tree(tmp_path):
    for name, text in {"pair/of.py": MODULE, "tests/test_of.py": TESTS, ".hidden/x": ""}.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    return tmp_path / "tree"


def measured(planting, tree, *entries, options=()):
    """The exit status of the script, given a list of such entries."""
    listed = tree.parent / "list.toml"
    listed.write_text("".join(ENTRY.format(*entry) for entry in entries))
    return planting.main(["--list", str(listed), "--root", str(tree), *options])


def test_what_is_caught_what_is_not_and_what_no_longer_fits(planting, tree, capsys):
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert measured(planting, tree, CAUGHT, SURVIVES, STALE) == 1
    assert capsys.readouterr().out.splitlines() == [
        "caught    pair/of.py: n // 2: by tests/test_of.py::test_half",
        "SURVIVED  pair/of.py: 2 * n",
        "stale     pair/of.py: n + 2: the old text occurs 0 times, not once",
        "pair         1 of 2 caught, 50.0 %",
        "all          1 of 2 caught, 50.0 %, 1 stale",
    ]
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before


def test_all_caught_is_enough_and_a_module_that_breaks_is_caught(planting, tree, capsys):
    assert measured(planting, tree, CAUGHT, BREAKS) == 0
    assert "def half(n): by tests/test_of.py\n" in capsys.readouterr().out


def test_packages_are_copied_whatever_their_names_and_what_was_built_is_not(planting, tree):
    for name in ("pair/runs/of.py", "runs/model", "pair/__pycache__/of.pyc", "site/index.html"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    planting.copied(tree, tree.parent / "copy")
    found = {
        str(path.relative_to(tree.parent / "copy")) for path in tree.parent.glob("copy/**/*.*")
    }
    assert found == {"pair/of.py", "pair/runs/of.py", "tests/test_of.py"}


def test_a_run_without_end_is_caught_and_said(planting, tree, capsys, monkeypatch):
    monkeypatch.setattr(planting, "_without_fault", lambda *_: 0.0)
    monkeypatch.setattr(planting, "PATIENCE", 0.0)
    assert measured(planting, tree, SURVIVES) == 0
    assert "by a timeout of 0 s" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("entry", "why"), [(TWICE, "occurs 2 times"), (NO_TEST, "there is no tests/test_gone.py")]
)
def test_an_entry_that_no_longer_fits_is_told_and_costs_the_success(
    planting, tree, capsys, entry, why
):
    assert measured(planting, tree, entry) == 1
    assert why in capsys.readouterr().out


def test_tests_that_fail_without_a_fault_end_it(planting, tree, capsys):
    (tree / "tests/test_of.py").write_text(TESTS.replace("== 2", "== 3"))
    assert measured(planting, tree, CAUGHT) == 2
    assert "test_half fails without a fault; mend that first" in capsys.readouterr().err


def test_a_list_that_is_none_is_refused(planting, tree, capsys):
    assert planting.main(["--list", str(tree / "pair/of.py"), "--root", str(tree)]) == 2
    assert "is no list of faults" in capsys.readouterr().err
    assert measured(planting, tree, ("pair/of.py", "2", "2", ["tests/test_of.py"])) == 2
    assert "changes nothing" in capsys.readouterr().err


def test_a_room_a_pattern_and_a_sample(planting):
    files = ["bpnet/core/a.py", "bpnet/core/b.py", "bpnet/data/a.py", "bpnet/model/network.py"]
    faults = [planting.Fault(file, "1", "2", ("t",)) for file in files]
    chosen = lambda *given: [fault.file for fault in planting.chosen(faults, *given)]  # noqa: E731
    assert chosen("core", None, 0) == files[:2]
    assert chosen("*/a.py", None, 0) == [files[0], files[2]]
    assert chosen(None, 9, 0) == files
    assert [len(chosen(None, 2, seed)) for seed in range(9)] == [2] * 9
    assert chosen(None, 2, 5) == chosen(None, 2, 5)
    assert len({tuple(chosen(None, 2, seed)) for seed in range(9)}) > 1


def test_every_entry_of_the_list_fits_this_tree(planting):
    faults = planting.read(ROOT / "ci" / "faults.toml")
    assert {str(fault): why for fault in faults if (why := planting.stale(fault, ROOT))} == {}
    with (ROOT / "ci" / "faults.toml").open("rb") as file:
        assert len(tomllib.load(file)["fault"]) == len(set(faults)) >= 150
