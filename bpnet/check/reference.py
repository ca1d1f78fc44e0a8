"""The paper in plain Python: one example at a time, numbers and lists, no array library.

This module is the oracle: ``bpnet check`` and the tests compare what bpnet computes with it. It is
written to be read beside the paper, from equation (1) to (29). A vector is a list; ``W`` is the
paper's W^l, a list of rows, ``W[j][k]`` the weight from neuron k of layer l - 1 to neuron j of
layer l. A network is a list of layers ``(W, b, name of sigma)``. Numbers in parentheses are the
paper's equations; what has no number is an extension in its textbook form.
"""

import cmath
import math
from collections.abc import Callable, Sequence
from typing import Any

Number = Any  # float, complex for a derivative, or a number of mpmath in the tests
Vector = Sequence[Number]
Matrix = Sequence[Vector]
Network = Sequence[tuple[Matrix, Vector, str]]
Gradients = Sequence[tuple[Matrix, Vector]]

LEAKY_SLOPE, ELU_ALPHA, HUBER_THRESHOLD = 0.01, 1.0, 1.0
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


# The derivative by its definition, which knows nothing of backpropagation.


def derivative(f: Callable[[Vector], Number], at: Vector) -> Vector:
    """Return df/dx_j at a vector, Im f(x + ih e_j) / h: the complex step, exact to rounding."""
    # h^2 vanishes beside 1, and no difference is taken that could cancel
    h = 1e-30
    step = [[x + 1j * h * (i == j) for i, x in enumerate(at)] for j in range(len(at))]
    return [f(x).imag / h for x in step]


def exp(z: Number) -> Number:
    """Return e^z, of a complex number too."""
    return cmath.exp(z) if isinstance(z, complex) else math.exp(z)


def log(z: Number) -> Number:
    """Return ln z, of a complex number too."""
    return cmath.log(z) if isinstance(z, complex) else math.log(z)


# Gradient descent on a function of several variables, section 1.1.


def directional_derivative(gradient: Vector, v: Vector) -> Number:
    """sum_j dC/dx_j v_j (1)."""
    return sum(g_j * v_j for g_j, v_j in zip(gradient, v, strict=True))


def steepest_descent(gradient: Vector) -> Vector:
    """-gradient / ||gradient|| (2)."""
    length = math.sqrt(sum(g_j * g_j for g_j in gradient))
    return [-g_j / length for g_j in gradient]


def descend(w: Vector, gradient: Vector, eta: Number) -> Vector:
    """Position w - eta gradient (3)."""
    return [w_j - eta * g_j for w_j, g_j in zip(w, gradient, strict=True)]


# Activations: sigma and sigma' of one weighted input.


def sigmoid(z: Number) -> Number:
    """sigma(z) = 1 / (1 + e^(-z)) (8)."""
    return 1 / (1 + exp(-z))


def sigmoid_prime(z: Number) -> Number:
    """sigma'(z) = sigma(z) (1 - sigma(z)), below (16)."""
    return sigmoid(z) * (1 - sigmoid(z))


def normal_cdf(z: Number) -> Number:
    """Phi(z), the distribution function of the standard normal."""
    # erfc keeps its digits where Phi is near 0
    return math.erfc(-z / math.sqrt(2)) / 2


def normal_pdf(z: Number) -> Number:
    """phi(z), the density of the standard normal."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def elu(z: Number, alpha: float = ELU_ALPHA) -> Number:
    """elu(z) = z where z is positive, alpha (e^z - 1) elsewhere."""
    return z if z > 0 else alpha * (math.exp(z) - 1)


def elu_prime(z: Number, alpha: float = ELU_ALPHA) -> Number:
    """elu'(z) = 1 where z is positive, alpha e^z elsewhere."""
    return 1.0 if z > 0 else alpha * math.exp(z)


