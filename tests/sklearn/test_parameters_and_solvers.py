"""Each parameter of the estimators, with each kind of fit: honored, or refused by name.

scikit-learn's own are honored where the fit is scikit-learn's with the same parameter. Those that
are options of ``bpnet.train`` by another name have their cells in its table.
"""

import inspect
import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

from bpnet.core import activations
from bpnet.errors import InputError
from bpnet.sklearn import MLPClassifier, MLPRegressor
from bpnet.sklearn import search as grid_search
from tests.training.effects import gradient, slopes
from tests.training.modes import MODES, NAMES, M, X, Y
from tests.training.test_options_and_modes import CELLS

COUNTS = np.abs(X[:, 0]) + X[:, 1] ** 2

# + is honored, - is refused by name; there is nothing else
TABLE = """
                     classifier regressor lbfgs grid
hidden_layer_sizes       +          +       +    +
activation               +          +       +    +
solver                   +          +       +    +
alpha                    +          +       +    +
batch_size               +          +       +    +
learning_rate            +          +       +    +
learning_rate_init       +          +       +    +
power_t                  +          +       +    +
max_iter                 +          +       +    +
shuffle                  +          +       +    +
random_state             +          +       +    +
tol                      +          +       +    +
verbose                  +          +       +    +
warm_start               +          +       +    +
momentum                 +          +       +    +
nesterovs_momentum       +          +       +    +
early_stopping           +          +       +    +
validation_fraction      +          +       +    +
beta_1                   +          +       +    +
beta_2                   +          +       +    +
epsilon                  +          +       +    +
n_iter_no_change         +          +       +    +
max_fun                  +          +       +    +
loss                     -          +       -    -
output_activation        +          +       +    +
initializer              +          +       +    +
norm                     +          +       -    +
"""

STOPS = {"max_iter": 30, "tol": 10.0, "n_iter_no_change": 3}
SGD = {"solver": "sgd", "learning_rate_init": 0.01}

GIVEN = {
    "hidden_layer_sizes": ((4, 3), {}),
    "activation": ("tanh", {}),
    "solver": ("sgd", {}),
    "alpha": (1.0, {}),
    "batch_size": (24, {}),
    "learning_rate": ("invscaling", SGD),
    "learning_rate_init": (0.01, {}),
    "power_t": (0.9, {**SGD, "learning_rate": "invscaling"}),
    "max_iter": (3, {}),
    "shuffle": (False, {}),
    "random_state": (3, {}),
    "tol": (10.0, {"max_iter": 30, "n_iter_no_change": 3}),
    "warm_start": (True, {}),
    "momentum": (0.3, SGD),
    "nesterovs_momentum": (False, SGD),
    "early_stopping": (True, STOPS),
    "validation_fraction": (0.3, {**STOPS, "early_stopping": True}),
    "beta_1": (0.3, {}),
    "beta_2": (0.7, {}),
    "epsilon": (0.1, {}),
    "n_iter_no_change": (7, {**STOPS}),
    "max_fun": (3, {}),
    "loss": ("poisson", {}),
}
"""Another value for each of scikit-learn's parameters, and what else it takes to see it."""

ACT_ON_LBFGS = {
    "hidden_layer_sizes", "activation", "solver", "alpha", "max_iter", "random_state", "tol",
    "warm_start", "max_fun",
}  # fmt: skip
"""What scikit-learn's L-BFGS looks at; the others it takes, and does without."""

OWN = ("output_activation", "initializer", "norm")
THEIRS = {
    "classifier": (MLPClassifier, neural_network.MLPClassifier, Y),
    "regressor": (MLPRegressor, neural_network.MLPRegressor, COUNTS),
    "lbfgs": (MLPClassifier, neural_network.MLPClassifier, Y),
    "grid": (MLPClassifier, neural_network.MLPClassifier, Y),
}


def cells(word, names):
    columns, *lines = (line.split() for line in TABLE.strip().splitlines())
    actual = [(name, c, w) for name, *words in lines for c, w in zip(columns, words, strict=True)]
    return pytest.mark.parametrize(
        ("name", "column"), [(n, c) for n, c, w in actual if w == word and n in names]
    )


