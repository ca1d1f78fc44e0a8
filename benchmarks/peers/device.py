"""Measure on a device: python -m benchmarks.peers --device cuda [--quick] [--seconds N] [--out]."""

import importlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.peers import cells, on_device
from benchmarks.peers.cells import Cell
from bpnet import backends
from bpnet.backends import specs
from bpnet.storage import disk

Found = dict[str, Any]

LARGE = {"cuda": 8192, "rehearsal": 64}
"""Rows and columns of the large product that the peak is measured with."""


PATIENCE = 90.0
"""Seconds that an answer may take, compilation included."""


class Worker:
    """A rival's process, which can be left alone with a question.

    Parameters
    ----------
    device, name : str
        Of :data:`on_device.RIVALS`.
    """

    def __init__(self, device: str, name: str) -> None:
        context = get_context("spawn")
        self._answers, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, device, name))
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Wait until its library is imported: nobody imports while another is timed."""
        with suppress(EOFError, OSError):
            if self._answers.poll(PATIENCE):
                self._answers.recv()

    def ask(self, timeout: float, question: str, *arguments: Any) -> Any:
        """What a function of :mod:`on_device` answers; an error as ``{"error": ...}``."""
        try:
            self._answers.send((question, arguments))
            if self._answers.poll(timeout):
                return self._answers.recv()
        except (EOFError, OSError):
            return {"error": "its process has ended"}
        self.close()
        return {"error": f"no answer within {timeout:.0f} s"}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._answers.close()


def _serve(questions: Any, device: str, name: str) -> None:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the others want memory too
    rival = on_device.RIVALS[device][name]
    with suppress(Exception):  # whoever asks then is told
        importlib.import_module(rival.library)
    questions.send("ready")
    while True:
        try:
            question, arguments = questions.recv()
        except EOFError:
            return
        questions.send(answer(rival, question, arguments))


def answer(rival: on_device.Rival, question: str, arguments: tuple[Any, ...]) -> Any:
    """What a function of :mod:`on_device` gives, or its error on one line."""
    try:
        return getattr(on_device, question)(rival, *arguments)
    except Exception as error:
        text = " ".join(str(error).split())
        return {"error": f"{type(error).__name__}: {text}"[:300]}


@dataclass
class Bench:
    """A run: who takes part in what, and until when.

    Parameters
    ----------
    device : str
        "cuda", or "rehearsal" for the same on the processor.
    grid : list of Cell
        In order of worth.
    names : list of str
        Who runs.
    rounds : int
        Epochs that count.
    seconds : float
        After which nothing new is begun.
    """

    device: str
    grid: list[Cell]
    names: list[str]
    rounds: int = 5
    seconds: float = float("inf")
    found: Found = field(default_factory=lambda: {"products": {}, "cells": {}})

    def run(self) -> Iterator[Found]:
        """Measure, and give each finding as soon as it is known; ``found`` has all of them."""
        self._end = time.monotonic() + self.seconds
        self._workers = {name: Worker(self.device, name) for name in self.names}
        try:
            for worker in self._workers.values():
                worker.ready()
            for piece in (self._products, self._measurements, self._launches):
                yield from piece()
        finally:
            for worker in self._workers.values():
                worker.close()

    def _ask(self, name: str, question: str, *arguments: Any) -> Any:
        """An answer, or None where the time is up."""
        left = min(PATIENCE, self._end - time.monotonic())
        if left <= 0:
            return None
        found = self._workers[name].ask(left, question, *arguments)
        cut = isinstance(found, dict) and "error" in found and time.monotonic() >= self._end
        return None if cut else found

    def _products(self) -> Iterator[Found]:
        for name in self.names:
            spec = self._rival(name).spec
            if spec in {None, "numpy"} or self._rival(name).slow:
                continue
            for precision in dict.fromkeys(cell.precision for cell in self.grid):
                rate = self._ask(name, "product", precision, LARGE[self.device])
                kind = precision or "float32"
                if isinstance(rate, float):
                    found = self.found["products"].setdefault(kind, {})
                    found[name] = rate
                    yield {"kind": "product", "precision": kind, "who": name, "rate": rate}
                elif rate is not None:
                    yield {"kind": "product", "precision": kind, "who": name, **rate}

    def _measurements(self) -> Iterator[Found]:
        pairs = [(cell, name) for cell in self.grid for name in self.names]
        pairs.sort(key=lambda pair: self._rival(pair[1]).slow)
        for cell, name in pairs:
            host = self._rival(name).spec == "numpy"
            if host and (cell.precision or cell.multiplications * cell.steps > cells.HOST):
                continue
            found = self._ask(name, "measure", cell, self.rounds)
            if found is None:
                return
            if "us_a_step" in found and not host:
                found["share_of_peak"] = self._share(cell, found["us_a_step"])
            self.found["cells"].setdefault(str(cell), {})[name] = found
            yield {"kind": "cell", "cell": str(cell), "who": name, **found}

    def _launches(self) -> Iterator[Found]:
        """Counted for each net and optimizer once: they do not depend on the batch."""
        if self.device == "rehearsal" or not find_spec("torch"):
            return
        once = {(cell.sizes, cell.optimizer): cell for cell in reversed(self.grid)}
        for cell in reversed(once.values()):
            for name, before in self.found["cells"].get(str(cell), {}).items():
                if self._rival(name).spec == "numpy" or "error" in before:
                    continue
                found = self._ask(name, "launches", cell)
                if found is None:
                    return
                if "error" not in found:
                    before.update(found)
                yield {"kind": "launches", "cell": str(cell), "who": name, **found}

    def _share(self, cell: Cell, us: float) -> float | None:
        rates = self.found["products"].get(cell.precision or "float32")
        return cell.multiplications / (us * 1e-6) / max(rates.values()) if rates else None

    def _rival(self, name: str) -> on_device.Rival:
        return on_device.RIVALS[self.device][name]


def names(device: str) -> list[str]:
    """Who can run here."""
    return [name for name, rival in on_device.RIVALS[device].items() if find_spec(rival.library)]


def card(device: str) -> str:
    """Name of the GPU, or of what takes its place."""
    if device == "rehearsal":
        return "rehearsal"
    rows = backends.status(["cupy", "torch", "jax"])
    return next((d.name for row in rows for d in row.devices if specs.is_gpu(d.spec)), "unknown")


def file(out: Path, name: str) -> Path:
    """Where results go: ``gpu-CARD.json`` in a folder, or the file itself."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return out if out.suffix == ".json" else out / f"gpu-{slug}.json"


