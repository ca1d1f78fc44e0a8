"""Names in a graph: those that users see are kept, and no value within takes one of them."""

import numpy as np
import pytest

from bpnet.errors import InputError
from bpnet.export import trace

onnx = pytest.importorskip("onnx")


def graph(*ops):
    """A graph of one operator after another, each with a constant of its own."""
    make, nodes = onnx.helper.make_node, []
    for i, op in enumerate(ops):
        nodes.append(make(op, [f"t{i}", f"c{i}"], [f"t{i + 1}"]))
    value = lambda name: onnx.helper.make_tensor_value_info(name, 1, [2])  # noqa: E731
    constants = [onnx.numpy_helper.from_array(np.ones(2, "f4"), f"c{i}") for i in range(len(ops))]
    made = onnx.helper.make_graph(
        nodes, "x", [value("t0")], [value(f"t{len(ops)}")], initializer=constants
    )
    return onnx.helper.make_model(made)


@pytest.mark.parametrize(
    ("first", "last", "within"),
    [("x", "y", ["Add.0", "Add.1"]), ("Add.0", "y", ["Add.1", "Add.2"]),
     ("x", "Add.1", ["Add.0", "Add.2"]), ("Add.1", "Add.0", ["Add.2", "Add.3"])],
)  # fmt: skip
def test_values_within_take_free_names(first, last, within):
    model = trace._renamed(graph("Add", "Add", "Add"), {"t0": first, "t3": last})
    assert [node.output[0] for node in model.graph.node] == [*within, last]
    assert [node.input[0] for node in model.graph.node] == [first, *within]
    onnx.checker.check_model(model)


def test_constants_take_free_names_too():
    model = trace._renamed(graph("Add", "Mul"), {"t0": "constant.0", "t2": "y"})
    assert [tensor.name for tensor in model.graph.initializer] == ["constant.1", "constant.2"]
    assert [node.input[1] for node in model.graph.node] == ["constant.1", "constant.2"]
    assert model.graph.node[0].output[0] == "Add.0"
    assert model.graph.node[0].name == "node:Add.0"


def test_arrays_of_trees_by_their_names():
    named = (("W.0", "b.0"), ())
    assert trace.by_name(named, ((1, 2), ())) == {"W.0": 1, "b.0": 2}
    slots = (((1, 2), (3, 4)), ())
    assert trace.by_name(named, slots) == {
        "W.0.slot0": 1, "W.0.slot1": 2, "b.0.slot0": 3, "b.0.slot1": 4
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: trace.check_path("a.pb"), "an ONNX file is named .onnx, not 'a.pb'; rename it"),
        (lambda: trace.check_dtype("float16"),
         "dtype is 'float16'; an ONNX file is float32 or float64"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(call, text):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == text
