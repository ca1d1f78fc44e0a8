"""GPUs that are not there, and the arrays on them: NumPy's arithmetic with CuPy's manners.

What CuPy would forgive or do in silence is an error here: an operand on another GPU than the
current one, a wait of the host within a step, memory that a stream takes while another one still
reads it, pinned memory that is written to while it is copied. Streams and events keep clocks, by
which what may run at the same time is known without running anything at the same time. What
CuPy does so is read in its source, 14.2: ``core.pyx``, ``stream.pyx``, ``memory.pyx``. The modules
around them are in ``cupy_modules.py``.
"""

import operator
import threading
import types
from collections import Counter
from contextlib import contextmanager

import numpy as np


class Memory:
    """A piece of a GPU's memory, taken on a stream, to which it returns."""

    def __init__(self, gpus, stream):
        self.gpus, self.arena, self.written = gpus, stream, (stream, gpus.clock[stream])
        self.readers, self.is_graphs = {}, bool(gpus.allocators)

    def __del__(self):
        if self.is_graphs:  # it goes with the graph, and no other array gets it
            return
        for reader in self.readers.items():
            if not self.gpus.ordered(self.arena, reader):
                self.gpus.races.append("freed memory is used again while a stream reads it")


class Pinned(bytearray):
    """Memory of the host that a copy reads by itself."""

    copied, gpus = None, None

    def __del__(self):
        if self.copied and not self.gpus.ordered(None, self.copied):
            self.gpus.races.append("pinned memory is used again while it is copied")


class Gpus:
    """What happened on the GPUs."""

    def __init__(self, count=2):
        self.count, self.clock, self.done, self.known = count, Counter(), Counter(), Counter()
        self.local, self.limit, self.capability = threading.local(), None, "90"
        self.launches, self.pinned, self.graphs = 0, 0, 0
        self.captured, self.saved, self.allocators = None, [], []
        self.waits, self.races, self.wide, self.freed, self.happened = [], [], [], [], []

    @property
    def devices(self):
        """Stack of current devices, of this thread."""
        return self.local.__dict__.setdefault("devices", [0])

    @property
    def current(self):
        """Number of the current device."""
        return self.devices[-1]

    @property
    def streams(self):
        """Stack of current streams of the current device, of this thread."""
        of = self.local.__dict__.setdefault("streams", {})
        return of.setdefault(self.devices[-1], [("null", self.devices[-1])])

    @contextmanager
    def step(self, busy=True):
        """While the host launches steps, it must not wait."""
        before = getattr(self.local, "busy", False)
        self.local.busy = busy
        try:
            yield
        finally:
            self.local.busy = before

    def wait(self, what, stream=None, until=None):
        """The host waits for a stream."""
        assert not getattr(self.local, "busy", False), f"the host waits in a step: {what}"
        assert self.captured is None, f"the host waits in a capture: {what}"
        self.waits.append(what)
        stream = stream or self.streams[-1]
        self.done[stream] = max(self.done[stream], self.clock[stream] if until is None else until)

    def ordered(self, stream, moment):
        """Whether what a stream (None: the host) does next comes after a moment of another."""
        other, time = moment
        return other == stream or time <= max(self.done[other], self.known[stream, other])

    def tick(self):
        """One more thing on the current stream; where, and when."""
        stream = self.streams[-1]
        self.clock[stream] += 1
        return stream, self.clock[stream]

    def launch(self, name, function, *arguments, **named):
        """Run a kernel on the current device and stream."""
        operands = list(_arrays((arguments, named)))
        if self.captured is not None:
            return self._capture(name, function, operands, _plain(arguments), _plain(named))
        self.launches += 1
        stream, time = self.tick()
        for a in operands:
            assert a.device.id == self.devices[-1], f"{name} runs on GPU {self.devices[-1]}"
            if not self.ordered(stream, a.memory.written):
                self.races.append(f"{name} reads what another stream may not have written yet")
            a.memory.readers[stream] = time
        return self.wrap(name, function(*_plain(arguments), **_plain(named)), operands)

    def _capture(self, name, function, operands, arguments, named):
        """Keep what is launched, and what it would change."""
        self.saved += [(a.host, a.host.copy()) for a in operands]
        result = self.wrap(name, function(*arguments, **named), operands)
        place = result.host if isinstance(result, Array) else None
        self.captured.append((function, arguments, named, place))
        return result

    def begin_capture(self):
        """What is launched from here on is kept, and nothing changes by it."""
        assert self.allocators, "memory of a graph that others may take"
        self.captured, self.saved = [], []

    def end_capture(self):
        """What does again what was launched."""
        launches, self.captured = self.captured, None
        for host, before in reversed(self.saved):
            if host.flags.writeable:
                host[...] = before

        def launch(stream=None):
            self.launches += 1
            self.graphs += 1
            self.tick()
            for function, arguments, named, place in launches:
                again = function(*arguments, **named)
                if place is not None and again is not place:
                    place[...] = again

        return types.SimpleNamespace(launch=launch)

    def wrap(self, name, result, operands=()):
        """Arrays from NumPy's: of reductions, too, there are 0-d arrays."""
        if isinstance(result, tuple | list):
            return type(result)(self.wrap(name, part, operands) for part in result)
        if not isinstance(result, np.ndarray | np.generic):
            return result
        if result.dtype == np.float64:
            self.wide.append(name)
        for a in operands:
            if result is a.host:
                return a
            if isinstance(result, np.ndarray) and np.may_share_memory(result, a.host):
                return self.ndarray(result, a.memory, a.device.id)
        if self.limit is not None and result.nbytes > self.limit:
            raise self.module.cuda.memory.OutOfMemoryError(result.nbytes, 0)
        return self.ndarray(np.asarray(result), Memory(self, self.streams[-1]), self.devices[-1])


