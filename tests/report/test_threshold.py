"""Two classes at every threshold, beside scikit-learn; and what a page says of them."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from bpnet.core.activations import Sigmoid, Softmax
from bpnet.pages.content import percent
from bpnet.report import inputs, single
from bpnet.report.subject import Subject, read
from bpnet.report.threshold import Thresholds, sections, thresholds

SCORES = np.round(np.random.default_rng(0).random(300), 2)  # some are equal
TRUTH = (np.random.default_rng(1).random(300) < SCORES).astype(int)


def test_the_areas_and_the_curves_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    found = Thresholds.of(SCORES, TRUTH)
    assert found.auc == pytest.approx(metrics.roc_auc_score(TRUTH, SCORES))
    assert found.average_precision == pytest.approx(metrics.average_precision_score(TRUTH, SCORES))
    false, true, at = metrics.roc_curve(TRUTH, SCORES, drop_intermediate=False)
    np.testing.assert_allclose([found.fallout, found.recall, found.at], [false, true, at])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.503, 0.99, 1.0])
def test_counts_at_a_threshold_are_those_of_its_decisions(threshold, ties):
    found = Thresholds.of(SCORES, TRUTH, ties=ties)
    i, takes = found.index(threshold), np.greater_equal if ties else np.greater
    taken = takes(SCORES, threshold)
    assert found.right[i] == (taken & (TRUTH == 1)).sum()
    assert found.wrong[i] == (taken & (TRUTH == 0)).sum()
    total = found.right[i] + found.wrong[i] + TRUTH.sum()
    assert found.f1[i] == pytest.approx(2 * found.right[i] / total)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("rare", [0, 1])
def test_the_rarer_class_is_the_positive_one(n, rare):
    """Of one output and of two, whichever class it is."""
    metrics = pytest.importorskip("sklearn.metrics")
    score = np.random.default_rng(0).random(200)
    truth = (np.random.default_rng(1).random(200) < 0.3 * score).astype(int)
    truth = truth if rare else 1 - truth
    outputs = score[:, None] if n == 1 else np.stack([1 - score, score], axis=1)
    output = Sigmoid() if n == 1 else Softmax()
    network = SimpleNamespace(classes=("no", "yes"), output=output, sizes=(3, n))
    subject = SimpleNamespace(
        evaluation=SimpleNamespace(outputs=outputs, truth=truth), task="classes", network=network
    )
    found = thresholds(subject)
    assert found.right[-1] == (truth == rare).sum() < 100
    expected = metrics.roc_auc_score(truth == rare, score if rare else 1 - score)
    assert found.auc == pytest.approx(expected)
    assert found.right[found.index(0.5)] == ((truth == rare) & ((score > 0.5) == rare)).sum()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(("truth", "rare"), [([0, 1, 1, 1], 0), ([1, 0, 0, 0], 1)])
def test_an_example_at_the_threshold_is_counted_as_the_network_decides(n, truth, rare):
    """Two of the scores are 0.5 exactly: such an example is of the first class."""
    score = np.asarray([0.5, 0.5, 0.75, 0.25])
    network = bpnet.Network([3, n], output="sigmoid" if n == 1 else "softmax", seed=0)
    network.classes = ["no", "yes"]
    outputs = score[:, None] if n == 1 else np.stack([1 - score, score], axis=1)
    evaluation = SimpleNamespace(outputs=outputs, truth=np.asarray(truth))
    config = {"data": {"source": "made up"}}
    subject = Subject(Path("run"), config, {}, [], network, None, evaluation)
    decided, found = subject.answers()[0], thresholds(subject)
    assert decided.tolist() == [0, 0, 1, 0]
    assert network.decide(outputs).tolist() == [network.classes[k] for k in decided]
    i, taken = found.index(0.5), decided == rare
    assert found.right[i] + found.wrong[i] == taken.sum()
    assert found.right[i] == (taken & (evaluation.truth == rare)).sum()
    (section,) = sections(subject)
    assert f"whose score is {'above' if rare else 'at least'} 0.5 is taken for it" in section.lead
    # no score is so high
    (last,) = [row for row in section.blocks[2].rows if row[0] == "0.9"]
    assert last[1:5] == [percent(0)] * 3 + ["0"]


@pytest.mark.parametrize("output", ["identity", "tanh", "sigmoid"])
@pytest.mark.parametrize(("truth", "rare"), [([0, 1, 1, 1, 1], 0), ([1, 0, 0, 0, 0], 1)])
def test_two_outputs_whose_sum_is_not_1_are_compared(output, truth, rare):
    outputs = np.asarray([[0.5, 0.25], [0.75, 0.875], [0.5, 0.5], [0.0, 0.125], [0.875, 0.75]])
    network = bpnet.Network([3, 2], output=output, seed=0)
    network.classes = ["no", "yes"]
    evaluation = SimpleNamespace(outputs=outputs, truth=np.asarray(truth))
    config = {"data": {"source": "made up"}}
    subject = Subject(Path("run"), config, {}, [], network, None, evaluation)
    assert network.decide(outputs).tolist() == ["no", "yes", "no", "yes", "no"]
    taken, found = np.asarray([0, 1, 0, 1, 0]) == rare, thresholds(subject)
    i = found.index(0)
    assert found.right[i] == (taken & (evaluation.truth == rare)).sum()
    assert found.wrong[i] == (taken & (evaluation.truth != rare)).sum()
    (section,) = sections(subject)
    assert f"whose score is {'above' if rare else 'at least'} 0 is taken for it" in section.lead
    # the table is of differences, which may be negative, and of no fixed probabilities
    scores = [float(row[0]) for row in section.blocks[2].rows]
    assert -0.25 <= min(scores) < 0 < max(scores) <= 0.25


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a table whose column a decides all, b and the empty cells nothing."""
    pytest.importorskip("polars")
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(3)
    with (folder / "two.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["b", "a", "kind"])
        for i, a in enumerate(rng.normal(size=400)):
            b = "" if i % 7 == 0 else f"{rng.normal():.3f}"
            writer.writerow([b, f"{a:.4f}", "high" if a > 0 else "low"])
    fast = ["--hidden", "8", "--epochs", "30", "--backend", "numpy", "-q"]
    out = folder / "run"
    table = str(folder / "two.csv")
    assert main(["train", table, "--target", "kind", *fast, "--out", str(out)]) == 0
    return SimpleNamespace(folder=out, table=folder / "two.csv",
                           subject=read(out, None, bpnet.backends.get("numpy")))  # fmt: skip


def test_the_column_that_decides_is_the_one_that_matters(run):
    names, losses = inputs.importance(run.subject)
    assert names == ["b", "a"]
    assert losses[1].mean() > 0.3  # by chance the classes are even
    assert abs(losses[0].mean()) < 0.1


def test_mistakes_are_named_by_their_rows_in_the_file(run):
    rows = list(csv.reader(run.table.read_text().splitlines()))[1:]
    evaluation = run.subject.evaluation
    for at in range(len(evaluation.outputs)):
        a = float(rows[int(run.subject.named(at)) - 1][1])
        column = run.subject.columns.inputs[-1]
        scaled = (a - column.mean) / column.std
        assert np.asarray(evaluation.data.x)[at, -1] == pytest.approx(scaled, abs=1e-5)


def test_the_page_has_columns_thresholds_and_the_area(run):
    page = single.page(run.subject)
    sections = {section.id: section for section in page.sections}
    table = sections["inputs"].blocks[1]
    told = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    missing = sum(i % 7 == 0 for i in run.subject.evaluation.data.rows)
    assert told["b"]["missing"] == str(missing) != "0"
    assert told["b"]["filled with"].startswith("the mean")
    assert told["a"]["missing"] == "0"
    evaluation = run.subject.evaluation
    area = Thresholds.of(evaluation.outputs[:, 1], evaluation.truth).auc
    facts = {fact.name: fact.value for fact in page.facts}
    assert facts["Area under ROC"] == f"{area:.4f}"
    (half,) = [row for row in sections["threshold"].blocks[2].rows if row[0] == "0.5"]
    decided = run.subject.answers()[0]
    # of two equally frequent classes the second is positive
    assert np.bincount(evaluation.truth).tolist() == [20, 20]
    assert half[4] == str(((decided == 1) & (evaluation.truth == 1)).sum())
