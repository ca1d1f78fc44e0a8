"""Words of other libraries are answered with what means the same, and never with another thing."""

import inspect

import pytest

import bpnet
from bpnet import cli, synonyms
from bpnet.backends import dtypes
from bpnet.cli import app
from bpnet.cli.app import load
from bpnet.core import (
    activations,
    costs,
    initializers,
    layers,
    lookup,
    normalization,
    optimizers,
    schedules,
)
from bpnet.training import scores

COMMANDS = {name: load(name) for name in app.COMMANDS}
FLAGS = {name: {p.name: p for p in command.params} for name, command in COMMANDS.items()}
NAMES = {
    "activation": list(activations.ACTIVATIONS),
    "cost": list(costs.COSTS),
    "optimizer": [*optimizers.OPTIMIZERS, "lbfgs"],
    "schedule": list(schedules.SCHEDULES),
    "initializer": list(initializers.INITIALIZERS),
    "norm": list(normalization.NORMS),
    "layer": list(layers.LAYERS),
    "metric": [one.replace("K", "5") for one in (*scores.CLASSES, *scores.NUMBERS)],
    "backend": bpnet.backends.names(),
    "dtype": list(dtypes.DTYPES),
}
MEANT = [
    ("cost", "mse", "quadratic"),
    ("cost", "MSE", "quadratic"),
    ("cost", "l2-loss", "quadratic"),
    ("cost", "bce", "cross_entropy"),
    ("cost", "nll", "cross_entropy"),
    ("cost", "categorical_crossentropy", "cross_entropy"),
    ("cost", "categorical_crossentrpy", "cross_entropy"),
    ("cost", "l1_loss", "mae"),
    ("cost", "mes", "quadratic"),
    ("activation", "swish", "silu"),
    ("activation", "logistic", "sigmoid"),
    ("activation", "linear", "identity"),
    ("activation", "rely", "relu"),
    # MATLAB's, Keras's, Lasagne's and scikit-learn's names for what has another one here
    ("activation", "none", "identity"),
    ("activation", "lin", "identity"),
    ("activation", "expit", "sigmoid"),
    ("activation", "tansig", "tanh"),
    ("activation", "poslin", "relu"),
    ("activation", "rectifier", "relu"),
    ("activation", "exponential", "exp"),
    ("cost", "SmoothL1Loss", "huber"),
    ("cost", "sparse_categorical_crossentropy", "cross_entropy"),
    ("cost", "log_loss", "cross_entropy"),
    ("cost", "poisson_nll_loss", "poisson"),
    ("optimizer", "nag", "nesterov"),
    ("optimizer", "heavy_ball", "momentum"),
    ("schedule", "invscaling", "inverse_scaling"),
    ("schedule", "CosineAnnealingLR", "cosine"),
    ("schedule", "OneCycleLR", "one_cycle"),
    ("initializer", "xavier_uniform_", "glorot_uniform"),
    ("norm", "LayerNormalization", "layer"),
    ("metric", "neg_mean_absolute_error", "mae"),
    ("metric", "r2_score", "r2"),
    ("backend", "pytorch", "torch"),
    ("dtype", "half", "float16"),
    ("optimizer", "adam_w", "adamw"),
    ("optimizer", "L-BFGS-B", "lbfgs"),
    ("optimizer", "gradient descent", "sgd"),
    ("schedule", "ReduceLROnPlateau", "on_plateau"),
    ("initializer", "kaiming_normal", "he_normal"),
    ("norm", "BatchNorm", "batch"),
    ("metric", "acc", "accuracy"),
    ("metric", "roc_auc", "auc"),
    ("backend", "cuda", "cupy"),
    ("dtype", "fp32", "float32"),
    ("dtype", "double", "float64"),
]
ABSENT = [
    ("cost", "rmse"), ("cost", "kl_divergence"), ("cost", "mape"), ("activation", "prelu"),
    ("activation", "celu"), ("activation", "relu6"), ("optimizer", "adadelta"),
    ("optimizer", "nadam"), ("metric", "precision"), ("cost", "l3"),
    ("backend", "tensorflow"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "word", "name"), MEANT)
def test_a_word_is_answered_with_what_means_the_same(kind, word, name):
    assert f"did you mean {name!r}?" in str(lookup.unknown(kind, word, NAMES[kind]))


@pytest.mark.parametrize(("kind", "word"), ABSENT)
def test_what_bpnet_has_not_is_not_taken_for_another_thing(kind, word):
    assert "choose one of" in str(lookup.unknown(kind, word, NAMES[kind]))


@pytest.mark.parametrize("kind", NAMES)
def test_what_words_mean_is_there_and_is_none_of_the_words(kind):
    assert not {*synonyms.WORDS[kind].get(synonyms.ABSENT, "").split()} & {*synonyms.WORDS[kind]}
    for meaning, words in synonyms.WORDS[kind].items():
        name = meaning.partition("; ")[0]
        assert name in {*NAMES[kind], synonyms.ABSENT}
        for word in words.split():
            suggestion, _ = synonyms.meant(kind, word, NAMES[kind])
            assert suggestion == name or word in NAMES[kind], word


def test_what_an_option_means_is_an_argument_or_an_option():
    edges = (bpnet.train, bpnet.Network, bpnet.EarlyStopping, bpnet.Checkpoint, layers.Dense)
    things = (*costs.COSTS.values(), *activations.ACTIVATIONS.values(), layers.Dropout)
    things += (*optimizers.OPTIMIZERS.values(), *schedules.SCHEDULES.values())
    known = {name for edge in (*edges, *things) for name in inspect.signature(edge).parameters}
    known |= {name for flags in FLAGS.values() for name in flags}
    for meaning in synonyms.WORDS["option"]:
        name = meaning.partition("; ")[0].partition("=")[0]
        assert name in known | {synonyms.ABSENT}, meaning


OPTIONS = {
    "--lr": "--learning-rate",
    "--learning_rate": "--learning-rate",
    "--batch": "--batch-size",
    "--bs": "--batch-size",
    "--weight-decay": "--l2",
    "--loss": "--cost",
    "--n-epochs": "--epochs",
    "--max_iter": "--epochs",
    "--metrics": "--metric",
    "--gpu": "--backend cupy",
    "--hidden-layer-sizes": "--hidden",
    "--random-state": "--seed",
    "--early-stopping": "--patience",
    "--epocs": "--epochs",
}


@pytest.mark.parametrize(("argument", "meant"), OPTIONS.items())
def test_an_option_of_another_program_is_answered_with_bpnets(argument, meant, capsys):
    for arguments in ([argument, "3"], [f"{argument}=3"]):
        assert cli.main(["train", "digits", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"bpnet: error: no such option: {argument}; did you mean {meant}?")


@pytest.mark.parametrize("argument", ["--verbose", "--l3", "--qqqq"])
def test_an_option_that_means_nothing_here_is_answered_with_the_help(argument, capsys):
    assert cli.main(["train", "digits", argument]) == 2
    assert capsys.readouterr().err.endswith(f"{argument}; see bpnet train --help\n")
