"""``python -m tests.fuzz --inputs 100000``: damaged files of every format, given to bpnet.

Each must be taken or refused with one line: no traceback, none that takes longer than 5 seconds, or
more than 200 MB beside its own size. An input is a function of the seed and its number, so that one
can be had again: ``--only NUMBER``.
"""

import argparse
import multiprocessing
import os
import queue
import sys
import tempfile
import time
import warnings
from pathlib import Path

SECONDS = 5


class Watched:
    """A worker on its share of the inputs; a new one where one has died or hangs."""

    def __init__(self, context, seed, indices, place):
        from tests.fuzz.worker import NAMES

        self.context, self.seed, self.left, self.place = context, seed, indices, place
        self.counts = context.Array("q", 2 * len(NAMES), lock=False)
        self.found = context.Queue()
        self.begin()

    def begin(self):
        from tests.fuzz.worker import work

        self.beat = self.context.Array("d", [-2, time.monotonic()], lock=False)
        arguments = (self.seed, self.left, self.place, self.beat, self.counts, self.found)
        self.process = self.context.Process(target=work, args=arguments, daemon=True)
        self.process.start()

    def look(self):
        """Whether it goes on; and what is wrong with the input at which it stopped, if it did."""
        index, since = int(self.beat[0]), time.monotonic() - self.beat[1]
        alive = self.process.is_alive()
        if alive and (index == -2 or since < SECONDS):
            return True, None
        if index == -1:
            self.process.join()
            return False, None
        wrong = f"took longer than {SECONDS} s"
        if alive:
            self.process.kill()
        self.process.join()
        if not alive:
            wrong = f"ended the process with status {self.process.exitcode}"
        self.left = self.left[self.left.index(index) + 1 :] if index >= 0 else []
        self.begin()
        return True, (index, wrong)


def run(arguments=None):
    parser = argparse.ArgumentParser(prog="ci/fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, help="number of one input, to see what it does")
    asked = parser.parse_args(arguments)
    os.environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        return fuzz(asked, Path(name))


def fuzz(asked, place):
    import h5py  # noqa: F401  (forked processes have both already)
    import polars  # noqa: F401

    from tests.fuzz import targets
    from tests.fuzz.worker import NAMES, attempt, kind_of

    context = multiprocessing.get_context("fork")
    first = context.Process(target=targets.prepare, args=(place,))
    first.start()
    first.join()
    if asked.only is not None:
        folder = place / "only"
        folder.mkdir()
        warnings.simplefilter("error")
        print(kind_of(asked.only), attempt(asked.seed, asked.only, place, folder))
        return 0
    start = time.monotonic()
    shares = [range(i, asked.inputs, asked.workers) for i in range(asked.workers)]
    watched = [Watched(context, asked.seed, share, place) for share in shares]
    going, bad, bounded = set(watched), [], 0
    while going:
        time.sleep(0.02)
        for worker in list(going):
            alive, wrong = worker.look()
            if wrong and kind_of(wrong[0]) == "parquet" and "status -6" in wrong[1]:
                bounded += 1  # memory ran out: it is a process of its own that ends
            elif wrong:
                bad.append(wrong)
            if not alive:
                going.discard(worker)
    for worker in watched:
        while True:
            try:
                bad.append(worker.found.get(timeout=0.2))
            except queue.Empty:
                break
    counts = [sum(column) for column in zip(*(worker.counts for worker in watched), strict=True)]
    for i, kind in enumerate(NAMES):
        print(f"{kind:12s}{counts[2 * i]:8d} taken{counts[2 * i + 1]:8d} refused")
    print(f"parquet     {bounded:8d} of them stopped by the limit on memory")
    print(f"{time.monotonic() - start:8.0f} s, {len(bad)} failures")
    for index, wrong in sorted(bad)[:40]:
        print(f"\n--only {index} ({kind_of(index)}): {wrong}")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(run())
