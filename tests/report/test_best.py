"""The best epoch of a run: by the score of its sweep, the validation cost, or the cost."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

import bpnet
from bpnet.model.ensemble import Ensemble
from bpnet.report import curves, several
from bpnet.report.subject import Subject
from bpnet.training.scores import best_epoch

HELD = {"validation_cost": [2.0, 1.0, 0.5], "validation_accuracy": [0.5, 0.75, 0.75]}
"""The cost is best in the third epoch, the accuracy in the second one already."""


def subject(history, score=None, networks=1, **training):
    nets = [bpnet.Network([2, 2], seed=seed) for seed in range(networks)]
    config = {"machine": {"backend": "numpy"}, "training": training}
    config |= {"sweep": {"score": score}} if score else {}
    model = nets[0] if networks == 1 else Ensemble(nets)
    history = {"seconds": [1.0] * len(history["cost"]), **history}
    return Subject(Path("run"), config, history, [], model, None, None)


@pytest.mark.parametrize(
    ("history", "score", "best"),
    [
        ({"cost": [3.0, 2.0, 1.0], "validation_cost": [2.0, 1.0, 3.0]}, None, 1),
        ({"cost": [1.0, 2.0, 3.0], "validation_cost": [2.0, 3.0, 1.0]}, None, 2),
        ({"cost": [3.0, 1.0, 2.0]}, None, 1),
        ({"cost": [3.0, 2.0, 1.0], **HELD}, None, 2),
        ({"cost": [3.0, 2.0, 1.0], **HELD}, "validation_accuracy", 1),
        ({"cost": [3.0, 2.0, 1.0], **HELD}, "validation_cost", 2),
        # the run that follows a cross-validation holds out no rows
        ({"cost": [3.0, 1.0, 2.0]}, "validation_accuracy", 1),
    ],
)
def test_the_best_epoch_is_that_of_the_figure_that_training_watched(history, score, best):
    run = subject(history, score)
    assert run.best == best
    assert run.kept == len(history["cost"]) - 1
    assert subject(history, score, patience=2).kept == best


def test_the_page_of_a_sweep_names_its_score_and_the_epoch_of_the_model():
    run = subject({"cost": [3.0, 2.0, 1.0], **HELD}, "validation_accuracy", patience=2)
    lead = "the best, with the largest validation accuracy, was epoch 2. The model is that of the"
    assert lead in curves.section(run).lead


def test_an_ensemble_has_no_single_best_epoch():
    """The history of an ensemble has means, whose best epoch is that of none of its networks."""
    history = {"cost": [3.0, 2.0, 1.0], **HELD}
    runs = [subject(history, networks=2, patience=2), subject(history, networks=2)]
    (table,) = several._figures(runs, ["stopped", "not stopped"]).blocks
    rows = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    names = ("epoch of the model", "validation cost", "training cost")
    assert [rows[0][name] for name in names] == ["one for each", "", ""]
    assert [rows[1][name] for name in names] == ["3 of 3", "0.5", "1"]


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("validation_auc", [0.5, 0.75, 0.75, 0.25], 1),
        ("validation_mae", [0.5, 0.25, 0.25, 0.75], 1),
        ("validation_auc", [math.nan, 0.25, math.nan, 0.5], 3),
        ("validation_auc", [math.nan, math.nan], 0),
    ],
)
def test_the_best_epoch_is_the_one_of_early_stopping(name, values, best):
    stopping = bpnet.EarlyStopping(9, name, restore=False)
    for epoch in range(len(values)):
        history = {name: values[: epoch + 1]}
        stopping.on_epoch_end(SimpleNamespace(history=history, epoch=epoch))
    assert best_epoch(name, values) == stopping.best_epoch == best
