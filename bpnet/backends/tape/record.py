"""Arrays that write down what is done with them."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Host = np.ndarray[Any, Any]


class Untraceable(TypeError):
    """A step asked for what a tape can't hold, such as the value of a number."""


class Ref(int):
    """Number of a value on a tape, among the arguments of a call."""


@dataclass(frozen=True)
class Constant:
    """Number of a constant on a tape, among the arguments of a call."""

    index: int


@dataclass(frozen=True)
class Call:
    """One call.

    Parameters
    ----------
    kind : {"function", "method", "attribute", "item", "operator"}
        How it is written.
    what : callable or str
        The function, or the name of the method, attribute or operator.
    args : tuple
        Of :class:`Ref`, :class:`Constant` and tuples of them.
    keywords : tuple of pairs
        Names and the same.
    result : int
        Number of the value that it gives; in place, of the one that is written to.
    in_place : bool
        Whether it writes to its first argument.
    """

    kind: str
    what: Any
    args: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]
    result: int
    in_place: bool = False


@dataclass(frozen=True)
class Value:
    """What is known of a value: its type, and the value whose memory it shows.

    Parameters
    ----------
    shape : tuple of int
        Empty for a number.
    dtype : numpy.dtype
        Of its elements.
    order : {"C", "F", ""}
        Of its memory; empty where it has gaps or another order.
    scalar : bool
        Whether it is a number of NumPy's, not an array.
    root : int
        Number of the value whose memory it shares; its own where it has memory of its own.
    """

    shape: tuple[int, ...]
    dtype: Any
    order: str
    scalar: bool
    root: int


@dataclass
class Tape:
    """Calls of a step.

    Parameters
    ----------
    values : list of Value
        First those that the step is given.
    calls : list of Call
        In their order.
    constants : list
        What calls are given beside values.
    keys : list
        Of each constant something that tells it from others.
    broken : bool
        Whether something happened that can't be written down.
    """

    values: list[Value] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    keys: list[Any] = field(default_factory=list)
    broken: bool = False
    held: list[Any] = field(default_factory=list, repr=False)

    def signature(self) -> Any:
        """What two tapes have alike if and only if they say the same."""
        return tuple(self.values), tuple(self.calls), tuple(self.keys)

    def take(self, array: Any) -> "Traced":
        """Return an array of the step as one that writes."""
        return Traced(self, array, self._number(array, ()))

    def refuse(self, why: str) -> Untraceable:
        """Return the error; the tape is of no use from here on, whoever catches it."""
        self.broken = True
        return Untraceable(why)

    def write(
        self,
        kind: str,
        what: Any,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        result: Any,
        target: "Traced | None" = None,
    ) -> "Traced":
        """Write down a call and return what it gave, or its target where it is in place."""
        given = tuple(self._argument(a) for a in args)
        named = tuple((name, self._argument(a)) for name, a in keywords.items())
        if target is not None:
            self.calls.append(Call(kind, what, given, named, target._number, in_place=True))
            return target
        if not isinstance(result, (np.ndarray, np.generic)):
            raise self.refuse(f"{what} gave a {type(result).__name__}")
        for a in _traced(args):
            if a._value is result:
                return a
        made = Traced(self, result, self._number(result, _traced(args)))
        self.calls.append(Call(kind, what, given, named, made._number))
        return made

    def _number(self, value: Any, sources: Any) -> int:
        number = len(self.values)
        root, flags = number, getattr(value, "flags", None)
        scalar = isinstance(value, np.generic)
        if not scalar:
            for a in sources:
                if isinstance(a._value, np.ndarray) and np.may_share_memory(a._value, value):
                    root = self.values[a._number].root
        order = "" if scalar else "C" if flags.c_contiguous else "F" if flags.f_contiguous else ""
        self.values.append(Value(value.shape, value.dtype, order, scalar, root))
        self.held.append(value)  # so that no memory is used twice while roots are told by it
        return number

    def _argument(self, a: Any) -> Any:
        if isinstance(a, Traced):
            if a._tape is not self:
                raise self.refuse("a value of another step")
            return Ref(a._number)
        if isinstance(a, (tuple, list)) and any(True for _ in _traced(a)):
            return tuple(self._argument(item) for item in a)
        return self.constant(a)

    def constant(self, value: Any) -> Constant:
        """Return the number of a constant, which is kept as it is now."""
        key = _key(value)
        if key is None:
            raise self.refuse(f"an argument of type {type(value).__name__}")
        if key in self.keys:
            return Constant(self.keys.index(key))
        if isinstance(value, np.ndarray) and value.flags.writeable:
            value = value.copy(order="K")
        self.keys.append(key)
        self.constants.append(value)
        return Constant(len(self.keys) - 1)


def _key(value: Any) -> Any:
    """Something hashable that tells a constant from others; None of what is no constant."""
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind not in "biuf":
            return None
        return type(value), value.dtype.str, value.shape, value.strides, value.tobytes()
    if isinstance(value, (bool, int, float, str, type(None), type(Ellipsis), slice, np.dtype)):
        return type(value), repr(value)
    if isinstance(value, type):
        return type, value
    if isinstance(value, (tuple, list)):
        keys = tuple(map(_key, value))
        return None if None in keys else (type(value), keys)
    return None


def _traced(args: Any) -> Any:
    """Yield the arrays that write among arguments, and in lists of them."""
    for a in args:
        if isinstance(a, Traced):
            yield a
        elif isinstance(a, (tuple, list)):
            yield from _traced(a)