def keep(bench: Bench, about: Found, out: Path) -> Iterator[Found]:
    """Run, and write all that was found after each finding."""
    for row in bench.run():
        result = {**about, "rounds": bench.rounds, **bench.found}
        disk.write(out, (json.dumps(result, indent=1) + "\n").encode())
        yield row


def table(found: Found) -> str:
    """Markdown: microseconds a step, and the share of the peak."""
    who = list(dict.fromkeys(name for cell in found["cells"].values() for name in cell))
    lines = ["| net, batch, optimizer | " + " | ".join(who) + " |", "|---" * (len(who) + 1) + "|"]
    for cell, of in found["cells"].items():
        lines.append(f"| {cell} | " + " | ".join(_shown(of.get(name)) for name in who) + " |")
    return "\n".join(lines)


def _shown(measured: Found | None) -> str:
    if not measured or "error" in measured:
        return "failed" if measured else ""
    share = measured.get("share_of_peak")
    return f"{measured['us_a_step']:.4g}" + (f" ({share:.0%})" if share else "")


def main(asked: Any, about: Callable[[], Found], error: Callable[[str], Any]) -> None:
    """Run the grid, or what of it was asked for, and print it."""
    grid = cells.rehearsal() if asked.device == "rehearsal" else cells.grid(asked.quick)
    parts = [part for part in asked.only.split(",") if part]
    grid = [cell for cell in grid if not parts or any(part in str(cell) for part in parts)]
    here = names(asked.device)
    wanted = [name for name in asked.who.split(",") if name] or here
    absent = [name for name in wanted if name not in here]
    if absent:
        error(f"--who {absent[0]!r}: it is not here; wanted some of {', '.join(here)}")
    if not grid:
        error("no cell of the grid has that text: --only")
    if asked.plot:
        error("--plot draws what --device cpu measures; leave it out")
    if asked.seconds is not None and not asked.seconds > 0:
        error("--seconds wants a number of seconds above 0")
    seconds = asked.seconds or (110.0 if asked.quick else float("inf"))
    bench = Bench(asked.device, grid, wanted, asked.rounds or 5, seconds)
    name = card(asked.device)
    out = file(asked.out or Path("benchmarks/results"), name)
    for row in keep(bench, {**about(), "device": name}, out):
        print(json.dumps(row), flush=True)
    print(f"\nmicroseconds a step (share of the peak)\n\n{table(bench.found)}\n\n{out}")
