"""Arrays that write down what is done with them."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bpnet.backends.tape.calls import Call, Ref, Tape

# fmt: off
_METHODS = frozenset([
    "all", "any", "argmax", "argmin", "astype", "clip", "copy", "cumsum", "dot", "max", "mean",
    "min", "prod", "ravel", "reshape", "round", "squeeze", "std", "sum", "swapaxes",
    "take", "transpose", "var",
])
"""Methods of arrays that change nothing and give shapes that do not depend on values."""

_FUNCTIONS = frozenset([
    np.all, np.any, np.argmax, np.argmin, np.argsort, np.average, np.broadcast_to, np.clip,
    np.concatenate, np.cumprod, np.cumsum, np.diagonal, np.diff, np.dot, np.einsum, np.expand_dims,
    np.flip, np.full_like, np.max, np.mean, np.min, np.moveaxis, np.nan_to_num,
    np.ones_like, np.outer, np.prod, np.ravel, np.reshape, np.roll, np.round, np.sort,
    np.squeeze, np.stack, np.std, np.sum, np.swapaxes, np.take, np.take_along_axis, np.tensordot,
    np.tile, np.transpose, np.tril, np.triu, np.var, np.where, np.zeros_like,
])
"""Functions, beside those of elements, of which the same holds, by their usual arguments."""

_VIEWS = frozenset([
    "astype", "ravel", "reshape", "squeeze", "swapaxes", "transpose", np.broadcast_to, np.diagonal,
    np.expand_dims, np.flip, np.moveaxis, np.ravel, np.reshape, np.squeeze, np.swapaxes,
    np.transpose,
])
"""Those whose results may be views of what they are given: others would have written there."""
# fmt: on

_ASK = frozenset({np.shape, np.ndim, np.size, np.result_type, np.can_cast})
"""Functions that ask about shapes and dtypes alone."""


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array, or a number of NumPy's, that writes down what is done with it.

    Parameters
    ----------
    tape : Tape
        Where to.
    value : numpy array or number
        What it is in the step that is being written down.
    number : int, optional
        Of the value on the tape; the default is a new one.
    """

    __slots__ = ("_number", "_tape", "_value")
    device = "cpu"
    __hash__ = object.__hash__
    __class__ = property(  # type: ignore[assignment]  # for who asks whether it is NumPy's array
        lambda self: np.ndarray if isinstance(self._value, np.ndarray) else Traced
    )

    def __init__(self, tape: Tape, value: Any, number: int | None = None) -> None:
        self._tape, self._value = tape, value
        self._number = tape.value(value) if number is None else number

    shape = property(lambda self: self._value.shape)
    dtype = property(lambda self: self._value.dtype)
    ndim = property(lambda self: self._value.ndim)
    size = property(lambda self: self._value.size)
    flags = property(lambda self: self._value.flags)
    T = property(lambda self: self._attribute("T"))
    mT = property(lambda self: self._attribute("mT"))  # noqa: N815

    def _attribute(self, name: str) -> "Traced":
        return self._written("attribute", name, (self,), {}, getattr(self._value, name))

    def _written(
        self,
        kind: str,
        what: Any,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        result: Any,
        target: "Traced | None" = None,
    ) -> "Traced":
        """Write down a call and return what it gave, or its target where it is in place."""
        tape = self._tape
        given = tuple(map(self._argument, args))
        named = tuple((name, self._argument(a)) for name, a in keywords.items())
        made = target
        if made is None:
            if not isinstance(result, (np.ndarray, np.generic)):
                raise tape.refuse(f"{what} gave a {type(result).__name__}")
            sources = [a._number for a in _traced((*args, *keywords.values()))]
            made = Traced(tape, result, tape.value(result, sources))
            view = tape.values[made._number].root != made._number
            if view and kind in ("function", "method") and what not in _VIEWS:
                raise tape.refuse(f"{what} writing to what it is given")
        in_place = target is not None
        tape.calls.append(Call(kind, what, given, named, made._number, in_place))
        return made

    def _argument(self, a: Any) -> Any:
        if isinstance(a, Traced):
            if a._tape is not self._tape:
                raise self._tape.refuse("a value of another step")
            return Ref(a._number)
        if isinstance(a, (tuple, list)) and any(True for _ in _traced(a)):
            return tuple(map(self._argument, a))
        return self._tape.constant(a)

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise (
                self._tape.refuse(f"{name} of an array")
                if not name.startswith("__")
                else (AttributeError(name))
            )

        def method(*args: Any, **keywords: Any) -> Traced:
            if "out" in keywords or (name == "dot" and len(args) > 1):
                raise self._tape.refuse("a result written to an array that is given")
            plain = {key: _plain(a) for key, a in keywords.items()}
            result = getattr(self._value, name)(*map(_plain, args), **plain)
            return self._written("method", name, (self, *args), keywords, result)

        return method

    def __getitem__(self, key: Any) -> "Traced":
        whole = key if isinstance(key, tuple) else (key,)
        if any(getattr(part, "dtype", None) == np.bool for part in whole):
            raise self._tape.refuse("a mask as an index, which gives shapes that depend on values")
        if any(isinstance(part, list) and any(True for _ in _traced(part)) for part in whole):
            raise self._tape.refuse("a list of arrays as an index")
        result = self._value[_plain(key)]
        return self._written("item", None, (self, key), {}, result)

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
            return self._written("function", call, inputs, keywords, call(*plain, **named))
        if ufunc is np.power and not keywords:  # an operator has short ways for some exponents
            return self._operator("**", operator.pow, inputs, plain, out)
        if out is not None and not isinstance(out, Traced):
            raise self._tape.refuse("a result written to an array that is given")
        if out is not None and isinstance(out._value, np.ndarray):
            ufunc(*plain, out=out._value, **named)
            return self._written("function", ufunc, inputs, keywords, None, out)
        return self._written("function", ufunc, inputs, keywords, ufunc(*plain, **named))

    def _operator(
        self, sign: str, function: Callable[..., Any], inputs: Any, plain: Any, out: Any
    ) -> "Traced":
        result = function(*plain)
        if out is None or isinstance(out._value, np.generic):
            return self._written("operator", sign, inputs, {}, result)
        raise self._tape.refuse("a power in place")

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        plain = {key: _plain(a) for key, a in keywords.items()}
        if function in _ASK:
            return function(*map(_plain, args), **plain)
        if function not in _FUNCTIONS or "out" in keywords:
            raise self._tape.refuse(f"the function {function.__name__}")
        result = function(*map(_plain, args), **plain)
        if function is np.dot and len(args) == 2 and not keywords:  # the method is faster
            return self._written("method", "dot", args, {}, result)
        return self._written("function", function, args, keywords, result)

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self._value)))

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise self._tape.refuse("the value of a number, or an array of another kind")

    __bool__ = __int__ = __float__ = __index__ = __complex__ = __array__ = _refused
    __setitem__ = __contains__ = __reduce_ex__ = __copy__ = __deepcopy__ = _refused


def _traced(args: Any) -> Iterator[Traced]:
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
