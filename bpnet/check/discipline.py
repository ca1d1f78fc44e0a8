"""Training keeps its dtype, its data on the device, and copies nothing to the host in an epoch."""

from collections.abc import Iterator, Sequence

from bpnet.backends import Backend
from bpnet.backends.dtypes import FLOATS
from bpnet.check import jobs
from bpnet.check.report import BITS, Row
from bpnet.check.watch import Call, Watch


def rows(backend: Backend, names: Sequence[str] = jobs.COMPARED) -> Iterator[Row]:
    """Yield the rows of a float32 run under :class:`Watch`, for each optimizer."""
    for name in names:
        short, long = (watched(backend, name, epochs) for epochs in (1, 3))
        yield _count(f"no other float dtype, {name}", strangers(long))
        yield _count(f"no foreign operand, {name}", long.of_kind("foreign"))
        # both runs fetch the same at their end
        added = len(long.of_kind("copy")) - len(short.of_kind("copy"))
        # three epochs less one are two, each with one copy of its sums
        error, note = abs(added - 2), f"{added / 2:g} copies to the host an epoch"
        title = f"one copy an epoch, {name}"
        yield Row("discipline", title, "float32", error, BITS, note)


def watched(backend: Backend, name: str, epochs: int) -> Watch:
    """Run a job in float32 and return the record of its calls."""
    watch = Watch(backend)
    with backend.session("float32"):
        jobs.JOBS[name].run(watch.as_backend(), "float32", epochs)
    return watch


def strangers(watch: Watch) -> list[Call]:
    """Calls that returned a floating array of another dtype than float32."""
    others = set(FLOATS) - {"float32"}
    return [call for call in watch.calls if others.intersection(call.result)]


def _count(title: str, calls: list[Call]) -> Row:
    names = ", ".join(sorted({call.name for call in calls}))
    return Row("discipline", title, "float32", float(len(calls)), BITS, names)
