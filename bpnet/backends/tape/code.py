"""A plan as the straight lines of a function of Python."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from bpnet.backends.tape.calls import Call, Constant, Ref, refs
from bpnet.backends.tape.joins import Join
from bpnet.backends.tape.plan import Plan

_SIGNS = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"}
"""Operators that numbers of NumPy's do ten times faster than its functions, to the same bits."""

_LIMITS = (np.maximum, np.minimum)


class Writer:
    """Lines of a function that replays a plan.

    Parameters
    ----------
    plan : Plan
        Of a step.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.tape = plan, plan.tape
        self.constants: dict[str, Any] = {}
        self.named: dict[int, str] = {}
        self.filled: dict[tuple[tuple[int, ...], str], str] = {}

    def function(self) -> Callable[..., Any]:
        """Return ``replay(carry, operands, steps, outs)``, which takes all ``steps``.

        Each is a tuple of the batch's arrays and the step's numbers; ``outs`` are functions that
        keep what a step gives. It returns the carry after the last one.
        """
        ends = self.plan.ends
        lines = [
            *self._packing(),
            *map(self._line, self.plan.before),
            f"for {_values((*ends.taken, *ends.numbers))} in steps:",
            *(f"    {line}" for line in self._body()),
            f"return {_values(ends.carry)}",
        ]
        head = [
            f"{_values(ends.carry)} = carry",
            f"{_values(ends.operands)} = operands",
            f"{_tuple(f'out{i}' for i in range(len(ends.outs)))} = outs",
            *(f"{name} = constants[{name!r}]" for name in self.constants),
            *(f"w{i} = empty(*buffers[{i}])" for i in range(len(self.plan.buffers))),
            *(f"{name} = full({shape!r}, {k})" for (shape, k), name in self.filled.items()),
        ]
        body = "\n".join(f"    {line}" for line in (*head, *lines))
        scope: dict[str, Any] = {
            "constants": self.constants,
            "buffers": self.plan.buffers,
            "empty": np.empty,
            "full": np.full,
        }
        source = f"def replay(carry, operands, steps, outs):\n{body}"
        exec(compile(source, "<tape>", "exec"), scope)
        made: Callable[..., Any] = scope["replay"]
        return made

    def _packing(self) -> Iterator[str]:
        """Vectors that arrays are joined to, and these as views of them."""
        for n, join in self.plan.joins.items():
            value = self.tape.values[n]
            yield f"v{n} = empty({value.shape!r}, {self._constant(value.dtype)})"
            for (start, stop), (_, root) in zip(join.places(self.tape), join.parts, strict=True):
                if root >= 0:
                    shape = self.tape.values[root].shape
                    yield f"v{root} = v{n}[{start}:{stop}].reshape({shape!r})"

    def _body(self) -> Iterator[str]:
        ends = self.plan.ends
        for i, part in enumerate(self.plan.body):
            if part.result in self.plan.joins and not part.in_place:
                yield from self._joined(self.plan.joins[part.result])
            else:
                yield self._line(part)
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
        for (start, stop), (n, root) in zip(join.places(self.tape), join.parts, strict=True):
            if root < 0:
                yield f"v{join.call.result}[{start}:{stop}] = v{n}"

    def _line(self, call: Call) -> str:
        n = call.result
        args = [self._number(call, a) for a in call.args]
        keywords = [f"{name}={self._text(a)}" for name, a in call.keywords]
        if call.kind == "attribute":
            return f"v{n} = {args[0]}.{call.what}"
        if call.kind == "item":
            return f"v{n} = {args[0]}[{args[1]}]"
        sign = call.what if call.kind == "operator" else _SIGNS.get(call.what)
        if call.kind == "operator" or (sign and self._is_of_numbers(call)):
            return f"v{n} = {f' {sign} '.join(map(self._text, call.args))}"
        if call.kind == "method":
            called, args = f"{args[0]}.{call.what}", args[1:]
        else:
            called = self._constant(call.what)
        into = f"v{n}" if call.in_place else self.plan.where(n)
        done = _called(called, call, [*args, *keywords], into)
        return done if into == f"v{n}" else f"v{n} = {done}"

    def _is_of_numbers(self, call: Call) -> bool:
        """Whether a call has to do with numbers alone, none of them an array."""
        plain = [self.tape.constants[a.index] for a in call.args if isinstance(a, Constant)]
        seen = [self.tape.values[n] for n in (*refs(call.args), call.result)]
        return not call.keywords and all(
            (*(v.scalar for v in seen), *(isinstance(c, int | float) for c in plain))
        )

    def _number(self, call: Call, a: Any, *, filled: bool = True) -> str:
        """An argument; beside arrays of a function of elements, numbers as 0-d arrays.

        With one a call takes a third of the time, and NumPy makes the same of both. A maximum, of
        large arrays, takes a fourth with an array that is full of the number.
        """
        if isinstance(a, Constant) and isinstance(call.what, np.ufunc) and not call.keywords:
            value = self.tape.constants[a.index]
            beside = next((self.tape.values[n].dtype for n in refs(call.args)), None)
            if beside is not None and _fits(value, beside):
                value = np.asarray(value, beside)
            shape = self.tape.values[call.result].shape
            if filled and call.what in _LIMITS and isinstance(value, np.ndarray) and shape:
                key = shape, self._constant(value)
                return self.filled.setdefault(key, f"z{len(self.filled)}")
            return self._constant(value)
        return self._text(a)

    def _text(self, a: Any) -> str:
        if isinstance(a, Ref):
            return f"v{int(a)}"
        if isinstance(a, Constant):
            return self._constant(self.tape.constants[a.index])
        return _tuple(map(self._text, a))

    def _constant(self, value: Any) -> str:
        name = self.named.setdefault(id(value), f"k{len(self.named)}")
        self.constants[name] = value  # which keeps its id its own
        return name


def _fits(value: Any, dtype: Any) -> bool:
    """Whether NumPy takes a number of Python's as one of a dtype."""
    if dtype.kind == "f":
        return type(value) in (int, float)
    inside = dtype.kind == "i" and type(value) is int
    return inside and bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)


def _called(name: str, call: Call, args: list[str], into: str | None) -> str:
    """Call of a function, with the array that it is to write to if there is one."""
    at = len(args) - len(call.keywords)
    if into is not None and call.what in _LIMITS:
        args = [*args, f"out={into}"]  # these two want the name
    elif into is not None:
        args = [*args[:at], into, *args[at:]]
    return f"{name}({', '.join(args)})"


def _tuple(items: Iterable[str]) -> str:
    return f"({' '.join(f'{item},' for item in items)})"


def _values(numbers: Iterable[int]) -> str:
    return _tuple(f"v{n}" for n in numbers)