def _arrays(tree):
    if isinstance(tree, Array):
        yield tree
    elif isinstance(tree, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    elif isinstance(tree, list | tuple | dict):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _arrays(part)


def _plain(tree):
    if isinstance(tree, list | tuple):
        return type(tree)(_plain(part) for part in tree)
    if isinstance(tree, dict):
        return {key: _plain(part) for key, part in tree.items()}
    return tree.host if isinstance(tree, Array) else tree


class Array:
    """What arrays of all these modules are; each has a class ``ndarray`` of its own."""

    gpus = None
    __array_ufunc__ = None

    def __init__(self, host, memory, device):
        self.host, self.memory = host, memory
        self.device = self.gpus.module.cuda.Device(device)

    shape = property(lambda self: self.host.shape)
    ndim = property(lambda self: self.host.ndim)
    dtype = property(lambda self: self.host.dtype)
    size = property(lambda self: self.host.size)
    nbytes = property(lambda self: self.host.nbytes)
    strides = property(lambda self: self.host.strides)
    flags = property(lambda self: self.host.flags)
    data = property(lambda self: types.SimpleNamespace(ptr=self.host.ctypes.data))
    __hash__ = None

    def __len__(self):
        return len(self.host)

    def _masks(self, key):
        if any(a.dtype == bool for a in _arrays(key)):
            self.gpus.wait("for the length of a boolean mask")

    def __getitem__(self, key):
        self._masks(key)
        return self.gpus.launch("getitem", lambda a, k: a[k], self, key)

    def __setitem__(self, key, value):
        self._masks(key)
        self.gpus.launch("setitem", operator.setitem, self, key, value)
        self.memory.written = self.gpus.streams[-1], self.gpus.clock[self.gpus.streams[-1]]

    def get(self):
        self.gpus.launch("get", lambda a: None, self)
        self.gpus.wait("for a copy to the host")
        return self.host.copy()

    def set(self, host, stream=None):
        gpus = self.gpus
        assert host.dtype == self.dtype, "of another dtype"
        assert host.shape == self.shape, "of another shape"
        moment = gpus.tick()
        self.host[...], self.memory.written = host, moment
        if isinstance(host.base, Pinned):
            host.base.copied, host.base.gpus = moment, gpus

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def _operators():
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul",
                 "and", "or", "xor", "lshift", "rshift"):  # fmt: skip
        plain, place = getattr(operator, f"__{name}__"), getattr(operator, f"__i{name}__")

        def forth(self, other, name=name, plain=plain):
            return self.gpus.launch(name, plain, self, other)

        def back(self, other, name=name, plain=plain):
            return self.gpus.launch(name, plain, other, self)

        def inplace(self, other, name=name, place=place):
            result = self.gpus.launch(name, place, self, other)
            self.memory.written = self.gpus.streams[-1], self.gpus.clock[self.gpus.streams[-1]]
            return result

        yield from ((f"__{name}__", forth), (f"__r{name}__", back), (f"__i{name}__", inplace))
    for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"):
        plain = getattr(operator, f"__{name}__")
        yield f"__{name}__", lambda self, *o, n=name, f=plain: self.gpus.launch(n, f, self, *o)
    for name in ("astype", "copy", "clip", "reshape", "transpose", "swapaxes", "ravel", "argmax",
                 "sum", "max", "min"):  # fmt: skip
        method = getattr(np.ndarray, name)
        yield name, lambda self, *a, n=name, f=method, **k: self.gpus.launch(n, f, self, *a, **k)
    for name in ("T", "mT"):
        yield (
            name,
            property(lambda self, n=name: self.gpus.launch(n, lambda a: getattr(a, n), self)),
        )
    for name in ("__float__", "__int__", "__bool__", "__index__", "item", "tolist"):
        yield name, lambda self, n=name: getattr(self.get(), n)()


for _name, _method in _operators():
    setattr(Array, _name, _method)
