"""Text of the page, in the paper's order; its numbers come from the experiments."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part of the page: text, equations, figures of experiments.

    Parameters
    ----------
    title : str
        Heading.
    says : tuple of str
        Paragraphs, with the names of an experiment's numbers in braces.
    equations : range
        Numbers of the equations that are shown.
    experiments : tuple of str
        Names of the experiments whose figures are shown.
    """

    title: str
    says: tuple[str, ...]
    equations: range = range(0)
    experiments: tuple[str, ...] = ()


STORY: tuple[Part, ...] = (
    Part(
        "Gradient descent",
        (
            "To make C small, ask at the point where you are in which direction it falls fastest, "
            "go a little that way, and ask again. The answer needs only the gradient.",
        ),
        range(1, 4),
    ),
    Part(
        "Experiment: which way is down",
        (
            "The slope of C = x² + y² at (−1.6, 1.2), taken in 361 directions of length 1. The "
            "gradient there has length {length of the gradient:.1f}, and the smallest slope found "
            "is {smallest slope:.5f}, at {its angle:.0f}°. (2) says at once where it is: at "
            "{angle of steepest descent:.2f}°, against the gradient.",
        ),
        experiments=("directions",),
    ),
    Part(
        "Experiment: the learning rate",
        (
            "Descent on the same bowl. Each step multiplies x and y by 1 − 2η: with 0.1 they "
            "shrink quickly, with 0.01 they hardly move, with 0.95 they change sides each time, "
            "and past 1 they grow. After 30 steps C, which began at 4, is "
            "{C after 30 steps, suitable:.1e} with 0.1, {C after 30 steps, too small:.2f} with "
            "0.01, {C after 30 steps, large:.4f} with 0.95 and {C after 30 steps, too large:.0f} "
            "with 1.02.",
        ),
        experiments=("descents",),
    ),
    Part(
        "The cost, and its gradient from few examples",
        (
            "A model's cost is the mean over its examples, and so is the gradient. All examples "
            "are batch descent, one is stochastic descent, some are a mini-batch; in the library "
            "they are one function that is given a different number of rows.",
        ),
        range(4, 8),
    ),
    Part(
        "Experiment: what a mini-batch is worth",
        (
            "The ≈ of (6), measured: the gradient of a 64-16-10 network on {examples:.0f} digits, "
            "beside those of 48 mini-batches of each size, drawn as training draws them. Their "
            "distance falls as k to the power of {exponent of k:.3f}, from "
            "{spread at k = 1:.2f} for one example to {spread at k = 100:.2f} for a hundred: as "
            "one over the square root, and a little faster once a batch is a good part of the "
            "whole, since no example is drawn twice. Four times the work buys half the noise.",
        ),
        experiments=("spread",),
    ),
    Part(
        "Neurons and networks",
        (
            "A neuron weighs its inputs, adds a bias and squeezes the sum with the sigmoid. Layers "
            "of them, each fed by the one before, make a network; for a whole layer and a whole "
            "batch it is one product of matrices.",
        ),
        range(8, 15),
    ),
    Part(
        "Experiment: the sigmoid, and one example on its way",
        (
            "The derivative of the sigmoid is at most {largest derivative:.2f}; at z = 8 it is "
            "{derivative at z = 8:.5f}, and a neuron there hardly learns.",
            "In the network beside it, which is that of the paper's Figure 4, the last hidden "
            "neuron comes to {a_4^2:.10f} by the library and to {a_4^2 written out:.10f} by the "
            "paper's sum of five products, written out; the output is {a_1^3:.4f}.",
        ),
        experiments=("sigmoid", "network"),
    ),
    Part(
        "Backpropagation",
        (
            "The chain rule, from the output back. Once the error of a layer is known, two "
            "products give the gradients of its weights and biases, and a third the error of the "
            "layer below. Every neuron's share is found in one pass.",
        ),
        range(15, 25),
    ),
    Part(
        "The cross-entropy",
        (
            "A cost that suits the sigmoid: its slope is steepest where the sigmoid is flattest, "
            "and in the error of the output the two cancel.",
        ),
        range(25, 27),
        ("logarithms",),
    ),
    Part(
        "Experiment: quadratic against cross-entropy, from a saturated start",
        (
            "One neuron with one input, which should put out 1 and begins at z = −5. Its error is "
            "{delta at z = -5, quadratic:.4f} with the quadratic cost and "
            "{delta at z = -5, cross_entropy:.4f} with the cross-entropy. Both train with η = 0.5: "
            "the first needs {steps to a = 0.5, quadratic:.0f} steps to put out one half, the "
            "second {steps to a = 0.5, cross_entropy:.0f}.",
        ),
        experiments=("saturation",),
    ),
    Part(
        "Regularization",
        ("Large weights can learn a training set by heart. L2 makes them pay.",),
        range(27, 30),
    ),
    Part(
        "Experiment: weight decay",
        (
            "With η = 0.5, α = 2 and m = 20, a weight that the data says nothing about is "
            "multiplied by {factor of a step:.2f} in each step, which is 1 − ηα/m; a bias is left "
            "alone. In 15 epochs on digits the weights of a 64-32-10 network grow to a length of "
            "{length at the end, alpha = 0:.1f} without regularization, "
            "{length at the end, alpha = 3:.1f} with α = 3 and "
            "{length at the end, alpha = 30:.1f} with α = 30.",
        ),
        experiments=("decay",),
    ),
)