SIGMA: dict[str, tuple[Callable[[Number], Number], Callable[[Number], Number]]] = {
    "identity": (lambda z: z, lambda z: 1.0),
    "sigmoid": (sigmoid, sigmoid_prime),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "leaky_relu": (
        lambda z: z if z > 0 else LEAKY_SLOPE * z,
        lambda z: 1.0 if z > 0 else LEAKY_SLOPE,
    ),
    "elu": (elu, elu_prime),
    "selu": (
        lambda z: SELU_SCALE * elu(z, SELU_ALPHA),
        lambda z: SELU_SCALE * elu_prime(z, SELU_ALPHA),
    ),
    "softplus": (lambda z: math.log(1 + math.exp(z)), sigmoid),
    "gelu": (lambda z: z * normal_cdf(z), lambda z: normal_cdf(z) + z * normal_pdf(z)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) + z * sigmoid_prime(z)),
    "exp": (math.exp, math.exp),
}
"""Elementwise activations by name: sigma and sigma'. Softmax is the one that is not."""


def softmax(z: Vector) -> Vector:
    """e^(z_j) / sum_k e^(z_k)."""
    total = sum(math.exp(z_k) for z_k in z)
    return [math.exp(z_j) / total for z_j in z]


def activate(name: str, z: Vector) -> Vector:
    """a^l = sigma(z^l) (14)."""
    return softmax(z) if name == "softmax" else [SIGMA[name][0](z_j) for z_j in z]


def jacobian(name: str, z: Vector) -> Matrix:
    """da_k / dz_j, as rows over k: sigma'(z_j) on the diagonal, or softmax's."""
    n = range(len(z))
    if name == "softmax":
        a = softmax(z)
        return [[a[k] * ((j == k) - a[j]) for j in n] for k in n]
    return [[SIGMA[name][1](z[j]) if j == k else 0.0 for j in n] for k in n]


# The network.


def weighted_input(W: Matrix, b: Vector, a: Vector) -> Vector:
    """z_j^l = sum_k w_jk^l a_k^(l-1) + b_j^l (12) (13)."""
    return [
        sum(w_jk * a_k for w_jk, a_k in zip(w_j, a, strict=True)) + b_j
        for w_j, b_j in zip(W, b, strict=True)
    ]


def feedforward(network: Network, x: Vector) -> tuple[list[Vector], list[Vector]]:
    """All z^l and all a^l, with a^0 = x (10) (11) (14)."""
    z: list[Vector] = []
    a: list[Vector] = [x]
    for W, b, name in network:
        z.append(weighted_input(W, b, a[-1]))
        a.append(activate(name, z[-1]))
    return z, a


# Costs of one example: C_x and the vector nabla_a C of dC/da_j. "binary" and "categorical" are
# the two cross-entropies, (25) and its extension to softmax outputs.


def sign(r: Number) -> Number:
    """-1, 0 or 1."""
    return (r > 0) - (r < 0)


def huber(r: Number, t: float = HUBER_THRESHOLD) -> Number:
    """r^2 / 2 up to the threshold, a straight line from there on."""
    return r * r / 2 if abs(r) <= t else t * (abs(r) - t / 2)


def half_deviance(a: Number, y: Number) -> Number:
    """Y ln(y/a) - y + a, half of Poisson's deviance."""
    return (y * math.log(y / a) if y > 0 else 0.0) - y + a


COST: dict[str, tuple[Callable[[Number, Number], Number], Callable[[Number, Number], Number]]] = {
    "quadratic": (lambda a, y: (a - y) ** 2 / 2, lambda a, y: a - y),  # (5), below (16)
    "binary": (
        lambda a, y: -(y * log(a) + (1 - y) * log(1 - a)),  # (25)
        lambda a, y: -(y / a - (1 - y) / (1 - a)),  # (26), its fourth line
    ),
    "categorical": (lambda a, y: -y * math.log(a), lambda a, y: -y / a),
    "mae": (lambda a, y: abs(a - y), lambda a, y: sign(a - y)),
    "huber": (
        lambda a, y: huber(a - y),
        lambda a, y: a - y if abs(a - y) <= HUBER_THRESHOLD else HUBER_THRESHOLD * sign(a - y),
    ),
    "poisson": (half_deviance, lambda a, y: 1 - y / a),
    "hinge": (
        lambda a, y: max(0.0, 1 - (2 * y - 1) * a),
        lambda a, y: -(2 * y - 1) if (2 * y - 1) * a < 1 else 0.0,
    ),
}
"""What one output neuron adds to C_x, and dC_x/da_j."""


