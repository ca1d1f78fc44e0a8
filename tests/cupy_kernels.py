"""CuPy's class of elementwise kernels, whose text a C++ compiler makes a function of the processor.

It has no other way to look at the text than CuPy has: parameters with their types, an operation for
each place, arrays that are broadcast to one shape. ``-ffp-contract=off`` is ``--fmad=false``.
"""

import ctypes
import hashlib
import subprocess
import tempfile
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from bpnet.backends.trace.expressions import STORED

_FLAGS = ("-O1", "-ffp-contract=off", "-fno-fast-math", "-shared", "-fPIC", "-w", "-std=c++17")
_SOURCE = """
#include <cmath>
using namespace std;
typedef _Float16 float16;
extern "C" void run(long n, int axes, const long* shape, char** at, const long* strides) {
  for (long i = 0; i < n; i++) {
    long rest = i, offset[COUNT] = {};
    for (int d = axes - 1; d >= 0; d--) {
      long place = rest % shape[d];
      rest /= shape[d];
      for (int j = 0; j < COUNT; j++) offset[j] += place * strides[j * axes + d];
    }
    PARAMETERS
    OPERATION
  }
}
"""


@lru_cache
def _folder():
    return tempfile.TemporaryDirectory(prefix="bpnet-kernels-")


@cache
def function(ins, outs, operation):
    """The kernel as a function of pointers."""
    params = [p.strip().rsplit(" ", 1) for p in f"{ins}, {outs}".split(",") if p.strip()]
    lines = [
        f"{STORED[kind]}& {name} = *({STORED[kind]}*)(at[{j}] + offset[{j}]);"
        for j, (kind, name) in enumerate(params)
    ]
    source = _SOURCE.replace("COUNT", str(len(params)))
    source = source.replace("PARAMETERS", "\n".join(lines)).replace("OPERATION", operation)
    base = Path(_folder().name) / hashlib.sha256(source.encode()).hexdigest()[:24]
    base.with_suffix(".cpp").write_text(source)
    made = subprocess.run(
        ["g++", *_FLAGS, "-o", f"{base}.so", f"{base}.cpp"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert made.returncode == 0, f"{made.stderr}\n{source}"
    return ctypes.CDLL(f"{base}.so").run, params


def kernels(gpus):
    """The class, for the GPUs of a stand-in."""

    class ElementwiseKernel:
        def __init__(self, in_params, out_params, operation, name="kernel", *, options=(),
                     no_return=False):  # fmt: skip
            assert "--fmad=false" in options, "sums of products in one rounding"
            self.ins, self.outs, self.text = in_params, out_params, operation
            self.nin = sum(bool(p.strip()) for p in in_params.split(","))

        def __call__(self, *arguments):
            _, params = function(self.ins, self.outs, self.text)
            assert len(arguments) == len(params), "memory for results is to be given"
            for i, (a, (kind, _)) in enumerate(zip(arguments, params, strict=True)):
                is_array = isinstance(a, gpus.ndarray)
                assert is_array or i < self.nin, "a number to be written to"
                assert not is_array or a.dtype.name == kind, f"{a.dtype} for {kind}"
            written = arguments[self.nin :]
            for a in arguments[: self.nin]:
                if isinstance(a, gpus.ndarray):
                    shares = any(np.may_share_memory(a.host, b.host) for b in written)
                    assert not shares, "CuPy would copy what is read and written to"
            gpus.launch("kernel", self._run, *arguments)
            for a in written:
                a.memory.written = gpus.streams[-1], gpus.clock[gpus.streams[-1]]

        def _run(self, *arguments):
            run, params = function(self.ins, self.outs, self.text)
            hosts = [np.asarray(a, kind) for a, (kind, _) in zip(arguments, params, strict=True)]
            shape = np.broadcast_shapes(*(a.shape for a in hosts))
            for a in hosts[self.nin :]:
                assert a.shape == shape, "a result of another shape than CuPy would make"
            views = [np.broadcast_to(a, shape) for a in hosts]
            strides = np.asarray([v.strides for v in views], np.int64).reshape(len(views), -1)
            lengths = np.asarray(shape, np.int64)
            at = (ctypes.c_void_p * len(views))(*(v.ctypes.data for v in views))
            n = int(np.prod(shape))
            run(ctypes.c_long(n), len(shape), lengths.ctypes.data_as(ctypes.c_void_p), at,
                np.ascontiguousarray(strides).ctypes.data_as(ctypes.c_void_p))  # fmt: skip

    return ElementwiseKernel