def test_every_parameter_has_a_row():
    rows = {line.split()[0] for line in TABLE.strip().splitlines()[1:]}
    taken = {
        p for kind in (MLPClassifier, MLPRegressor) for p in inspect.signature(kind).parameters
    }
    assert rows == {*GIVEN, *OWN, "verbose"}
    assert rows | {NAMES.get(option, option) for option, *_ in CELLS} >= taken
    assert rows <= taken


@pytest.fixture(autouse=True)
def _short():
    """Fits of a few epochs do not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def of(column, name, value):
    """Parameters with another value of one, and without."""
    usual = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0, "batch_size": 16}
    given = {**usual, **GIVEN[name][1]}
    if column == "lbfgs":
        given["solver"] = "lbfgs"
        if name == "solver":
            return given, {**given, "solver": "adam"}
    return {**given, name: value}, given


def ours(column, kind, given, y, fits):
    est = kind(**given)
    for _ in range(fits):
        if column == "grid":
            other = kind(**{**given, "random_state": given["random_state"] + 1})
            both = [grid_search.Candidate(one, np.arange(M)) for one in (est, other)]
            assert grid_search.fit_all(both, X, y) == [est, other]
        else:
            est.fit(X, y)
    return est


def theirs(kind, given, y, fits):
    est = kind(**given)
    for _ in range(fits):
        est.fit(X, y)
    return est


def weights(est):
    return np.concatenate([a.ravel() for a in (*est.coefs_, *est.intercepts_)])


@cells("+", GIVEN)
def test_it_does_what_it_does_in_scikit_learn(name, column):
    kind, their_kind, y = THEIRS[column]
    fits = 2 if name == "warm_start" and column != "grid" else 1
    with_it, without = of(column, name, GIVEN[name][0])
    expected, plain = (weights(theirs(their_kind, given, y, fits)) for given in (with_it, without))
    actual = weights(ours(column, kind, with_it, y, fits))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-7)
    acts = name in ACT_ON_LBFGS if column == "lbfgs" else name != "max_fun"
    if fits == 2 or name != "warm_start":  # which one fit does not show
        differs = expected.shape != plain.shape or not np.allclose(expected, plain, rtol=1e-4)
        assert differs == acts


@cells("+", ["verbose"])
def test_it_prints_a_line_for_each_epoch(name, column, capsys):
    kind, _, y = THEIRS[column]
    given = {"hidden_layer_sizes": 5, "max_iter": 4, "random_state": 0}
    if column == "lbfgs":
        given["solver"] = "lbfgs"
    est = ours(column, kind, {**given, "verbose": True}, y, 1)
    fits = 2 if column == "grid" else 1
    assert capsys.readouterr().out.count("Iteration") == est.n_iter_ * fits
    ours(column, kind, given, y, 1)
    assert not capsys.readouterr().out


MADE = {
    "classifier": MODES["fit"],
    "regressor": MODES["regress"],
    "lbfgs": MODES["fit_lbfgs"],
    "grid": MODES["grid"],
}


def halves(draw, n_in, n_out, *, xp):
    """First weights that are all different, and none is drawn."""
    return xp.reshape(xp.arange(n_in * n_out) / 50.0, (n_in, n_out)), xp.zeros(n_out) + 0.5


IS_SET = {
    "output_activation": (activations.Sigmoid(), lambda net: net.output == activations.Sigmoid()),
    "initializer": (halves, lambda net: set(net.biases[0].tolist()) == {0.5}),
    "norm": ("layer", lambda net: len(net.layers) == 3),
}
"""A value of each of bpnet's own, and how a network is known that has it."""


@cells("+", OWN)
def test_its_network_learns_from_where_it_says(name, column):
    value, is_set = IS_SET[name]
    mode = MADE[column]
    cost = "quadratic" if column == "regressor" else "cross_entropy"
    for trained in mode.train(**{name: value}):
        assert is_set(trained.start)
        expected = gradient(mode, trained.start, cost=cost)
        size = 1.0 if mode.descends else np.linalg.norm(expected)
        np.testing.assert_allclose(slopes(mode, trained), expected / size, rtol=1e-6, atol=1e-9)
    for trained in mode.train():
        assert not is_set(trained.start)


@cells("-", [*GIVEN, *OWN])
def test_it_is_refused_by_name(name, column):
    value = {"norm": "batch"}.get(name, "poisson")
    with pytest.raises((InputError, TypeError), match=name):
        MADE[column].train(**{name: value})
