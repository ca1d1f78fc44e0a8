"""What ci/gpu runs, in order, and the report of it. Nothing here touches a device itself."""

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bpnet.backends import diagnosis, hardware, libraries, selection

LIMIT = 600.0
"""Seconds for all steps together."""


@dataclass(frozen=True)
class Facts:
    """What is known of the machine before anything runs."""

    driver: hardware.CudaDriver
    wheels: tuple[str, ...]
    others: tuple[str, ...] = ()
    """Builds of PyTorch and JAX that know a GPU."""
    strict: bool = False

    @classmethod
    def gather(cls) -> "Facts":
        kinds = frozenset({"cuda"})
        others = tuple(spec for spec in selection.candidates(kinds) if spec != "cupy")
        strict = libraries.installed("array_api_strict")
        return cls(hardware.cuda_driver(), diagnosis.cupy_wheels(), others, strict)


@dataclass(frozen=True)
class Step:
    """One command, the seconds it may take, and what to do when it fails."""

    name: str
    command: tuple[str, ...]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)
    required: bool = False
    json: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a step."""

    name: str
    command: str
    status: int
    seconds: float
    output: object


def plan(facts: Facts, python: str = sys.executable) -> list[Step]:
    """Steps for a machine: a wheel only where there is no CuPy, then checks, suite, benchmarks."""
    bpnet = (python, "-m", "bpnet")
    steps = []
    if not facts.wheels:
        wheel = f"cupy-{hardware.cuda_major(facts.driver)}x[ctk]>=14"
        steps.append(
            Step("install", (python, "-m", "pip", "install", "-q", wheel), 240, required=True)
        )
    steps += [
        Step("backends", (*bpnet, "backends", "--json"), 60, json=True),
        Step("check cupy", (*bpnet, "check", "cupy", "--json"), 120, json=True),
        Step("parity", (*bpnet, "check", "--parity", "numpy", "cupy", "--json"), 60, json=True),
    ]
    legs = ",".join(("numpy", "cupy", *(["array_api_strict"] if facts.strict else [])))
    variables = {"BPNET_TEST_BACKENDS": legs, "BPNET_TEST_CUPY": "1"}
    pytest = (python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    steps.append(Step("suite", pytest, 330, variables))
    for name in facts.others:
        steps.append(Step(f"check {name}", (*bpnet, "check", name, "--json"), 90, json=True))
    names = ",".join(("numpy", "cupy", *facts.others))
    for hidden, k in (("30", 10), ("512,512", 128), ("2048,2048", 1024)):
        options = ("--backend", names, "--hidden", hidden, "--batch-size", str(k), "--seconds", "2")
        command = (*bpnet, "bench", *options, "--json")
        steps.append(Step(f"bench {hidden}, batch {k}", command, 90, json=True))
    return steps


def run(steps: list[Step], limit: float = LIMIT) -> list[Result]:
    """Run the steps until one that is required fails, or the time is up."""
    results: list[Result] = []
    end = time.monotonic() + limit
    for step in steps:
        left = min(step.limit, end - time.monotonic())
        print(f"{step.name} ...", flush=True)
        results.append(_run(step, left) if left > 0 else _skipped(step))
        print(f"{step.name}: {_verdict(results[-1])}", flush=True)
        if step.required and results[-1].status:
            break
    return results


def _run(step: Step, limit: float) -> Result:
    start = time.monotonic()
    try:
        done = subprocess.run(
            step.command,
            env={**os.environ, **step.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        status, output, error = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        status, error = 124, f"ended after {limit:.0f} s"
        output = late.stdout.decode(errors="replace") if late.stdout else ""
    found: object = "\n".join([*output.splitlines()[-40:], *error.splitlines()[-20:]])
    if step.json:
        try:
            found = json.loads(output)
        except ValueError:
            status = status or 1
    return Result(step.name, " ".join(step.command), status, time.monotonic() - start, found)


def _skipped(step: Step) -> Result:
    return Result(step.name, " ".join(step.command), 124, 0.0, "no time was left")


def _verdict(result: Result) -> str:
    return f"{'ok' if result.status == 0 else f'status {result.status}'}, {result.seconds:.1f} s"


def table(results: list[Result]) -> str:
    """The report as text: steps, errors of the check by group, seconds of the benchmark."""
    lines = [f"{r.name:<28}{_verdict(r)}" for r in results]
    for r in results:
        if r.name.startswith("check") and isinstance(r.output, dict):
            lines += ["", *_groups(r.output)]
        if r.name.startswith("bench") and isinstance(r.output, list):
            lines += ["", r.name, *(_timing(t) for t in r.output)]
    return "\n".join(lines) + "\n"


def _groups(report: dict) -> list[str]:
    lines = []
    for backend in report["backends"]:
        lines.append(f"{backend['backend']} {backend['version']}, {backend['seconds']:.1f} s")
        rows = backend["rows"]
        for key in dict.fromkeys((row["group"], row["dtype"]) for row in rows):
            of = [row for row in rows if (row["group"], row["dtype"]) == key]
            failed = [row["name"] for row in of if not row["passed"]]
            share = max((row["error"] or 0) / row["bound"] if row["bound"] else 0 for row in of)
            text = f"  {key[0]:<12}{key[1]:<10}{len(of):>3} rows, the largest error at {share:.0%}"
            lines.append(f"{text} of its bound" + (f"; FAILED: {failed}" if failed else ""))
    return lines


def _timing(timing: dict) -> str:
    if timing["error"]:
        return f"  {timing['backend']:<28}failed: {timing['error']}"
    rate = timing["samples"] / timing["epoch"]
    return f"  {timing['backend']:<28}{timing['epoch']:.5f} s an epoch, {rate:,.0f} samples/s"


def main(arguments: list[str], facts: Facts | None = None) -> int:
    facts = facts or Facts.gather()
    if not facts.driver.devices:
        print(
            f"ci/gpu: {facts.driver.describe()}; run this where nvidia-smi lists a GPU",
            file=sys.stderr,
        )
        return 2
    folder = Path(arguments[0] if arguments else "gpu-report")
    folder.mkdir(parents=True, exist_ok=True)
    results = run(plan(facts))
    report = {
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "driver": facts.driver.describe(),
        "wheels": facts.wheels,
        "others": facts.others,
        "steps": [asdict(result) for result in results],
    }
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "report.txt").write_text(table(results), encoding="utf-8")
    print(table(results) + f"\nreport: {folder}/report.json, {folder}/report.txt")
    return 1 if any(result.status for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
