"""The report of ci/gpu: report.json has what was found, report.txt what a reader needs of it."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpu_rows import Row
from gpu_run import Result

from bpnet.storage import disk

CHARACTERS = 11_000
"""Of report.txt at most: a terminal that shows the last 12,000 shows all of it."""

MOST = 60
"""Failing tests of report.json."""

BYTES = 900_000
"""Of report.json at most: rows of the longest step are left out before."""

LACKING = re.compile(r"could not import '(\w+)|Skipped: (\w+) is not installed")
"""A reason to skip a test, and the library that it names."""

LINES = 8
"""Of a traceback in report.txt."""


@dataclass(frozen=True)
class Report:
    """Where the report goes, and what is known before the first step."""

    folder: Path
    about: dict[str, Any]

    def write(self, results: list[Result]) -> None:
        """Both files anew, each complete at any moment."""
        steps = [_document(result) for result in results]
        content = json.dumps({**self.about, "steps": steps}).encode()
        while len(content) > BYTES and any(step["rows"] for step in steps):
            most = max(steps, key=lambda step: len(step["rows"]))
            most["rows"] = most["rows"][: len(most["rows"]) // 2]
            most["cut"] = True
            content = json.dumps({**self.about, "steps": steps}).encode()
        disk.write(self.folder / "report.json", content + b"\n")
        disk.write(self.folder / "report.txt", self.text(results).encode())

    def text(self, results: list[Result]) -> str:
        """The report for a reader: verdicts first, then figures, then what failed."""
        lines = [" ".join(f"{key} {value}" for key, value in self.about.items()), ""]
        lines += [verdict(result) for result in results]
        for result in results:
            figures = list(_figures(result))
            lines += ["", result.name, *figures] if figures else []
        failures = [line for result in results for line in _failures(result)]
        if failures:
            lines += ["", "WHAT FAILED", *failures]
        text = "\n".join(lines) + "\n"
        if len(text.encode()) <= CHARACTERS:
            return text
        kept = text.encode()[: CHARACTERS - 40].decode(errors="ignore").rpartition("\n")[0]
        return kept + "\n... the rest is in report.json\n"


def verdict(result: Result) -> str:
    """A step on one line."""
    why = result.why.partition("\n")[0]
    return f"{result.name:<14}{result.verdict:<13}{result.seconds:6.1f} s  {why}".rstrip()


def _document(result: Result) -> dict[str, Any]:
    found = asdict(result)
    if result.name == "tests":
        found["rows"], found["tests"] = [], summary(result.rows)
    return found


def summary(rows: list[Row]) -> dict[str, Any]:
    """Tests in numbers, what was left out, and the failures."""
    ended = [row for row in rows if row["kind"] == "test"]
    begun = [row["test"] for row in rows if row["kind"] == "began"]
    outcomes = Counter(row["outcome"] for row in ended)
    collected = sum(row["tests"] for row in rows if row["kind"] == "collected")
    missing = Counter(row["absent"] for row in rows if row["kind"] == "file")
    named = [LACKING.search(row["text"]) for row in ended if row["outcome"] == "skipped"]
    absent = Counter(found[1] or found[2] for found in named if found)
    reasons = Counter(row["text"] for row in ended if row["outcome"] == "skipped")
    failed = [row for row in ended if row["outcome"] == "failed"]
    slowest = sorted(ended, key=lambda row: -row.get("seconds", 0.0))[:20]
    return {
        **outcomes,
        "collected": collected,
        "not reached": collected - len(set(begun)),
        "files without their library": dict(missing),
        "tests without their library": dict(absent),
        "skipped because": dict(reasons.most_common(40)),
        "last begun": begun[-1] if begun else None,
        "failures": failed[:MOST],
        "slowest": [[row["test"], row.get("seconds")] for row in slowest],
    }


def _figures(result: Result) -> Iterator[str]:
    by_kind: dict[str, list[Row]] = {}
    for row in result.rows:
        by_kind.setdefault(row.get("kind", ""), []).append(row)
    shown = {
        "machine": _machine,
        "backend": _backends,
        "row": _groups,
        "parity": _parity,
        "product": _products,
        "cell": _cells,
        "collected": lambda _: _tests(result.rows),
    }
    for kind, rows in by_kind.items():
        if kind in shown:
            yield from shown[kind](rows)


def _machine(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        yield f"  {row['platform']}, Python {row['python']}, {row['cores']} cores; {row['driver']}"
        yield "  " + ", ".join(f"{name} {v}" for name, v in row["packages"].items())


def _backends(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        found = "; ".join(str(device["name"]) for device in row["devices"][:2])
        said = f"usable, {found}" if row["usable"] else f"not usable: {row['why']}"
        yield f"  {row['name']:<18}{said}"[:160]


def _groups(rows: list[Row]) -> Iterator[str]:
    for key in dict.fromkeys((row["backend"], row["group"], row["dtype"]) for row in rows):
        of = [row for row in rows if (row["backend"], row["group"], row["dtype"]) == key]
        failed = sum(not row["passed"] for row in of)
        shares = [row["error"] / row["bound"] for row in of if row["bound"] and row["error"]]
        worst = f", the largest error {max(shares):.1%} of its bound" if shares else ""
        yield f"  {' '.join(key):<44}{len(of):>4} rows, {failed} failed{worst}"


def _parity(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        largest = max((d["relative"] or 0.0) for d in row["deviations"])
        past = row["first_past"]
        verdict = f"past the bound from step {past['first_past']}" if past else "no step past it"
        yield f"  {row['dtype']}: largest {largest:.1e}, bound {row['bound']:g}, {verdict}"


def _products(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        rate = f"{2 * row['rate'] / 1e12:.3g} TFLOP/s" if "rate" in row else row["error"]
        yield f"  large product, {row['precision']:<8}{row['who']:<24}{rate}"


def _cells(rows: list[Row]) -> Iterator[str]:
    yield f"  {'':<24}{'us a step':>11}{'least':>10}{'most':>10}{'first s':>9}{'peak MB':>9}  share"
    for cell in dict.fromkeys(row["cell"] for row in rows):
        yield f"  {cell}"
        for row in (row for row in rows if row["cell"] == cell):
            if "error" in row:
                yield f"    {row['who']:<22}failed: {row['error'][:100]}"
                continue
            numbers = [row[key] for key in ("us_a_step", "least_us", "most_us")]
            peak, share = row["peak_MB"], row.get("share_of_peak")
            yield (
                f"    {row['who']:<22}{numbers[0]:11.1f}{numbers[1]:10.1f}{numbers[2]:10.1f}"
                f"{row['first_s']:9.2f}"
                + ("" if peak is None else f"{peak:9.0f}")
                + ("" if share is None else f"  {share:.1%}")
            )


def _tests(rows: list[Row]) -> Iterator[str]:
    found = summary(rows)
    words = ("passed", "failed", "skipped", "xfailed", "not reached")
    counts = ", ".join(f"{found[word]} {word}" for word in words if found.get(word))
    yield f"  {counts}, of {found['collected']}"
    for what in ("files without their library", "tests without their library"):
        if missing := found[what]:
            yield f"  {what}: " + ", ".join(f"{n} {library}" for library, n in missing.items())
    if found["not reached"]:
        yield f"  the last that began: {found['last begun']}"


def _failures(result: Result) -> Iterator[str]:
    for row in result.rows:
        if row["kind"] == "row" and not row["passed"]:
            where = f"{row['backend']} {row['group']} {row['name']} {row['dtype']}"
            yield f"{where}: error {row['error']}, bound {row['bound']:g}; {row['note']}"
        elif row.get("outcome") == "failed":
            yield row["test"]
            yield from (f"    {line}"[:200] for line in row["text"].splitlines()[-LINES:])
    told = any(row.get("passed") is False or row.get("outcome") == "failed" for row in result.rows)
    raised = result.name != "tests" and "Traceback" in result.why
    if not result.well and result.why and (raised or not told):
        yield f"{result.name}: {result.verdict}"
        yield from (f"    {line}"[:200] for line in result.why.splitlines()[-LINES:])
