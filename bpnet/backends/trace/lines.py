"""A plan as the straight lines of a function of Python."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bpnet.backends.trace.graph import Call, Constant, Ref
from bpnet.backends.trace.joins import Join
from bpnet.backends.trace.plan import Library, Plan, Unit

_HOLE = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Form:
    """Text of a call, with holes for its arguments ($0, ...), constants and results.

    ``$flat`` is ``$out`` as a vector; ``told`` is empty where the library can't be told.
    """

    plain: str  # what gives a new value
    told: str = ""  # what writes to $out, or to $flat
    constants: dict[str, Any] = field(default_factory=dict)  # by the names of their holes

    @classmethod
    def of(cls, function: Any, call: Call) -> "Form":
        """A function with the arguments of a call."""
        if any(not isinstance(a, Constant) for _, a in call.keywords):
            msg = f"{call.name} with an array by its keyword"
            raise TypeError(msg)
        given = [*(f"${i}" for i in range(len(call.args))),
                 *(f"{name}=${name}" for name, _ in call.keywords)]  # fmt: skip
        constants = {name: a.value for name, a in call.keywords}
        return cls(f"$f({', '.join(given)})", constants={**constants, "f": function})


class Writer:
    """Lines of a function that replays a plan; the library writes those of a call."""

    def __init__(self, plan: Plan, library: Library) -> None:
        self.plan, self.graph, self.library = plan, plan.graph, library
        self.constants: dict[str, Any] = {}
        self.named: dict[int, str] = {}
        self.views: dict[str, str] = {}
        self.written = 0

    def function(self) -> Callable[..., Any]:
        """Return ``replay(carry, operands, steps, outs)``, which takes all ``steps``.

        Each step is a tuple of the batch's arrays and the step's numbers; ``outs`` are functions
        that keep what a step gives. The function returns the carry after the last step.
        """
        ends = self.plan.ends
        empty = self.constant(self.library.empty)
        kinds = [f"{s!r}, {self.constant(d)}, {o!r}" for s, d, o in self.plan.buffers]
        waiting = [
            *(f"w{i} = {empty}({kind})" for i, kind in enumerate(kinds)),
            *(f"v{n} = w{i}" for n, i in self.plan.places.items()),
            *self._packing(empty),
        ]
        before: list[str] = []
        for call in self.plan.before:
            lines = self.library.statements(self, Unit((call,)))
            before += [*self._views(), *lines]
        loop = [
            f"for {_values((*ends.taken, *ends.numbers))} in steps:",
            *(f"    {line}" for line in self._body()),
            f"return {_values(ends.carry)}",
        ]
        before += self._views()
        head = [
            f"{_values(ends.carry)} = carry",
            f"{_values(ends.operands)} = operands",
            f"{_tuple(f'out{i}' for i in range(len(ends.outs)))} = outs",
            *(f"{name} = constants[{name!r}]" for name in self.constants),
        ]
        body = "\n".join(f"    {line}" for line in (*head, *waiting, *before, *loop))
        scope: dict[str, Any] = {"constants": self.constants}
        source = f"def replay(carry, operands, steps, outs):\n{body}"
        exec(compile(source, "<trace>", "exec"), scope)
        made: Callable[..., Any] = scope["replay"]
        return made

    def _packing(self, empty: str) -> Iterator[str]:
        """Vectors that arrays are joined to, and these as views of them."""
        for n, join in self.plan.joins.items():
            value = self.graph.values[n]
            yield f"v{n} = {empty}({value.shape!r}, {self.constant(value.dtype)})"
            for (start, stop), (_, root) in zip(join.places(self.graph), join.parts, strict=True):
                if root >= 0:
                    shape, part = self.graph.values[root].shape, f"v{n}[..., {start}:{stop}]"
                    one = len(value.shape) == 1
                    yield f"v{root} = {part}" + f".reshape({shape!r})" * one

    def _body(self) -> Iterator[str]:
        ends = self.plan.ends
        for i, unit in enumerate(self.plan.body):
            join = self.plan.joins.get(unit.calls[0].result)
            if join is not None and not unit.calls[0].in_place:
                yield from self._joined(join)
            else:
                yield from self.library.statements(self, unit)
            done = [f"v{n}" for n in self.plan.done.get(i, ())]
            if done:
                yield " = ".join([*done, "None"])
        for i, n in enumerate(ends.outs):
            yield f"out{i}(v{n})"
        moved = [(a, b) for a, b in zip(ends.carry, ends.carried, strict=True) if a != b]
        if moved:
            yield f"{_values(a for a, _ in moved)} = {_values(b for _, b in moved)}"

    def _joined(self, join: Join) -> Iterator[str]:
        """Copies of what could not be made in its place."""
        for (start, stop), (n, root) in zip(join.places(self.graph), join.parts, strict=True):
            if root < 0:
                yield f"v{join.call.result}[..., {start}:{stop}] = v{n}"

    def filled(self, text: str, named: dict[str, str]) -> str:
        """A text with the names of what its holes, ``$name``, stand for."""
        return _HOLE.sub(lambda hole: named[hole[1]], text)

    def once(self, text: str, *, of: Iterable[int] = ()) -> str:
        """Name of what a text gives: worked out once, where the values stay where they are."""
        if not all(self.stays(n) for n in of):
            return text
        return self.views.setdefault(text, f"u{len(self.views)}")

    def _views(self) -> Iterator[str]:
        """Lines of what is worked out once, and has not been yet."""
        for text, name in list(self.views.items())[self.written :]:
            self.written += 1
            yield f"{name} = {text}"

    def stays(self, n: int) -> bool:
        """Whether a value has the same memory in all steps."""
        ends = self.plan.ends
        same = n in self.plan.fixed or n in ends.kept or n in ends.operands
        return same or self.plan.waits(n)

    def text(self, a: Any) -> str:
        """An argument."""
        if isinstance(a, Ref):
            return f"v{int(a)}"
        if isinstance(a, Constant):
            return self.constant(a.value)
        return _tuple(map(self.text, a))

    def constant(self, value: Any) -> str:
        """Name of an object that lines use."""
        name = self.named.setdefault(id(value), f"k{len(self.named)}")
        self.constants[name] = value  # which keeps its id its own
        return name


def statement(writer: Writer, call: Call, form: Form, argument: Any = None) -> str:
    """Line of a call, whose arguments are written by the function ``argument`` if it is given."""
    n = call.result
    named = {key: writer.constant(value) for key, value in form.constants.items()}
    for i, a in enumerate(call.args):
        named[str(i)] = argument(writer, call, a) if argument else writer.text(a)
        if f"${i}T" in form.plain:
            named[f"{i}T"] = writer.once(f"{named[str(i)]}.T", of=(int(a),))
    if not (call.in_place or writer.plan.waits(n)):
        return f"v{n} = {writer.filled(form.plain, named)}"
    if not form.told:
        msg = f"{call.name} in place"
        raise TypeError(msg)
    named["out"] = f"v{n}"
    if "$flat" in form.told:
        named["flat"] = writer.once(f"v{n}.reshape(-1)", of=(n,))
    return writer.filled(form.told, named)


def _tuple(items: Iterable[str]) -> str:
    return f"({' '.join(f'{item},' for item in items)})"


def _values(numbers: Iterable[int]) -> str:
    return _tuple(f"v{n}" for n in numbers)
