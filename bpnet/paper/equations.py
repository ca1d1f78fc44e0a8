"""The paper's equations (1)-(29): formula, meaning, and the functions that compute them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Equation:
    """One equation of the paper.

    Parameters
    ----------
    latex : str
        The formula, with errors of the paper's print corrected.
    says : str
        Meaning of the equation, in a sentence.
    source : tuple of str
        Functions and methods of :mod:`bpnet.core` that compute it, that with the citation first.
    slip : str
        Error in the paper's print, or a restriction.
    """

    latex: str
    says: str
    source: tuple[str, ...]
    slip: str = ""


# (15) and (18) to (22) are steps to one formula, which these functions compute together
_HIDDEN = ("feedforward.hidden_error", "feedforward.propagate", "activations.Elementwise.backward")
# the derivative of the cost by a^L, and its product with sigma'
_QUADRATIC = ("costs.Quadratic.delta", "activations.Elementwise.backward")
_ONE_EXAMPLE = (
    "It holds for one example. Over a batch each error is divided by the number of examples, "
    "so that every sum that follows is a mean."
)

EQUATIONS: dict[int, Equation] = {
    1: Equation(
        r"\nabla_{\vec v}\,C = \nabla C \cdot \vec v",
        "The rate at which C changes along v; it is a slope where v has length 1.",
        ("descent.directional_derivative",),
    ),
    2: Equation(
        r"-\max\limits_{\|\vec v\|=1} \nabla C \cdot \vec v"
        r" = \min\limits_{\|\vec v\|=1} \nabla C \cdot \vec v",
        "C falls fastest against its gradient: this is the v of length 1 that attains it.",
        ("descent.steepest_descent",),
    ),
    3: Equation(
        r"w \leftarrow w - \eta \cdot \nabla C(w)",
        "One step of gradient descent; eta is the learning rate.",
        ("descent.descend",),
    ),
    4: Equation(
        r"C(w,b) = \frac{1}{2m} \sum_x \|\hat y(x) - y(x)\|^2",
        "The mean squared error: half the squared distance, averaged over m examples.",
        ("costs.mean_cost", "costs.Quadratic.value"),
    ),
    5: Equation(
        r"C_{x^{(i)}}(w,b) = \frac{1}{2} \|\hat y(x^{(i)}) - y(x^{(i)})\|^2",
        "The cost of one example, of which (4) is the mean.",
        ("costs.Quadratic.value",),
    ),
    6: Equation(
        r"\frac{1}{k} \sum_{i=1}^{k} \nabla C_{x^{(i)}} \approx"
        r" \frac{1}{m} \sum_{i=1}^{m} \nabla C_{x^{(i)}} = \nabla C",
        "The mean gradient of k examples stands for that of all m.",
        ("feedforward.batch_error",),
    ),
    7: Equation(
        r"(w,b) \leftarrow (w,b) - \frac{\eta}{k} \sum_{i=1}^{k} \nabla C_{x^{(i)}}(w,b)",
        "The step of a mini-batch; g is already the mean over its k examples.",
        ("rules.SGD.update",),
    ),
    8: Equation(
        r"\sigma(z) = \frac{1}{1 + e^{-z}}",
        "The sigmoid, from e to the power of −|z|, which cannot overflow.",
        ("activations.Sigmoid.sigma",),
    ),
    9: Equation(
        r"C(w,b) = \frac{1}{2m} \sum_x \|y(x) - a^L(x)\|^2",
        "(4) for a network, whose output is the activation of layer L.",
        ("costs.mean_cost", "costs.Quadratic.value"),
    ),
    10: Equation(
        r"a_j^l = \sigma\left(\sum_k w_{jk}^l a_k^{l-1} + b_j^l\right)",
        "What one neuron makes of the layer below.",
        ("feedforward.activate", "feedforward.weighted_input"),
        "The paper prints the sum outside sigma, and the bias under it; (12)-(14) are right.",
    ),
    11: Equation(
        r"a^l = \sigma(W^l a^{l-1} + b^l)",
        "The same for a whole layer.",
        ("feedforward.activate", "feedforward.weighted_input"),
    ),
    12: Equation(
        r"z_j^l = \sum_k w_{jk}^l a_k^{l-1} + b_j^l",
        "The weighted input of a neuron, kept because backpropagation needs it.",
        ("feedforward.weighted_input",),
    ),
    13: Equation(
        r"z^l = W^l a^{l-1} + b^l",
        "The weighted input of a layer. The rows of a are examples, and W is stored transposed.",
        ("feedforward.weighted_input",),
    ),
    14: Equation(
        r"a^l = \sigma(z^l)",
        "The activation, from the weighted input.",
        ("feedforward.activate",),
    ),
    15: Equation(
        r"\delta_j^l = \frac{\partial C}{\partial z_j^l}",
        "The error of a neuron: how the cost answers to its weighted input.",
        _HIDDEN,
    ),
    16: Equation(
        r"\delta_j^L = \frac{\partial C}{\partial a_j^L}"
        r" \frac{\partial a_j^L}{\partial z_j^L}"
        r" = \frac{\partial C}{\partial a_j^L} \sigma'(z_j^L)",
        "The error of an output neuron, by the chain rule.",
        _QUADRATIC,
    ),
    17: Equation(
        r"\delta^L = \nabla_a C \odot \sigma'(z^L) = (a^L - y) \odot \sigma'(z^L)",
        "The same for the output layer, with the quadratic cost.",
        _QUADRATIC,
        _ONE_EXAMPLE,
    ),
    18: Equation(
        r"\delta_j^l = \sum_k \frac{\partial C}{\partial z_k^{l+1}}"
        r" \frac{\partial z_k^{l+1}}{\partial z_j^l}"
        r" = \sum_k \delta_k^{l+1} \frac{\partial z_k^{l+1}}{\partial z_j^l}",
        "A hidden neuron acts on the cost through every neuron of the next layer.",
        _HIDDEN,
    ),
    19: Equation(
        r"z_k^{l+1} = \sum_j w_{kj}^{l+1} a_j^l + b_k^{l+1}"
        r" = \sum_j w_{kj}^{l+1} \sigma(z_j^l) + b_k^{l+1}",
        "The next layer's weighted input, as a function of this layer's.",
        _HIDDEN,
    ),
    20: Equation(
        r"\frac{\partial z_k^{l+1}}{\partial z_j^l} = w_{kj}^{l+1} \sigma'(z_j^l)",
        "Its derivative, the second factor of (18).",
        _HIDDEN,
    ),
    21: Equation(
        r"\delta_j^l = \sum_k w_{kj}^{l+1} \delta_k^{l+1} \sigma'(z_j^l)",
        "The error of a hidden neuron, from the errors above it.",
        _HIDDEN,
    ),
    22: Equation(
        r"\delta^l = \left((W^{l+1})^{\top} \delta^{l+1}\right) \odot \sigma'(z^l)",
        "The same for a layer: the error goes back through the weights. This is backpropagation.",
        _HIDDEN,
    ),
    23: Equation(
        r"\frac{\partial C}{\partial b_j^l} = \frac{\partial C}{\partial z_j^l}"
        r" \frac{\partial z_j^l}{\partial b_j^l} = \delta_j^l",
        "The gradient of a bias is the error itself.",
        ("feedforward.bias_gradient",),
        "On the way, the paper prints a with the index j under its sum over k; it is k.",
    ),
    24: Equation(
        r"\frac{\partial C}{\partial w_{jk}^l} = \frac{\partial C}{\partial z_j^l}"
        r" \frac{\partial z_j^l}{\partial w_{jk}^l} = \delta_j^l a_k^{l-1}",
        "The gradient of a weight: the error above it times the activation below it.",
        ("feedforward.weight_gradient",),
    ),
    25: Equation(
        r"C = -\frac{1}{m} \sum_x \sum_j \left[ y_j \ln a_j^L + (1 - y_j) \ln(1 - a_j^L) \right]",
        "The cross-entropy, from z: a logarithm of a rounded a would be lost.",
        ("costs.CrossEntropy.value",),
    ),
    26: Equation(
        r"\delta_j^L = \frac{\sigma(z_j^L) - y_j}{\sigma'(z_j^L)} \sigma'(z_j^L) = a_j^L - y_j",
        "With the cross-entropy the derivative of sigma cancels.",
        ("costs.CrossEntropy.delta",),
        _ONE_EXAMPLE,
    ),
    27: Equation(
        r"C = C_0 + \frac{\alpha}{2m} \sum_w w^2",
        "L2 regularization: large weights cost. Biases do not count.",
        ("regularizers.l2_cost",),
    ),
    28: Equation(
        r"b \leftarrow b - \eta \frac{\partial C}{\partial b}",
        "The step of a bias is as it was.",
        ("regularizers.l2_gradient", "rules.SGD.update"),
    ),
    29: Equation(
        r"w \leftarrow \left(1 - \frac{\eta\alpha}{m}\right) w"
        r" - \eta \frac{\partial C_0}{\partial w}",
        "The step of a weight first shrinks it: weight decay.",
        ("regularizers.l2_gradient", "rules.SGD.update"),
    ),
}
"""Each equation by its number."""

SLIPS: dict[str, str] = {
    **{f"({n})": e.slip for n, e in EQUATIONS.items() if e.slip},
    "Section 2": (
        "A picture of 100x100 pixels has n = 10,000 values, not 100. Its terms of second degree "
        "number (n+1)!/(2! (n-1)!) = {terms:,}, not 5,050; the conclusion stands all the more."
    ),
}
"""Errors in the paper's print, by place."""
