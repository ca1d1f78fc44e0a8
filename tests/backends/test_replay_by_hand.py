"""Replayed functions, trees of arrays and carries."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpnet import backends
from bpnet.backends import (
    loop,
    trees,
)
from bpnet.backends.numpy import NumPy
from bpnet.check.watch import Watch
from tests.assertions import error_message
from tests.backends.test_trace import assert_same, scanned
from tests.strangers import Converted, Dlpack, Library


def array(*shape, dtype=np.float32):
    return np.random.default_rng(1).normal(size=shape).astype(dtype) * 3


REPLAYED = {
    **{
        f"{name} axis={axis} keepdims={keeps}": (
            lambda a, x, xp, name=name, axis=axis, keeps=keeps:
            getattr(xp, name)(a + x, axis=axis, keepdims=keeps)
        )
        for name in ("sum", "max", "min", "mean", "all", "argmax")
        for axis in (-1, -2, 0) for keeps in (False, True)
    },
    "sum of all": lambda a, x, xp: xp.sum(a * x),
    "sum in another type": lambda a, x, xp: xp.sum(a + x, axis=-1, dtype=xp.float64),
    "sum of whole numbers": lambda a, x, xp: xp.sum(xp.astype(a + x, xp.int32), axis=-1),
    "max of all": lambda a, x, xp: xp.max(a - x),
    "a product": lambda a, x, xp: (a + x) @ xp.matrix_transpose(a),
    "a product of transposes": lambda a, x, xp: (a + x).T @ a,
    "a power": lambda a, x, xp: (a * x) ** 2,
    "a root": lambda a, x, xp: xp.abs(a * x) ** 0.5,
    "clip below": lambda a, x, xp: xp.clip(a + x, 0.5, None),
    "clip above": lambda a, x, xp: xp.clip(a + x, None, 0.5),
    "maximum with a number": lambda a, x, xp: xp.maximum(a + x, xp.asarray(0.25, dtype=xp.float32)),
    "where": lambda a, x, xp: xp.where(a > x, a, -a),
    "comparisons": lambda a, x, xp: xp.astype(
        xp.logical_and(a >= x, xp.logical_not(a == x)), xp.float32
    ),
    "take of rows": lambda a, x, xp: xp.take(a * x, xp.asarray([2, 0, 2]), axis=0),
    "take of columns": lambda a, x, xp: xp.take(a * x, xp.asarray([1, 1]), axis=1),
    "concat of rows": lambda a, x, xp: xp.concat([a + x, a - x]),
    "concat of columns": lambda a, x, xp: xp.concat([a + x, a - x], axis=1),
    "reshape": lambda a, x, xp: xp.reshape(a * x, (-1, 2)),
    "reshape to a copy": lambda a, x, xp: xp.reshape(a * x, (2, -1), copy=True),
    "a type": lambda a, x, xp: xp.astype(a * x, xp.float64),
    "the same type": lambda a, x, xp: xp.astype(a * x, xp.float32, copy=False) + 1,
    "an axis more": lambda a, x, xp: (a * x)[..., None] + (a - x)[None, ...][0][..., None],
    "parts": lambda a, x, xp: (a * x)[1:3, ::2],
    "zeros and ones": lambda a, x, xp: xp.zeros_like(a) + xp.ones_like(a + x) * x,
    "signs": lambda a, x, xp: xp.sign(a - x) * xp.floor(a) + xp.round(x),
    "numbers before": lambda a, x, xp: (1.0 - a) / (2.0 + xp.abs(x)) + 3,
    "exponentials": lambda a, x, xp: xp.log1p(xp.exp(-xp.abs(a))) + xp.expm1(-xp.abs(x)),
    "squares of sums": lambda a, x, xp: xp.sqrt(xp.sum(a * a, axis=-1, keepdims=True)) * x,
}  # fmt: skip


@pytest.mark.parametrize("name", REPLAYED)
@pytest.mark.parametrize("shape", [(6, 4), (3, 4), (40, 4)])
def test_each_function_with_each_option_is_replayed_to_the_bit(name, shape):
    function = REPLAYED[name]

    def step(carry, x, *, xp):
        (a,) = carry
        return (a * 0.5 + x * 0.25,), (function(a, x, xp),)

    assert_same(*scanned(step, (array(*shape),)))


@pytest.mark.parametrize("result", [(np.ones(1), 2.0), [np.ones(1), 2.0]])
def test_arrays_in_what_a_function_gives_are_watched_too(result):
    watch = Watch(NumPy())
    actual = watch.wrap(result)
    assert type(actual) is type(result)
    assert (type(actual[0]).__name__, actual[1]) == ("Recorded", 2.0)


def test_parts_of_trees():
    tree = {"a": (np.ones((2, 1)), [np.zeros((2, 2)), 3]), "b": None}
    assert [leaf.shape for leaf in trees.leaves(tree)] == [(2, 1), (2, 2)]
    assert trees.map_leaves(lambda a: a.shape, tree) == {"a": ((2, 1), [(2, 2), 3]), "b": None}
    rows = list(zip(range(2), trees.unstack(tree, loop.elements), strict=False))
    assert rows[1][1]["a"][0].tolist() == [1.0]
    assert rows[0][1]["a"][1][1] == 3
    assert [trees.scalars(t) for t in (tree, {"a": (np.ones(1),)}, None, "x", [None])] == [
        True, False, False, True, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("carry", "dtype"),
    [((np.ones(1, np.float32), np.ones(1)), "float64"), ((np.ones(1, np.float32),), "float32"),
     ((np.ones(1, np.float16),), "float32"), ((), "float32")],
)  # fmt: skip
def test_real_numbers_of_a_carry(carry, dtype):
    assert loop.real(carry) == dtype


def test_axes_of_different_lengths_are_refused():
    assert loop.length({"a": np.ones((3, 1)), "b": np.ones(3)}) == 3
    assert error_message(loop.length, (np.ones(3), np.ones(2))) == (
        "scan was given leading axes of [2, 3]; wanted arrays of one length"
    )


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("le", "lt"), ("lt", "le"), ("gt", "ge"), ("ge", "gt"), ("eq", "ne"), ("xor", "or"),
        ("lshift", "rshift"), ("rshift", "lshift"), ("add", "sub"), ("sub", "add"),
        ("mul", "truediv"), ("truediv", "mul"), ("rsub", "sub"), ("rtruediv", "truediv"),
    ],
)  # fmt: skip
def test_a_library_with_another_operator_in_the_place_of_one_is_refused(name, other):
    library = Library("mylib", Dlpack, Converted)
    assert backends.get(library).name == "mylib"
    library = Library("mylib", Dlpack, Converted)
    setattr(library.Array, f"__{name}__", getattr(library.Array, f"__{other}__"))
    text = error_message(backends.get, library)
    assert text.startswith("mylib can't be used as a backend: ")
    assert text.endswith("; name another backend")


@pytest.mark.parametrize("name", ["sum", "max", "min"])
@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("keeps", [False, True])
def test_sums_and_extremes_keep_the_axes_that_they_were_told_to(name, by_name, keeps):
    from bpnet.backends.trace.graph import Call, Constant
    from bpnet.backends.trace.on_cupy import OnCuPy

    options = {"axis": 1, **({"dtype": "f8"} if name == "sum" else {}), "keepdims": keeps}
    given = {key: Constant(value) for key, value in options.items()}
    call = (
        Call(name, (0,), tuple(given.items()), 1)
        if by_name
        else Call(name, (0, *given.values()), (), 1)
    )
    graph = SimpleNamespace(values={1: SimpleNamespace(scalar=False)})
    actual = OnCuPy(np, np.ndarray)._form(graph, call).constants
    assert (actual["axis"], actual["keeps"]) == (1, keeps)
    assert actual["dtype"] == options.get("dtype", actual["dtype"])
