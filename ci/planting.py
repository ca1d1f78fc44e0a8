"""Plants faults one at a time in a copy of a tree and runs the tests that are to catch each."""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENOUGH = 0.95
PATIENCE = 60.0
"""Seconds that tests may take beyond ten times what they take without a fault."""
HIDDEN = shutil.ignore_patterns(".*", "__pycache__")
BUILT = shutil.ignore_patterns("site", "build", "dist", "runs")
"""What commands leave in the tree; a package of the tree may have such a name."""
PYTEST = ("-m", "pytest", "-x", "-q", "-rfE", "-p", "no:cacheprovider")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """Text of a file, what stands in its place, and the tests that are to notice."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def room(self) -> str:
        parts = Path(self.file).parts
        return parts[1] if len(parts) > 2 else parts[0]

    def __str__(self) -> str:
        return f"{self.file}: {' '.join(self.old.split())[:60]}"


@dataclass(frozen=True)
class Outcome:
    """What tests did: nothing, or the first that failed, and how long they took."""

    caught: str | None
    seconds: float


def read(path: Path) -> list[Fault]:
    """Faults of a list.

    Raises
    ------
    ValueError
        If it is no such list, in one line.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
        faults = [Fault(e["file"], e["old"], e["new"], tuple(e["tests"])) for e in entries]
    except (OSError, ValueError, LookupError, TypeError) as error:
        msg = f"{path} is no list of faults ({error!r}); give [[fault]] file, old, new, tests"
        raise ValueError(msg) from error
    for fault in faults:
        if fault.old == fault.new or not fault.tests:
            msg = f"{path}: {fault} changes nothing, or names no tests; mend the entry"
            raise ValueError(msg)
    return faults


def stale(fault: Fault, root: Path) -> str:
    """Why an entry no longer fits a tree; empty where it does."""
    try:
        count = (root / fault.file).read_text(encoding="utf-8").count(fault.old)
    except OSError:
        return "there is no such file"
    gone = [test for test in fault.tests if not (root / test.partition("::")[0]).is_file()]
    if count != 1:
        return f"the old text occurs {count} times, not once"
    return f"there is no {gone[0]}" if gone else ""


def copied(root: Path, copy: Path) -> None:
    """Copy a tree without hidden files and what was built beside its packages."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        built = BUILT(folder, names) if Path(folder) == root else set()
        return HIDDEN(folder, names) | built

    shutil.copytree(root, copy, ignore=left_out)


@contextmanager
def planted(fault: Fault, root: Path) -> Iterator[None]:
    """Put a fault into its file, and take it out again."""
    path = root / fault.file
    text = path.read_text(encoding="utf-8")
    _write(path, text.replace(fault.old, fault.new))
    try:
        yield
    finally:
        _write(path, text)


def _write(path: Path, text: str) -> None:
    """Write a module, and forget what Python compiled: it tells files apart by size and second."""
    path.write_text(text, encoding="utf-8")
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def run(tests: Sequence[str], root: Path, limit: float) -> Outcome:
    """Run tests on NumPy until one fails; a run that does not end has noticed something too."""
    own = {"PYTHONPATH": str(root), "BPNET_TEST_BACKENDS": "numpy", "OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *PYTEST, *tests], cwd=root, env={**os.environ, **own}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _end(process)
        return Outcome(f"a timeout of {limit:.0f} s", limit)
    except BaseException:
        _end(process)
        raise
    found, status = FAILED.search(output), process.returncode
    caught = (found[1] if found else f"pytest's exit status {status}") if status else None
    return Outcome(caught, time.monotonic() - start)


def _end(process: "subprocess.Popen[str]") -> None:
    """End a run with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def measure(faults: Sequence[Fault], root: Path) -> int:
    """Plant each fault in a copy of the tree, tell what came of it, and return the exit status.

    Raises
    ------
    ValueError
        If tests fail without a fault.
    """
    tried, caught, unfit = Counter[str](), Counter[str](), 0
    alone: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copy = Path(folder) / "tree"
        copied(root, copy)
        for fault in faults:
            if why := stale(fault, copy):
                print(f"stale     {fault}: {why}", flush=True)
                unfit += 1
                continue
            for test in fault.tests:
                if test not in alone:
                    alone[test] = _without_fault(test, copy)
            limit = PATIENCE + 10 * sum(alone[test] for test in fault.tests)
            with planted(fault, copy):
                outcome = run(fault.tests, copy, limit)
            tried[fault.room] += 1
            caught[fault.room] += outcome.caught is not None
            verdict = f"caught    {fault}: by {outcome.caught}"
            print(verdict if outcome.caught else f"SURVIVED  {fault}", flush=True)
    for room in sorted(tried):
        print(f"{room:<12} {_share(caught[room], tried[room])}")
    ending = f", {unfit} stale" if unfit else ""
    print(f"{'all':<12} {_share(caught.total(), tried.total())}{ending}")
    return int(unfit > 0 or caught.total() < ENOUGH * tried.total())


def _without_fault(test: str, root: Path) -> float:
    """Seconds of tests that pass, as they must before a fault can tell anything."""
    outcome = run([test], root, 3600.0)
    if outcome.caught:
        msg = f"{outcome.caught} fails without a fault; mend that first"
        raise ValueError(msg)
    return outcome.seconds


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} caught" + (f", {100 * part / whole:.1f} %" if whole else "")


def chosen(faults: list[Fault], only: str | None, sample: int | None, seed: int) -> list[Fault]:
    """Faults of a room or of files that a pattern fits, and so many of them drawn by a seed."""
    if only is not None:
        faults = [f for f in faults if f.room == only or fnmatch(f.file, only)]
    if sample is not None and sample < len(faults):
        drawn = set(random.Random(seed).sample(range(len(faults)), sample))
        faults = [fault for i, fault in enumerate(faults) if i in drawn]
    return faults


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="ci/faults", description=__doc__)
    parser.add_argument("--only", metavar="ROOM", help="core, or a pattern of files: '*lbfgs.py'")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, drawn")
    parser.add_argument("--seed", type=int, default=0, help="of that draw")
    parser.add_argument("--list", type=Path, default=ROOT / "ci" / "faults.toml", metavar="FILE")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        faults = chosen(read(given.list), given.only, given.sample, given.seed)
        if not faults:
            parser.error(f"--only {given.only}, --sample {given.sample} leave no fault to plant")
        return measure(faults, given.root)
    except ValueError as error:
        print(f"ci/faults: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
