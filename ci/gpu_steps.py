"""ci/gpu: reads what was asked, looks whether it can run, and runs the steps of gpu_plan.py."""

import argparse
import importlib.util
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

import gpu_plan

ROOT = Path(__file__).resolve().parents[1]

CLOSING = 4.0
"""Seconds of the budget in which the report is written and what is temporary goes."""

NEEDED = (
    *("numpy", "array_api_compat", "array_api_extra", "safetensors", "threadpoolctl", "typer"),
    *("rich", "pytest", "hypothesis"),
)
"""Modules without which nothing runs."""


def refuse(message: str) -> NoReturn:
    """One line on standard error, and status 2."""
    print(f"ci/gpu: {message}", file=sys.stderr)
    sys.exit(2)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        refuse(f"{message}; wanted: ci/gpu [--wheels DIR] [--seconds N] [--only NAME,...] "
               "[--rehearse] FOLDER")  # fmt: skip


def asked(arguments: list[str]) -> argparse.Namespace:
    """The arguments, or one line that says what is wrong with them."""
    parser = Parser(prog="ci/gpu", description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="for the report")
    parser.add_argument("--wheels", metavar="DIR", type=Path, help="packages to put in front")
    parser.add_argument("--seconds", metavar="N", default="480", help="for all steps together")
    parser.add_argument("--only", metavar="NAME,...", help=", ".join(gpu_plan.NAMES))
    parser.add_argument("--rehearse", action="store_true", help="on a processor, without a GPU")
    found = parser.parse_args(arguments)
    try:
        found.seconds = float(found.seconds)
    except ValueError:
        found.seconds = math.nan
    if not 0 < found.seconds < math.inf:
        refuse("--seconds wants a number of seconds, such as 280")
    found.only = None if found.only is None else found.only.split(",")
    for name in found.only or ():
        if name not in gpu_plan.NAMES:
            refuse(f"--only has no step {name!r}; wanted some of {','.join(gpu_plan.NAMES)}")
    if found.wheels and not list(found.wheels.glob("*.whl")):
        refuse(f"--wheels {found.wheels} is no folder with *.whl in it")
    for name in ("report.txt", "report.json"):
        if (found.folder / name).exists():
            refuse(f"{found.folder} has a {name} already; give another folder")
    return found


def install(wheels: Path, site: Path) -> None:
    """Put the packages of a folder into a folder of their own, without a network."""
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps")
    options = ("--no-cache-dir", "--no-compile", "--disable-pip-version-check", "--target")
    files = sorted(str(file.resolve()) for file in wheels.glob("*.whl"))
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    done = subprocess.run(
        [*pip, *options, str(site), *files], env=variables, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        refuse(f"--wheels {wheels}: pip can't install them ({last}); keep one of each package")


def set_paths(scratch: Path) -> None:
    """What all steps import from, and where they may write: not into the checkout."""
    front = [str(ROOT), str(ROOT / "ci"), str(scratch / "site")]
    before = [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    os.environ["PYTHONPATH"] = os.pathsep.join([*front, *before])
    sys.path[:0] = front
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(scratch / "hypothesis")
    os.environ["XDG_CACHE_HOME"] = str(scratch / "cache")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # or JAX takes the memory
    importlib.invalidate_caches()
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names = " ".join(missing).replace("_", "-")
        refuse(f"{sys.executable} lacks {names}; give a folder of their wheels: --wheels DIR")


def place(rehearse: bool) -> gpu_plan.Place:
    """The backends that take part, or one line that says why there are none."""
    from bpnet.backends import hardware, libraries, selection

    if rehearse:
        if not libraries.installed("array_api_strict"):
            refuse("--rehearse wants array-api-strict; pip install it, or give it by --wheels DIR")
        specs = [f"{n}:cpu" if libraries.installed(n) else None for n in ("torch", "jax")]
        return gpu_plan.Place("array_api_strict:device1", *specs, device="rehearsal")
    driver = hardware.cuda_driver()
    if not driver.devices:
        refuse(f"{driver.describe()}; run this where nvidia-smi lists a GPU, or --rehearse")
    found = set(selection.candidates(frozenset({"cuda"})))
    return gpu_plan.Place(torch=_of("torch:cuda", found), jax=_of("jax:gpu", found))


def _of(spec: str, found: set[str]) -> str | None:
    return spec if spec in found else None


def chosen(steps: list[gpu_plan.Step], only: list[str] | None) -> list[gpu_plan.Step]:
    """The steps that were asked for, all of which must be possible here."""
    here = [step.name for step in steps]
    for name in only or ():
        if name not in here:
            refuse(f"--only {name}: its library has no GPU here; wanted some of {','.join(here)}")
    return [step for step in steps if only is None or step.name in only]


def about(options: argparse.Namespace) -> dict[str, Any]:
    """What the report begins with."""
    from benchmarks.peers.__main__ import about as here

    known = here()
    asked_for = {"seconds": options.seconds, "rehearsal": options.rehearse}
    return {"date": known["date"], "commit": known["commit"], **asked_for}


def main(arguments: list[str]) -> int:
    """Run all that was asked for; 0 if all of it went well, else 1, or 128 and the signal."""
    end = time.monotonic() - CLOSING
    options = asked(arguments)
    end += options.seconds
    stopped = _on_signals()
    with tempfile.TemporaryDirectory(prefix="bpnet-gpu-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        if options.wheels:
            install(options.wheels, scratch / "site")
        set_paths(scratch)
        where = place(options.rehearse)
        folder = options.folder.resolve()
        steps = chosen(gpu_plan.plan(where, folder, scratch, options.seconds), options.only)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            refuse(f"{folder} can't be made ({error.strerror}); give another folder")
        import gpu_report
        import gpu_run

        report = gpu_report.Report(folder, about(options))
        results = gpu_run.run(steps, end, scratch, report.write)
    for result in results:
        print(gpu_report.verdict(result))
    if stopped:
        return 128 + stopped[0]
    return 0 if all(result.well for result in results) else 1


def _on_signals() -> list[int]:
    """Let a signal end the step that runs, and the report be written; the list remembers it."""
    seen: list[int] = []

    def stop(number: int, _: Any) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    return seen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
