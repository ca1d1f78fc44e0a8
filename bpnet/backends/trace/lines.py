"""A plan, written as a Python function without branches."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bpnet.backends.trace.graph import Call, Constant, Ref
from bpnet.backends.trace.joins import Join
from bpnet.backends.trace.plan import Library, Plan, Unit

_PLACEHOLDER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Form:
    """Text of a call, with placeholders for its arguments ($0, ...), constants and results.

    ``$flat`` is ``$out`` as a vector; ``into`` is empty where the call can't write to ``$out``.
    """

    plain: str  # expression of a new value
    into: str = ""  # statement that writes to $out, or to $flat
    constants: dict[str, Any] = field(default_factory=dict)  # by the names of their placeholders

    @classmethod
    def of(cls, function: Any, call: Call) -> "Form":
        """Return the call of a function with the arguments of a recorded call."""
        if any(not isinstance(a, Constant) for _, a in call.keywords):
            msg = f"{call.name} with an array by its keyword"
            raise TypeError(msg)
        arguments = [*(f"${i}" for i in range(len(call.args))),
                     *(f"{name}=${name}" for name, _ in call.keywords)]  # fmt: skip
        constants = {name: a.value for name, a in call.keywords}
        return cls(f"$f({', '.join(arguments)})", constants={**constants, "f": function})


class Writer:
    """Writer of a function that replays a plan; the library writes the lines of a call."""

    def __init__(self, plan: Plan, library: Library) -> None:
        self.plan, self.graph, self.library = plan, plan.graph, library
        self.constants: dict[str, Any] = {}
        self.named: dict[int, str] = {}
        self.views: dict[str, str] = {}
        self.written = 0

    def function(self) -> Callable[..., Any]:
        """Return ``replay(carry, operands, steps, outs)``, which does all ``steps``.

        Each step is a tuple of the batch's arrays and the step's numbers; ``outs`` are functions
        that take the results of a step. The function returns the carry after the last step.
        """
        ends = self.plan.ends
        empty = self.constant(self.library.empty)
        kinds = [f"{s!r}, {self.constant(d)}, {o!r}" for s, d, o in self.plan.buffers]
        memory = [
            *(f"w{i} = {empty}({kind})" for i, kind in enumerate(kinds)),
            *(f"v{n} = w{i}" for n, i in self.plan.places.items()),
            *self._joins(empty),
        ]
        before: list[str] = []
        for call in self.plan.before:
            lines = self.library.statements(self, Unit((call,)))
            before += [*self._views(), *lines]
        loop = [
            f"for {_values((*ends.batch, *ends.numbers))} in steps:",
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
        body = "\n".join(f"    {line}" for line in (*head, *memory, *before, *loop))
        scope: dict[str, Any] = {"constants": self.constants}
        source = f"def replay(carry, operands, steps, outs):\n{body}"
        # the text has names, shapes and slices alone; objects come in as constants
        exec(compile(source, "<trace>", "exec"), scope)
        replay: Callable[..., Any] = scope["replay"]
        return replay

    def _joins(self, empty: str) -> Iterator[str]:
        """Lines that make the results of concatenations, and the parts that are views of them."""
        for n, join in self.plan.joins.items():
            value = self.graph.values[n]
            yield f"v{n} = {empty}({value.shape!r}, {self.constant(value.dtype)})"
            for (start, stop), (_, root) in zip(join.places(self.graph), join.parts, strict=True):
                if root >= 0:
                    shape, part = self.graph.values[root].shape, f"v{n}[..., {start}:{stop}]"
                    # only a part of a vector may have another shape than its slice
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
            # the allocator can use their memory again within the step
            if unused := [f"v{n}" for n in self.plan.released.get(i, ())]:
                yield " = ".join([*unused, "None"])
        for i, n in enumerate(ends.outs):
            yield f"out{i}(v{n})"
        replaced = [(a, b) for a, b in zip(ends.carry, ends.carried, strict=True) if a != b]
        if replaced:
            yield f"{_values(a for a, _ in replaced)} = {_values(b for _, b in replaced)}"

    def _joined(self, join: Join) -> Iterator[str]:
        """Lines that copy the parts of a concatenation that are not computed in place."""
        for (start, stop), (n, root) in zip(join.places(self.graph), join.parts, strict=True):
            if root < 0:
                yield f"v{join.call.result}[..., {start}:{stop}] = v{n}"

    def filled(self, text: str, named: dict[str, str]) -> str:
        """Return a text with names in place of its placeholders, ``$name``."""
        return _PLACEHOLDER.sub(lambda match: named[match[1]], text)

    def once(self, text: str, *, of: Iterable[int] = ()) -> str:
        """Name of an expression that is computed once, or its text where its values change."""
        if not all(self.is_fixed(n) for n in of):
            return text
        return self.views.setdefault(text, f"u{len(self.views)}")

    def _views(self) -> Iterator[str]:
        """Lines of the expressions that are computed once and were not written yet."""
        for text, name in list(self.views.items())[self.written :]:
            self.written += 1
            yield f"{name} = {text}"

    def is_fixed(self, n: int) -> bool:
        """Whether a value has the same memory in all steps."""
        ends = self.plan.ends
        same = n in self.plan.fixed or n in ends.in_place or n in ends.operands
        return same or self.plan.has_memory(n)

    def text(self, a: Any) -> str:
        """Return the text of an argument."""
        if isinstance(a, Ref):
            return f"v{int(a)}"
        if isinstance(a, Constant):
            return self.constant(a.value)
        return _tuple(map(self.text, a))

    def constant(self, value: Any) -> str:
        """Return the name of an object that the lines use."""
        name = self.named.setdefault(id(value), f"k{len(self.named)}")
        self.constants[name] = value  # the reference keeps the id unique
        return name


def statement(writer: Writer, call: Call, form: Form, argument: Any = None) -> str:
    """Line of a call; ``argument`` writes its arguments, if it is passed."""
    n = call.result
    named = {key: writer.constant(value) for key, value in form.constants.items()}
    for i, a in enumerate(call.args):
        named[str(i)] = argument(writer, call, a) if argument else writer.text(a)
        if f"${i}T" in form.plain:
            named[f"{i}T"] = writer.once(f"{named[str(i)]}.T", of=(int(a),))
    if not (call.in_place or writer.plan.has_memory(n)):
        return f"v{n} = {writer.filled(form.plain, named)}"
    if not form.into:
        msg = f"{call.name} in place"
        raise TypeError(msg)
    named["out"] = f"v{n}"
    if "$flat" in form.into:
        named["flat"] = writer.once(f"v{n}.reshape(-1)", of=(n,))
    return writer.filled(form.into, named)


def _tuple(items: Iterable[str]) -> str:
    return f"({' '.join(f'{item},' for item in items)})"


def _values(numbers: Iterable[int]) -> str:
    return _tuple(f"v{n}" for n in numbers)