def _plain(a: Any) -> Any:
    """An argument with the arrays themselves."""
    if isinstance(a, Traced):
        return a._value
    return type(a)(map(_plain, a)) if type(a) in (tuple, list) else a


_METHODS = frozenset(
    "all any argmax argmin astype clip copy cumsum dot max mean min prod ravel repeat reshape round "
    "squeeze std sum swapaxes take transpose var".split()
)
"""Methods of arrays that change nothing and whose shapes do not depend on values."""

_ASK = frozenset({np.shape, np.ndim, np.size, np.result_type, np.can_cast})
"""Functions that ask about shapes and dtypes alone."""

_FUNCTIONS = frozenset(
    getattr(np, name)
    for name in (
        "all any argmax argmin argsort around astype average broadcast_to clip concatenate cumprod "
        "cumsum diagonal diff dot einsum expand_dims flip full_like linalg max mean median min "
        "moveaxis nan_to_num ones_like outer prod ravel repeat reshape roll round sort squeeze "
        "stack std sum swapaxes take take_along_axis tensordot tile transpose tril triu var where "
        "zeros_like"
    ).split()
    if callable(getattr(np, name))
)
"""Functions beside ufuncs of which the same holds."""


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array, or a number of NumPy's, that writes down what is done with it.

    Parameters
    ----------
    tape : Tape
        Where to.
    value : numpy array or number
        What it is in the step that is being written down.
    number : int
        Of the value on the tape.
    """

    __slots__ = ("_number", "_tape", "_value")
    device = "cpu"
    __hash__ = object.__hash__

    def __init__(self, tape: Tape, value: Any, number: int) -> None:
        self._tape, self._value, self._number = tape, value, number

    shape = property(lambda self: self._value.shape)
    dtype = property(lambda self: self._value.dtype)
    ndim = property(lambda self: self._value.ndim)
    size = property(lambda self: self._value.size)
    flags = property(lambda self: self._value.flags)
    T = property(lambda self: self._attribute("T"))
    mT = property(lambda self: self._attribute("mT"))

    def _attribute(self, name: str) -> "Traced":
        return self._tape.write("attribute", name, (self,), {}, getattr(self._value, name))

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise self._tape.refuse(f"{name} of an array") if not name.startswith("__") else (
                AttributeError(name)
            )

        def method(*args: Any, **keywords: Any) -> Traced:
            if "out" in keywords or (name == "dot" and len(args) > 1):
                raise self._tape.refuse("a result written to an array that is given")
            plain = {key: _plain(a) for key, a in keywords.items()}
            result = getattr(self._value, name)(*map(_plain, args), **plain)
            return self._tape.write("method", name, (self, *args), keywords, result)

        return method

    def __getitem__(self, key: Any) -> "Traced":
        whole = key if isinstance(key, tuple) else (key,)
        if any(getattr(part, "dtype", None) == bool for part in whole):
            raise self._tape.refuse("a mask as an index, which gives shapes that depend on values")
        result = self._value[_plain(key)]
        return self._tape.write("item", None, (self, key), {}, result)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> "Traced":
        (out,) = keywords.pop("out", (None,))
        if ufunc.nout != 1 or method not in ("__call__", "reduce", "accumulate"):
            raise self._tape.refuse(f"{ufunc.__name__}.{method}")
        plain = [_plain(a) for a in inputs]
        named = {key: _plain(a) for key, a in keywords.items()}
        if method != "__call__":
            if out is not None:
                raise self._tape.refuse("a sum written to an array that is given")
            call = getattr(ufunc, method)
            return self._tape.write("function", call, inputs, keywords, call(*plain, **named))
        if ufunc is np.power and not keywords:  # an operator has short ways for some exponents
            return self._operator("**", operator.pow, inputs, plain, out)
        if out is not None and out is not inputs[0]:
            raise self._tape.refuse("a result written to an array that is given")
        if isinstance(out, Traced) and isinstance(out._value, np.ndarray):
            ufunc(*plain, out=out._value, **named)
            return self._tape.write("function", ufunc, inputs, keywords, None, out)
        result = ufunc(*plain, **named)
        if out is not None and (result.shape, result.dtype) != (out.shape, out.dtype):
            raise self._tape.refuse("an array that is given turned into another")
        # to a constant: the name that it had is bound to what is returned
        return self._tape.write("function", ufunc, inputs, keywords, result)

    def _operator(
        self, sign: str, function: Callable[..., Any], inputs: Any, plain: Any, out: Any
    ) -> "Traced":
        result = function(*plain)
        if out is None or isinstance(out._value, np.generic):
            return self._tape.write("operator", sign, inputs, {}, result)
        raise self._tape.refuse("a power in place")

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        plain = {key: _plain(a) for key, a in keywords.items()}
        if function in _ASK:
            return function(*map(_plain, args), **plain)
        if function not in _FUNCTIONS or "out" in keywords:
            raise self._tape.refuse(f"the function {function.__name__}")
        result = function(*map(_plain, args), **plain)
        if function is np.dot and len(args) == 2 and not keywords:  # the method is faster
            return self._tape.write("method", "dot", args, {}, result)
        return self._tape.write("function", function, args, keywords, result)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self._value)))

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise self._tape.refuse("the value of a number, or an array of another kind")

    __bool__ = __int__ = __float__ = __index__ = __complex__ = __array__ = _refused
    __setitem__ = __contains__ = __reduce_ex__ = __copy__ = __deepcopy__ = _refused
