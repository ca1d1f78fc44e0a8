"""Holds an installed bpnet against the checkout that it was built from: check_wheel.py CHECKOUT."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import bpnet
from bpnet.requirements import PYPI


def main() -> None:
    checkout = Path(sys.argv[1]).resolve()
    installed = distribution(PYPI)
    files = {file.as_posix() for file in installed.files or ()}
    shipped = {name for name in files if not name.endswith(".pyc")}
    listing = ["git", "-C", str(checkout), "ls-files", "bpnet"]
    tracked = set(
        subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    )
    home = Path(bpnet.__file__).resolve()

    complaints = [f"{name} is not in the wheel" for name in sorted(tracked - shipped)]
    complaints += [
        f"{name} is in the wheel"
        for name in sorted(shipped)
        if name.partition("/")[0] in {"tests", "benchmarks", "ci", "docs"}
    ]
    if not {"bpnet/py.typed", "bpnet/data/builtin/digits.npz"} <= shipped:
        complaints.append("py.typed or digits.npz is missing")
    if not home.is_relative_to(sys.prefix):
        complaints.append(f"bpnet was imported from {home}")
    if bpnet.__version__ != installed.version:
        complaints.append(f"bpnet.__version__ is {bpnet.__version__}, not {installed.version}")
    if complaints:
        sys.exit("\n".join(complaints))
    print(f"wheel: {len(shipped)} files, {PYPI} {installed.version}")


if __name__ == "__main__":
    main()
