"""Runs the steps of ci/gpu, each in a group of processes that is ended when its time is up."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import gpu_rows
from gpu_plan import Step

LEAST = 3.0
"""Seconds that must be left for a step to be begun."""

EVERY = 5.0
"""Seconds between two looks at what a step has told so far."""


@dataclass(frozen=True)
class Result:
    """What came of a step, or has come of it so far.

    Parameters
    ----------
    name : str
        Of the step.
    verdict : str
        "ok", "failed", "ended" by the time, "partial" where that was to be expected, "stopped" by
        a signal, "running" or "not reached".
    seconds : float
        That it took.
    rows : list of dict
        What it told.
    why : str
        The end of what it printed, where it did not end well.
    """

    name: str
    verdict: str
    seconds: float = 0.0
    rows: list[gpu_rows.Row] = field(default_factory=list)
    why: str = ""

    @property
    def well(self) -> bool:
        return self.verdict in {"ok", "partial"}


def run(
    steps: list[Step], end: float, scratch: Path, seen: Callable[[list[Result]], None]
) -> list[Result]:
    """Run the steps until ``end`` of the monotonic clock; ``seen`` gets all results each turn."""
    results: list[Result] = []
    waiting = [Result(step.name, "not reached") for step in steps]
    try:
        for i, step in enumerate(steps):
            if end - time.monotonic() < LEAST:
                break
            for now in _looks(step, min(end, time.monotonic() + step.limit), scratch):
                results[i:] = [now]
                seen(results + waiting[i + 1 :])
    except KeyboardInterrupt:
        results[-1:] = [_stopped(result) for result in results[-1:]]
    results += waiting[len(results) :]
    seen(results)
    return results


def _stopped(result: Result) -> Result:
    if result.verdict != "running":
        return result
    return Result(result.name, "stopped", result.seconds, result.rows)


def _looks(step: Step, end: float, scratch: Path) -> Iterator[Result]:
    """A step as it is at its start, from time to time, and at its end."""
    start = time.monotonic()
    rows, log = scratch / f"{step.name}.rows", scratch / f"{step.name}.log"
    environment = {**os.environ, **step.environment, gpu_rows.VARIABLE: str(rows)}
    yield Result(step.name, "running")
    with log.open("wb") as out:
        process = subprocess.Popen(
            step.command,
            env=environment,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while (left := end - time.monotonic()) > 0 and process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(EVERY, left))
                    break
                took = time.monotonic() - start
                yield Result(step.name, "running", took, gpu_rows.told(rows))
            status = process.poll()
        finally:  # and whatever it started
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    took = time.monotonic() - start
    found = gpu_rows.told(rows)
    verdict, why = _verdict(step, status, found, took)
    yield Result(step.name, verdict, took, found, why and f"{why}\n{_tail(log)}".strip())


def _verdict(
    step: Step, status: int | None, rows: list[gpu_rows.Row], took: float
) -> tuple[str, str]:
    """The word for how a step ended, and why; ``status`` is None where the time ended it."""
    if status is not None:
        return ("ok", "") if status == 0 else ("failed", f"status {status}")
    outcomes = {row.get("outcome") for row in rows}
    why = f"ended after {took:.0f} s"
    if "failed" in outcomes:
        return "failed", why
    return ("partial" if step.partial and "passed" in outcomes else "ended"), why


def _tail(log: Path, most: int = 4000) -> str:
    """End of what a step printed."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return "\n".join(text[-most:].splitlines()[-40:])
