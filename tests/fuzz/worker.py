"""One process that tries inputs, one after the other, under the eyes of another."""

import os
import random
import resource
import shutil
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from tests.fuzz import targets

MEMORY = 200 << 20
"""Bytes that an input may take beside its own."""

NAMES = tuple(targets.TARGETS)


def kind_of(index):
    return NAMES[index % len(NAMES)]


def attempt(seed, index, place, folder):
    """Try one input. None if it was taken, "" if it was refused, else what is wrong."""
    draw = random.Random(f"{seed}:{index}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zipfile, on a name that is there twice
        call = targets.TARGETS[kind_of(index)](place, folder, draw)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    before = peak(reset=True)
    try:
        call()
        wrong = None
    except targets.REFUSALS as error:
        text = str(error)
        wrong = "" if text.isprintable() and text else f"a message of more than a line: {text!r}"
    except BaseException:  # panics are no Exception
        wrong = traceback.format_exc(limit=-4)
    taken = peak() - before
    if not wrong and taken > MEMORY + size:
        wrong = f"took {taken >> 20} MB for {size:,} bytes"
    return wrong


def peak(reset=False):
    """Most memory held since the last reset, in bytes; of now, after one."""
    if not Path("/proc/self/clear_refs").exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def work(seed, indices, place, beat, counts, found):
    """Try inputs; ``beat`` is (index, time), ``counts`` taken and refused by kind."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)  # where panics are written
    held = peak()
    resource.setrlimit(resource.RLIMIT_DATA, (held + 3 * MEMORY, resource.RLIM_INFINITY))
    warnings.simplefilter("error")
    targets.decode_here()
    root = Path(tempfile.mkdtemp(dir=place))
    for index in indices:
        folder = root / str(index)
        folder.mkdir()
        beat[0], beat[1] = index, time.monotonic()
        wrong = attempt(seed, index, place, folder)
        shutil.rmtree(folder)
        counts[2 * (index % len(NAMES)) + (wrong is not None)] += 1
        if wrong:
            found.put((index, wrong))
    beat[0] = -1
