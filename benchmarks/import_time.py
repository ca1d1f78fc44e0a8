"""Measures what `import bpnet` adds to `import numpy`, in seconds: the aim is under 0.15.

Each import runs in a new interpreter, the two kinds in turn, and the median of the differences is
printed with the quartiles. The first pair, which writes bytecode and fills the disk's cache, is not
counted. `python benchmarks/import_time.py [PAIRS]`
"""

import os
import platform
import statistics
import subprocess
import sys
import time

AIM = 0.15


def seconds(statement: str) -> float:
    """Return how long a new interpreter takes for a statement, its own start left out."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(run.stdout)


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    numpy, added = [], []
    for _ in range(pairs + 1):
        alone = seconds("import numpy")
        numpy.append(alone)
        added.append(seconds("import numpy, bpnet") - alone)
    low, median, high = statistics.quantiles(added[1:], n=4)
    print(f"Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d')}")
    print(f"import numpy: {statistics.median(numpy[1:]):.3f} s")
    print(f"import bpnet adds {median:.3f} s ({low:.3f} to {high:.3f}; the aim is under {AIM})")


if __name__ == "__main__":
    main()
