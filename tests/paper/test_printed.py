"""The formulas of the page, side by side with what the paper prints."""

import re

import pytest

from bpnet.paper.equations import EQUATIONS

PRINTED = {
    1: r"\nabla_{\vec{v}}C = \nabla C \cdot \vec{v}",
    2: r"-\max_{\|\vec{v}\|=1} \nabla C(a,b) \cdot \vec{v}"
    r" = \min_{\|\vec{v}\|=1} \nabla C(a,b) \cdot \vec{v}",
    3: r"w \leftarrow w - \eta \cdot \nabla C(w)",
    4: r"C(w, b) = \frac{1}{2m} \sum_x \|\hat{y}(x) - y(x)\|^2",
    5: r"C_{x^{(i)}}(w, b) = \frac{1}{2} \|\hat{y}(x^{(i)}) - y(x^{(i)})\|^2",
    6: r"\frac{\sum_{i=1}^k \nabla C_{x^{(i)}}(w, b)}{k}"
    r" \approx \frac{\sum_{i=1}^m \nabla C_{x^{(i)}}(w, b)}{m} = \nabla C(w, b)",
    7: r"(w, b) \leftarrow (w, b) - \frac{\eta}{k} \cdot \sum_{i=1}^k \nabla C_{x^{(i)}}(w, b)",
    8: r"\sigma(z) = \frac{1}{1 + e^{-z}}",
    9: r"C(w, b) = \frac{1}{2m} \sum_x \|y(x) - a^L(x)\|^2",
    11: r"a^l = \sigma(W^l a^{l-1} + b^l)",
    12: r"z_j^l = \sum_k w_{jk}^l a_k^{l-1} + b_j^l",
    13: r"z^l = W^l a^{l-1} + b^l",
    14: r"a^l = \sigma(z^l)",
    15: r"\delta_j^l = \frac{\partial C}{\partial z_j^l}",
    16: r"\delta_j^L = \frac{\partial C}{\partial z_j^L}"
    r" = \frac{\partial C}{\partial a_j^L} \frac{\partial a_j^L}{\partial z_j^L}"
    r" = \frac{\partial C}{\partial a_j^L} \sigma'(z_j^L)",
    17: r"\delta^L = \nabla_a C \odot \sigma'(z^L) = (a_j^L - y_j) \odot \sigma'(z^L)",
    18: r"\delta_j^l = \frac{\partial C}{\partial z_j^l}"
    r" = \sum_k \frac{\partial C}{\partial z_k^{l+1}} \frac{\partial z_k^{l+1}}{\partial z_j^l}"
    r" = \sum_k \delta_k^{l+1} \frac{\partial z_k^{l+1}}{\partial z_j^l}",
    19: r"z_k^{l+1} = \sum_j w_{kj}^{l+1} a_j^l + b_k^{l+1}"
    r" = \sum_j w_{kj}^{l+1} \sigma(z_j^l) + b_k^{l+1}",
    20: r"\frac{\partial z_k^{l+1}}{\partial z_j^l} = w_{kj}^{l+1} \sigma'(z_j^l)",
    21: r"\delta_j^l = \sum_k w_{kj}^{l+1} \delta_k^{l+1} \sigma'(z_j^l)",
    22: r"\delta^l = ((W^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)",
    23: r"\frac{\partial C}{\partial b_j^l}"
    r" = \frac{\partial C}{\partial z_j^l} \frac{\partial z_j^l}{\partial b_j^l}"
    r" = \delta_j^l \frac{\partial((\sum_k w_{jk}^l a_j^{l-1}) + b_j^l)}{\partial b_j^l}"
    r" = \delta_j^l",
    24: r"\frac{\partial C}{\partial w_{jk}^l}"
    r" = \frac{\partial C}{\partial z_j^l} \frac{\partial z_j^l}{\partial w_{jk}^l}"
    r" = \delta_j^l a_k^{l-1}",
    25: r"C = -\frac{1}{m} \sum_x \sum_j [y_j \ln a_j^L + (1 - y_j) \ln(1 - a_j^L)]",
    26: r"\delta_j^L = \left(\frac{\sigma(z_j^L) - y}{\sigma'(z_j^L)}\right) \sigma'(z_j^L)"
    r" = \sigma(z_j^L) - y = a_j^L - y",
    27: r"C = C_0 + \frac{\alpha}{2m} \sum_w w^2",
    28: r"b = b - \eta \frac{\partial C}{\partial b}",
    29: r"w = (1 - \frac{\eta \alpha}{m}) w - \eta \frac{\partial C_0}{\partial w}",
}
"""As the paper's source has them, of chains the links that lead to what the page shows."""

READ = {
    2: [("C(a,b)", "C")],
    6: [(r"\frac{\sum_{i=1}^k", r"\frac{1}{k}\sum_{i=1}^k"), ("(w,b)}{k}", ""),
        (r"\frac{\sum_{i=1}^m", r"\frac{1}{m}\sum_{i=1}^m"), ("(w,b)}{m}", ""), ("(w,b)", "")],
    17: [("a_j^L-y_j", "a^L-y")],
    26: [("-y", "-y_j"), (r"(\frac{\sigma(z_j^L)-y_j}{\sigma'(z_j^L)})",
                          r"\frac{\sigma(z_j^L)-y_j}{\sigma'(z_j^L)}")],
}  # fmt: skip
"""Where the page writes the same in another way: the arguments left out, the factor in front."""


def plain(latex):
    """Formula without spaces and sizes, each sign written in one way."""
    latex = re.sub(r"\\(left|right|limits|cdot|,)(?![a-z])", "", latex)
    latex = latex.replace(r"\top", "T").replace(r"\leftarrow", "=").replace(r"\approx", "=")
    latex = re.sub(r"\\(vec|hat)\s*{?(\w)}?", r"\\\1\2", latex)
    return re.sub(r"\^{(\w)}", r"^\1", re.sub(r"\s", "", latex))


def sides(latex):
    """What an equation holds equal; those below a sum or a maximum are no sides."""
    return re.split(r"(?<!i)(?<!\\\|)=", plain(latex))


@pytest.mark.parametrize("number", PRINTED)
def test_the_page_has_the_formula_of_the_paper(number):
    printed = plain(PRINTED[number])
    for theirs, ours in READ.get(number, ()):
        assert theirs in printed
        printed = printed.replace(theirs, ours)
    shown, whole = sides(EQUATIONS[number].latex), sides(printed)
    assert len(shown) > 1
    assert (shown[0], shown[-1]) == (whole[0], whole[-1])
    assert set(shown) <= set(whole)


def test_a_neuron_sums_before_its_sigmoid():
    """(10), whose print has the sum outside and the bias under it, is (14) of (12)."""
    z = sides(EQUATIONS[12].latex)[1]
    assert plain(EQUATIONS[10].latex) == rf"a_j^l=\sigma({z})"
    assert {*PRINTED, 10} == set(EQUATIONS)
