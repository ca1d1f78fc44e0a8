"""The paper in plain Python: one example at a time, numbers and lists, no array library.

This is what bpnet is checked against, so it is written to be read beside the paper. Vectors are
lists; W is the paper's W^l, a list of rows, ``W[j][k]`` the weight from neuron k of layer l - 1
to neuron j of layer l. A network is a list of layers ``(W, b, name of sigma)``. Numbers in
parentheses are the paper's equations; what has none is an extension in its textbook form.
"""

import math

LEAKY_SLOPE, ELU_ALPHA, HUBER_THRESHOLD = 0.01, 1.0, 1.0
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


# Activations: sigma and sigma' of one weighted input.


def sigmoid(z):
    """(8)"""
    return 1 / (1 + math.exp(-z))


def sigmoid_prime(z):
    """sigma'(z) = sigma(z) (1 - sigma(z)), below (16)."""
    return sigmoid(z) * (1 - sigmoid(z))


def normal_cdf(z):
    return math.erfc(-z / math.sqrt(2)) / 2


def normal_pdf(z):
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def elu(z, alpha=ELU_ALPHA):
    return z if z > 0 else alpha * (math.exp(z) - 1)


def elu_prime(z, alpha=ELU_ALPHA):
    return 1.0 if z > 0 else alpha * math.exp(z)


SIGMA = {
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
"""Elementwise activations by name; softmax is the one that is not."""


def softmax(z):
    total = sum(math.exp(z_k) for z_k in z)
    return [math.exp(z_j) / total for z_j in z]


def activate(name, z):
    """a^l = sigma(z^l) (14)"""
    return softmax(z) if name == "softmax" else [SIGMA[name][0](z_j) for z_j in z]


def jacobian(name, z):
    """da_k / dz_j as rows over k: sigma'(z_j) on the diagonal, or softmax's."""
    n = range(len(z))
    if name == "softmax":
        a = softmax(z)
        return [[a[k] * ((j == k) - a[j]) for j in n] for k in n]
    return [[SIGMA[name][1](z[j]) if j == k else 0.0 for j in n] for k in n]


# Costs of one example: C_x and the vector nabla_a C of dC/da_j. "binary" and "categorical" are
# the two cross-entropies, (25) and its extension to softmax outputs.


def sign(r):
    return (r > 0) - (r < 0)


def huber(r, t=HUBER_THRESHOLD):
    return r * r / 2 if abs(r) <= t else t * (abs(r) - t / 2)


def half_deviance(a, y):
    return (y * math.log(y / a) if y > 0 else 0.0) - y + a


COST = {
    "quadratic": (lambda a, y: (a - y) ** 2 / 2, lambda a, y: a - y),  # (5), below (16)
    "binary": (
        lambda a, y: -(y * math.log(a) + (1 - y) * math.log(1 - a)),  # (25)
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


def cost_name(name, output):
    """Entry of COST for bpnet's name of a cost, given the activation of the output layer."""
    if name == "cross_entropy":
        return "categorical" if output == "softmax" else "binary"
    return name


def cost_of_example(cost, a, y):
    """C_x (5), (25): the sum over the neurons of the output layer"""
    return sum(COST[cost][0](a_j, y_j) for a_j, y_j in zip(a, y, strict=True))


def mean(values):
    """C = 1/m sum_x C_x (4) (9) (25)"""
    return sum(values) / len(values)


# The network.


def weighted_input(W, b, a):
    """z_j^l = sum_k w_jk^l a_k^(l-1) + b_j^l (12) (13)"""
    return [
        sum(w_jk * a_k for w_jk, a_k in zip(w_j, a, strict=True)) + b_j
        for w_j, b_j in zip(W, b, strict=True)
    ]


def feedforward(network, x):
    """All z^l and all a^l, with a^0 = x (11) (14)"""
    z, a = [], [x]
    for W, b, name in network:
        z.append(weighted_input(W, b, a[-1]))
        a.append(activate(name, z[-1]))
    return z, a


def chain(dC_da, name, z):
    """dC/dz_j = sum_k dC/da_k da_k/dz_j; elementwise that is dC/da_j sigma'(z_j)"""
    J = jacobian(name, z)
    n = range(len(z))
    return [sum(dC_da[k] * J[k][j] for k in n) for j in n]


def output_error(cost, name, z, a, y):
    """delta_j^L = dC/da_j^L sigma'(z_j^L) (16) (17) (26)"""
    return chain([COST[cost][1](a_j, y_j) for a_j, y_j in zip(a, y, strict=True)], name, z)


def hidden_error(W_next, delta_next, name, z):
    """delta_j^l = sum_k w_kj^(l+1) delta_k^(l+1) sigma'(z_j^l) (18)-(22)"""
    K = range(len(delta_next))
    return chain([sum(W_next[k][j] * delta_next[k] for k in K) for j in range(len(z))], name, z)


def bias_gradient(delta):
    """dC/db_j^l = delta_j^l (23)"""
    return list(delta)


def weight_gradient(delta, a):
    """dC/dw_jk^l = delta_j^l a_k^(l-1) (24)"""
    return [[delta_j * a_k for a_k in a] for delta_j in delta]


def backprop(network, x, y, cost):
    """Gradient of C_x, ``(dC/dW, dC/db)`` for each layer, section 3.1"""
    z, a = feedforward(network, x)
    delta = output_error(cost, network[-1][2], z[-1], a[-1], y)
    gradients = [(weight_gradient(delta, a[-2]), bias_gradient(delta))]
    for l in reversed(range(len(network) - 1)):
        delta = hidden_error(network[l + 1][0], delta, network[l][2], z[l])
        gradients.insert(0, (weight_gradient(delta, a[l]), bias_gradient(delta)))
    return gradients


def combine(f, *trees):
    """Nested lists of the same shape from the numbers at the same place in each."""
    if isinstance(trees[0], list | tuple):
        return [combine(f, *items) for items in zip(*trees, strict=True)]
    return f(*trees)


def batch_cost(network, X, Y, cost):
    """C of a batch (9), (25)"""
    return mean(
        [
            cost_of_example(cost, feedforward(network, x)[1][-1], y)
            for x, y in zip(X, Y, strict=True)
        ]
    )


def batch_gradients(network, X, Y, cost):
    """1/k sum_i nabla C_x(i) (6)"""
    each = [backprop(network, x, y, cost) for x, y in zip(X, Y, strict=True)]
    return combine(lambda *g: sum(g) / len(g), *each)


# Learning.


def l2_term(network, alpha, m):
    """alpha/(2m) sum_w w^2, without the biases (27)"""
    return alpha / (2 * m) * sum(w * w for W, _, _ in network for row in W for w in row)


def step(network, gradients, eta, alpha, m):
    """w = (1 - eta alpha/m) w - eta dC_0/dw (29), b = b - eta dC/db (28); (7) where alpha = 0"""
    moved = []
    for (W, b, name), (dW, db) in zip(network, gradients, strict=True):
        W_new = combine(lambda w, g: (1 - eta * alpha / m) * w - eta * g, W, dW)
        moved.append((W_new, combine(lambda b_j, g: b_j - eta * g, b, db), name))
    return moved
