"""Array libraries that nobody has seen: NumPy inside arrays of their own, each with its habits.

What a library's arrays can be turned into is said by what is mixed into them, and how it departs
from the standard by a class of its own.
"""

import operator
import types

import array_api_compat.numpy as standard
import numpy as np


class Bare:
    """An array that computes and hands out nothing but single numbers; NumPy makes an object of it.

    It has no augmented assignment and nothing can be put into it, as JAX's has none.
    """

    library = None

    def __init__(self, a):
        self.a = np.asarray(a)

    dtype = property(lambda self: self.a.dtype)
    shape = property(lambda self: self.a.shape)
    ndim = property(lambda self: self.a.ndim)
    size = property(lambda self: self.a.size)
    device = property(lambda self: "cpu")

    def __array_namespace__(self, api_version=None):
        return self.library

    def to_device(self, device, /, *, stream=None):
        return self

    def __getitem__(self, key):
        return self.library.box(self.a[bare(key)])

    def __float__(self):
        return float(self.a)

    def __int__(self):
        return int(self.a)

    def __bool__(self):
        return bool(self.a)

    def __index__(self):
        return operator.index(self.a[()])


def bare(thing):
    if isinstance(thing, Bare):
        return thing.a
    if isinstance(thing, list | tuple):
        return type(thing)(bare(part) for part in thing)
    return thing


