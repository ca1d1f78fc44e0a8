"""``bpnet check``."""

import importlib
import platform
import shutil
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import bpnet
from bpnet.backends import Backend
from bpnet.cli import options, screen
from bpnet.errors import InputError, one_line


def check(
    backend: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BACKEND]...",
            help="Backend to check, such as cupy or torch:cuda:1. By default, the one that auto "
            "takes.",
            show_default=False,
        ),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(help="Name of a module to check that follows the Array API standard."),
    ] = None,
    parity: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="Train on backends A and B, and compare them layer by layer. --json has every "
            "step.",
        ),
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="Floating-point type of --parity: float32 or float64.")
    ] = "float32",
    json_: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show failures only.")] = False,
) -> int:
    """Check a backend on this machine: equations, gradients, training and random numbers.

    The exit status is 1 if a check fails.

    Examples:

      bpnet check cupy
      bpnet check numpy torch --json > report.json
      bpnet check --parity numpy cupy
      bpnet check --module mylib
    """
    if parity is not None:
        if backend or module is not None:
            msg = "--parity compares the two backends it names; leave the others out"
            raise InputError(msg)
        return _compare(*parity, dtype, json_)
    chosen = [bpnet.backends.get(spec) for spec in backend or []]
    if module is not None:
        chosen.append(_of_module(module))
    chosen = chosen or [bpnet.backends.select().backend]
    reports = [_check(report, show=not json_, quiet=quiet) for report in chosen]
    if json_:
        screen.give({**_here(), "backends": reports})
    return 0 if all(report["passed"] for report in reports) else 1


def _of_module(name: str) -> Backend:
    """Backend of any module that follows the Array API standard."""
    if not all(part.isidentifier() for part in name.split(".")):
        msg = f"--module {name} is no name of a module; give one on Python's path, such as mylib.xp"
        raise InputError(msg)
    try:
        module = importlib.import_module(name)
    except Exception as error:  # importing a module runs its code, which may raise anything
        what = one_line(error, typed=not isinstance(error, ImportError))
        msg = f"--module {name} can't be imported ({what}); give a module on Python's path"
        raise InputError(msg) from error
    return bpnet.backends.get(module)


def _here() -> dict[str, str]:
    return {
        "bpnet": bpnet.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _check(backend: Backend, *, show: bool, quiet: bool) -> dict[str, Any]:
    """Print the rows of a check as they come; return the report as plain data."""
    from bpnet.check import check

    start, rows = time.perf_counter(), []
    if show:
        screen.row(f"{backend.spec}, {backend.name} {backend.version}, bpnet {bpnet.__version__}")
        screen.row(f"{'':<6}{'':<11}{'':<35}{'dtype':<10}{'error':>8} {'bound':>8}")
    for row in check(backend):
        rows.append(row)
        if show and not (quiet and row.passed):
            line = str(row)
            # on a narrow terminal the note of a passed check would break the line
            fits = not row.passed or len(line) <= shutil.get_terminal_size((1000, 24)).columns
            screen.row(line if fits else line.removesuffix(row.note))
    seconds = time.perf_counter() - start
    failed = sum(not row.passed for row in rows)
    if show:
        verdict = f"{failed} of {len(rows)} FAILED" if failed else f"all {len(rows)} passed"
        screen.row(f"{backend.spec}: {verdict} in {seconds:.1f} s")
    return {
        "backend": backend.spec,
        "version": backend.version,
        "seconds": seconds,
        "passed": not failed,
        "rows": [row.as_dict() for row in rows],
    }


def _compare(one: str, other: str, dtype: str, json_: bool) -> int:
    """Train on two backends and print the largest differences by layer; return the exit status."""
    from bpnet.check import compare

    comparison = compare(one, other, dtype)
    first = comparison.first_past
    if json_:
        screen.give({**_here(), **comparison.as_dict()})
        return 0 if first is None else 1
    pair = f"{comparison.one} and {comparison.other}"
    screen.row(f"{pair}, 100 steps in {dtype}; largest difference over the steps")
    _table(
        ("layer", "", "relative", "absolute", "ulp", "at step", f"past {comparison.bound:g}"),
        [
            (
                str(d.layer),
                d.quantity,
                f"{d.relative:.1e}",
                f"{d.absolute:.1e}",
                f"{d.ulp:.3g}",
                str(d.step),
                "never" if d.first_past is None else f"from step {d.first_past}",
            )
            for d in comparison.deviations
        ],
    )
    if first is None:
        screen.row(f"no step is past the relative bound {comparison.bound:g}")
        return 0
    where = f"{first.quantity} of layer {first.layer}"
    bound = f"the bound {comparison.bound:g}"
    screen.row(f"step {first.first_past} is the first past {bound}, in {where}")
    return 1


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        screen.row("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
