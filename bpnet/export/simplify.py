"""Simplification of a traced graph, to the operators that a person would write.

No array of a graph is empty, so that a trace's guards against empty arrays are constants.
onnxscript's passes fold these, and the rules below find the usual operators.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpnet.export.library import library

_FOLDED = 1 << 20
"""Most bytes of an array that folding constants makes, as it is stored in the file."""


def simplify(model: Any, fixed: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """Return a model from ``ndonnx.build`` with the same outputs and fewer, plainer operators.

    Inputs in ``fixed`` become constants of the graph, with these values.
    """
    onnx, ir = library("onnx"), library("onnx_ir")
    for node in model.graph.node:
        if node.op_type == "Size":  # traces only compare it with 0
            one = onnx.numpy_helper.from_array(np.asarray(1))
            node.CopyFrom(onnx.helper.make_node("Constant", [], list(node.output), value=one))
    # an input with an initializer could still be given: a constant is no input at all
    inputs = [entry for entry in model.graph.input if entry.name not in fixed]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    for name, value in fixed.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    graph = ir.from_proto(model)
    optimizer, rewriter = library("onnxscript.optimizer"), library("onnxscript.rewriter")
    for rules in _rules(rewriter):
        optimizer.fold_constants(graph, input_size_limit=_FOLDED, output_size_limit=_FOLDED)
        graph = _cleaned(graph)  # a rule recognizes a constant by its name
        rewriter.rewrite(graph, pattern_rewrite_rules=rules)
    return ir.to_proto(_cleaned(graph))


def _cleaned(graph: Any) -> Any:
    """The graph with inferred shapes, without unused and duplicate nodes."""
    ir, passes = library("onnx_ir"), library("onnx_ir.passes.common")
    for name in (
        "ShapeInferencePass",
        "RemoveUnusedNodesPass",
        "LiftConstantsToInitializersPass",
        "DeduplicateInitializersPass",
        "CommonSubexpressionEliminationPass",
        "IdentityEliminationPass",
        "RemoveUnusedNodesPass",
    ):
        options = {"lift_all_constants": True, "size_limit": 0} if name.startswith("Lift") else {}
        getattr(passes, name)(**options)(graph)
    # a value in memory still counts uses in deleted branches, and no rule would match: reload it
    return ir.from_proto(ir.to_proto(graph))


def _rules(rewriter: Any) -> list[Any]:
    """Rules in the order in which they are applied."""
    common = library("onnxscript.rewriter.rules.common")
    rule = rewriter.RewriteRule
    # each rewriting lets the next one find its pattern: softmax needs the plain ReduceMax
    return [
        [rule(_traced_max, lambda op, z, axes, **_: op.ReduceMax(z, axes, keepdims=1))],
        [
            rule(_traced_softmax, lambda op, z, **_: op.Softmax(z, axis=-1)),
            rule(_traced_sigmoid, lambda op, z, **_: op.Sigmoid(z), _is_sigmoid),
            rule(_traced_relu, lambda op, z, **_: op.Relu(z), _is_relu),
        ],
        [common.matmul_add_to_gemm_rule],
    ]


def _traced_max(op: Any, z: Any, axes: Any, nan: Any, last: Any, behind: Any) -> Any:
    """Largest value of each row, with a separate search for nan."""
    has_nan = op.ReduceMax(op.IsNaN(z), axes, _allow_other_attributes=True)
    top = op.ReduceMax(op.Unsqueeze(z, last), axes, _allow_other_attributes=True)
    return op.Where(has_nan, nan, op.Squeeze(top, behind))


def _traced_softmax(op: Any, z: Any, axes: Any) -> Any:
    top = op.ReduceMax(z, axes, _allow_other_attributes=True)
    e = op.Exp(op.Sub(z, top))
    return op.Div(e, op.ReduceSum(e, axes, _allow_other_attributes=True))


def _traced_sigmoid(op: Any, z: Any, zero: Any, one: Any) -> Any:
    e = op.Exp(op.Neg(op.Abs(z)))
    # `ones_like(e)` of the sigmoid in core, as a trace has it
    ones = op.Expand(one, op.Shape(e, _allow_other_attributes=True))
    return op.Div(op.Where(op.Less(z, zero), e, ones), op.Add(one, e))


def _traced_relu(op: Any, z: Any, zero: Any) -> Any:
    return op.Max(z, zero)


def _is_sigmoid(_context: Any, zero: Any, one: Any, **_: Any) -> bool:
    return _is_constant(zero, 0.0) and _is_constant(one, 1.0)


def _is_relu(_context: Any, zero: Any, **_: Any) -> bool:
    return _is_constant(zero, 0.0)


def _is_constant(value: Any, number: float) -> bool:
    """Whether a value of the graph is this constant."""
    constant = value.const_value
    return constant is not None and constant.size == 1 and constant.numpy().item() == number