def _operators():
    both = ("add", "sub", "mul", "truediv", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
    for name in (*both, *(f"r{name}" for name in both), "lt", "le", "gt", "ge", "eq", "ne"):

        def method(self, other, name=f"__{name}__"):
            return self.library.box(getattr(np.ndarray, name)(self.a, bare(other)))

        setattr(Bare, f"__{name}__", method)
    for name in ("neg", "pos", "abs", "invert"):

        def unary(self, name=f"__{name}__"):
            return self.library.box(getattr(np.ndarray, name)(self.a))

        setattr(Bare, f"__{name}__", unary)


_operators()


class InPlace:
    """Augmented assignment that writes to the array."""


for _name in ("add", "sub", "mul", "truediv", "and", "or", "xor", "lshift", "rshift"):

    def _write(self, other, name=f"__i{_name}__"):
        getattr(operator, name)(self.a, bare(other))
        return self

    setattr(InPlace, f"__i{_name}__", _write)


class Converted:
    """``__array__``, which is what ``numpy.asarray`` asks for."""

    def __array__(self, dtype=None, copy=None):
        return np.array(self.a, dtype=dtype, copy=copy)


class Swapped(Converted):
    """Numbers come out of it the other way round."""

    def __array__(self, dtype=None, copy=None):
        return self.a.astype(self.a.dtype.newbyteorder(">"))


class ShortWayOut(Converted):
    """No more than two hundred numbers come out."""

    def __array__(self, dtype=None, copy=None):
        return np.resize(self.a, (2, 100)) if self.a.size > 200 else self.a.copy()


class Listed:
    def tolist(self):
        return self.a.tolist()


class Dlpack:
    def exported(self):
        return self.a

    def __dlpack_device__(self):
        return self.a.__dlpack_device__()

    def __dlpack__(self, **keywords):
        return self.exported().__dlpack__(**keywords)


class ReadOnlyDlpack(Dlpack):
    def exported(self):
        view = self.a.view()
        view.flags.writeable = False
        return view


class RefusedDlpack(Dlpack):
    def exported(self):
        raise BufferError("not from this device")


class WrongDlpack(Dlpack):
    """Exports an array, and not its own numbers."""

    def exported(self):
        return np.zeros_like(self.a)


class WrongShapeDlpack(Dlpack):
    def exported(self):
        return self.a.ravel()


class Library(types.ModuleType):
    """A namespace whose arrays have the mixed-in ways out.

    Parameters
    ----------
    name : str
        Of the module.
    *ways : classes
        Mixed into its arrays.
    """

    missing = frozenset()

    def __init__(self, name, *ways):
        super().__init__(name)
        self.calls = []
        self.Array = type("Array", (*ways, Bare), {"library": self, "__module__": name})

    def box(self, result):
        if isinstance(result, list | tuple):
            return type(result)(map(self.box, result))
        return self.Array(result) if isinstance(result, np.ndarray | np.generic) else result

    def __getattr__(self, name):
        if name.startswith("__") or name in self.missing or not hasattr(standard, name):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(standard, name)
        if isinstance(value, type) or not callable(value):
            return value

        def function(*arguments, **keywords):
            self.calls.append(name)
            named = {key: bare(value) for key, value in keywords.items()}
            return self.box(value(*map(bare, arguments), **named))

        return function

    def asarray(self, x, /, *, dtype=None, device=None, copy=None):
        self.calls.append("asarray")
        return self.box(standard.asarray(self.taken(x), dtype=dtype, copy=copy))

    def taken(self, x):
        """What ``asarray`` makes of its argument, or a refusal."""
        return bare(x)


class ListsOnly(Library):
    """``asarray`` takes nested lists and its own arrays; there is no other way in."""

    missing = frozenset({"from_dlpack"})

    def taken(self, x):
        if not isinstance(x, Bare | list | int | float):
            raise TypeError(f"asarray takes nested lists; got {type(x).__name__}")
        return super().taken(x)


class NumbersOnly(ListsOnly):
    """``asarray`` takes its own arrays and numbers: what is made otherwise is made of these."""

    def taken(self, x):
        if isinstance(x, list):
            raise TypeError("asarray takes a number")
        return super().taken(x)


class DtypeIgnored(ListsOnly):
    """``asarray`` makes float64 of whatever it is given."""

    def asarray(self, x, /, *, dtype=None, device=None, copy=None):
        return super().asarray(x, dtype=None if isinstance(x, Bare) else np.float64, copy=copy)


class Transposed(Library):
    """``asarray`` gives another shape than its argument has."""

    def taken(self, x):
        return np.asarray(super().taken(x)).T


class NoDevice(Library):
    """Nothing takes ``device``."""

    def __getattr__(self, name):
        value = super().__getattr__(name)

        def function(*arguments, **keywords):
            if "device" in keywords:
                raise TypeError(f"{name}() got an unexpected keyword argument 'device'")
            return value(*arguments, **keywords)

        return function if callable(value) and not isinstance(value, type) else value

    def asarray(self, x, /, *, dtype=None, copy=None):
        return super().asarray(x, dtype=dtype, copy=copy)


class DeviceForCreation(Library):
    """``asarray`` takes neither ``device`` nor ``copy`` of what is not its own, as Dask's."""

    def asarray(self, x, /, *, dtype=None, **keywords):
        if keywords and not isinstance(x, Bare):
            raise TypeError(f"asarray() got an unexpected keyword argument {next(iter(keywords))}")
        return super().asarray(x, dtype=dtype, **keywords)


class WrongImport(Library):
    """``from_dlpack`` takes an array and makes zeros of it."""

    def from_dlpack(self, x, /, *, device=None, copy=None):
        return self.box(np.zeros_like(np.from_dlpack(x)))


class Short(Library):
    """Keeps no more than two hundred of the numbers that it is given."""

    def taken(self, x):
        return np.resize(x, (2, 100)) if np.size(x) > 200 else super().taken(x)


class IntegersOnly(Library):
    missing = frozenset({"float16", "float32", "float64", "complex64", "complex128"})


class NoFloat64(Library):
    missing = frozenset({"float64", "complex128", "int64"})

    def box(self, result):
        if isinstance(result, np.ndarray | np.generic) and result.dtype == np.int64:
            result = result.astype(np.int32)
        return super().box(result)


class Leaking(Library):
    """``exp`` answers with an array of NumPy's."""

    def exp(self, x):
        return np.exp(x.a)


class CopyIgnored(Library):
    """``asarray(x, copy=True)`` shares memory."""

    def asarray(self, x, /, *, dtype=None, device=None, copy=None):
        return super().asarray(x, dtype=dtype)


class Widening(Library):
    """A number of Python makes float64 of float32."""

    def __init__(self, name, *ways):
        super().__init__(name, *ways)
        self.Array.__mul__ = lambda a, b: self.box(
            a.a * (np.float64(b) if isinstance(b, float) else bare(b))
        )


class Unbounded(Library):
    """Integers that never overflow: only their dtype says that they have 32 bits."""

    missing = frozenset({"int64"})

    def __init__(self, name, *ways):
        super().__init__(name, *ways)
        said = property(lambda array: np.dtype(str(array.a.dtype).replace("int64", "int32")))
        self.Array = type("Array", (self.Array,), {"dtype": said})

    def box(self, result):
        whole = isinstance(result, np.ndarray | np.generic) and result.dtype == np.int32
        return super().box(result.astype(np.int64) if whole else result)


class Lazy(Library):
    """Shapes are not known before something is computed."""

    def __init__(self, name, *ways):
        super().__init__(name, *ways)
        self.Array.shape = property(lambda array: (None,) * array.a.ndim)


class Shapeless(Library):
    """Shapes are not known, nor how many axes there are."""

    def __init__(self, name, *ways):
        super().__init__(name, *ways)
        self.Array.shape = None


class Immutable(Library):
    """Augmented assignment is refused, where the standard wants a new array at least."""

    def __init__(self, name, *ways):
        super().__init__(name, *ways)

        def refuse(array, other):
            raise TypeError("arrays are immutable")

        self.Array.__iadd__ = self.Array.__imul__ = refuse