def cost_name(name: str, output: str) -> str:
    """Entry of COST for bpnet's name of a cost, by the activation of the output layer."""
    if name == "cross_entropy":
        return "categorical" if output == "softmax" else "binary"
    return name


def cost_of_example(cost: str, a: Vector, y: Vector) -> Number:
    """C_x, the sum over the neurons of the output layer (5) (25)."""
    return sum(COST[cost][0](a_j, y_j) for a_j, y_j in zip(a, y, strict=True))


def batch_cost(network: Network, X: Matrix, Y: Matrix, cost: str) -> Number:
    """C = 1/m sum_x C_x (4) (9) (25)."""
    outputs = (feedforward(network, x)[1][-1] for x in X)
    return sum(cost_of_example(cost, a, y) for a, y in zip(outputs, Y, strict=True)) / len(X)


# Backpropagation, of one example.


def chain(dC_da: Vector, name: str, z: Vector) -> Vector:
    """dC/dz_j = sum_k dC/da_k da_k/dz_j, which is dC/da_j sigma'(z_j) element by element."""
    J, n = jacobian(name, z), range(len(z))
    return [sum(dC_da[k] * J[k][j] for k in n) for j in n]


def output_error(cost: str, name: str, z: Vector, a: Vector, y: Vector) -> Vector:
    """delta_j^L = dC/da_j^L sigma'(z_j^L) (15) (16) (17) (26)."""
    return chain([COST[cost][1](a_j, y_j) for a_j, y_j in zip(a, y, strict=True)], name, z)


def hidden_error(W_next: Matrix, delta_next: Vector, name: str, z: Vector) -> Vector:
    """delta_j^l = sum_k w_kj^(l+1) delta_k^(l+1) sigma'(z_j^l) (18)-(22)."""
    K = range(len(delta_next))
    return chain([sum(W_next[k][j] * delta_next[k] for k in K) for j in range(len(z))], name, z)


def bias_gradient(delta: Vector) -> Vector:
    """dC/db_j^l = delta_j^l (23)."""
    return list(delta)


def weight_gradient(delta: Vector, a: Vector) -> Matrix:
    """dC/dw_jk^l = delta_j^l a_k^(l-1) (24)."""
    return [[delta_j * a_k for a_k in a] for delta_j in delta]


def backprop(network: Network, x: Vector, y: Vector, cost: str) -> Gradients:
    """Gradient of C_x, ``(dC/dW, dC/db)`` for each layer, section 3.1."""
    z, a = feedforward(network, x)
    delta = output_error(cost, network[-1][2], z[-1], a[-1], y)
    gradients = [(weight_gradient(delta, a[-2]), bias_gradient(delta))]
    for l in reversed(range(len(network) - 1)):
        delta = hidden_error(network[l + 1][0], delta, network[l][2], z[l])
        gradients.insert(0, (weight_gradient(delta, a[l]), bias_gradient(delta)))
    return gradients


def combine(f: Callable[..., Number], *trees: Any) -> Any:
    """Nested lists of the same shape, of ``f`` of the numbers at the same place in each."""
    if isinstance(trees[0], list | tuple):
        return [combine(f, *items) for items in zip(*trees, strict=True)]
    return f(*trees)


def batch_gradients(network: Network, X: Matrix, Y: Matrix, cost: str) -> Any:
    """1/k sum_i nabla C_x(i) (6)."""
    each = [backprop(network, x, y, cost) for x, y in zip(X, Y, strict=True)]
    return combine(lambda *g: sum(g) / len(g), *each)


# Learning, with L2.


def l2_term(network: Network, alpha: Number, m: int) -> Number:
    """alpha/(2m) sum_w w^2, without the biases (27)."""
    return alpha / (2 * m) * sum(w * w for W, _, _ in network for row in W for w in row)


def step(network: Network, gradients: Any, eta: Number, alpha: Number, m: int) -> Network:
    """Step w = (1 - eta alpha/m) w - eta dC_0/dw (29), b = b - eta dC/db (28); plain it is (7)."""
    updated = []
    for (W, b, name), (dW, db) in zip(network, gradients, strict=True):
        W_new = combine(lambda w, g: (1 - eta * alpha / m) * w - eta * g, W, dW)
        updated.append((W_new, descend(b, db, eta), name))
    return updated
