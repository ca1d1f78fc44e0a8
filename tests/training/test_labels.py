"""Labels that do not exclude each other are told by one rule, whoever asks.

The network hands its inputs to a softmax, so that its answers can be counted out by hand.
"""

import numpy as np
import pytest

import bpnet
from bpnet.export import training
from bpnet.pages.content import percent
from bpnet.report import outcomes, subject
from bpnet.training.targets import Targets

X = np.asarray([[2.0, 1.0, -5.0], [1.0, 1.0, 1.0], [-1.0, 3.0, 0.5]])
SAID = [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
"""Which probability is above a half; z is above 0 elsewhere too."""

Y = np.asarray([[1, 0, 0], [1, 1, 1], [0, 1, 0]])
ALONE = np.asarray([[1, 0, 0], [1, 0, 0], [0, 1, 0]])
"""As of a part of the rows that has one label each: the largest output of each is right."""

STILL = {"cost": "quadratic", "optimizer": bpnet.optimizers.SGD(1e-12), "batch_size": None}


def network(output="softmax"):
    return bpnet.Network([3, 3], output=output, init=[(np.eye(3), np.zeros(3))])


def trained(output="softmax", y=Y, **options):
    net = network(output)
    options = {**STILL, "epochs": 1, **options}
    return net, bpnet.train(net, (X, y), **options)


@pytest.mark.parametrize("options", [{}, {"micro_batch": 1}, {"shards": 1}], ids=str)
def test_softmax_outputs_are_labels_above_a_half_everywhere(backend, options):
    pytest.importorskip("sklearn")
    held = {"validation": (X, Y), "metrics": "accuracy"}
    net, history = trained(backend=backend, **held, **options)
    assert net.classify(X).tolist() == SAID
    assert history["accuracy"] == history["validation_accuracy"] == [2 / 3]
    found = bpnet.evaluate(net, (X, Y), cost="quadratic", backend=backend)
    assert found["accuracy"] == pytest.approx(2 / 3)
    again = bpnet.evaluate(net, (X, Y), cost="quadratic", metrics=["f1", "accuracy"])
    assert again["accuracy"] == pytest.approx(2 / 3)


def test_the_networks_of_a_set_tell_them_alike():
    nets = [network(), network()]
    histories = bpnet.train(nets, (X, Y), epochs=1, validation=(X, Y), **STILL)
    for net, history in zip(nets, histories, strict=True):
        assert net.classify(X).tolist() == SAID
        assert history["accuracy"] == history["validation_accuracy"] == [2 / 3]


@pytest.mark.parametrize("sets", [False, True])
def test_rows_of_one_label_each_are_judged_as_the_labels_that_were_learned(sets):
    """By the largest output all three would be right."""
    pytest.importorskip("sklearn")
    net = network()
    options = {**STILL, "validation": (X, ALONE), "metrics": ("accuracy", "f1")}
    found = bpnet.train([net] if sets else net, (X, Y), epochs=1, **options)
    history = found[0] if sets else found
    assert net.labels
    assert history["validation_accuracy"] == [2 / 3]
    assert bpnet.evaluate(net, (X, ALONE), cost="quadratic")["accuracy"] == pytest.approx(2 / 3)
    both = bpnet.evaluate(net, (X, ALONE), cost="quadratic", metrics="accuracy")
    assert both["accuracy"] == pytest.approx(2 / 3)
    other = trained(y=ALONE)[0]
    assert not other.labels
    assert bpnet.evaluate(other, (X, ALONE), cost="quadratic")["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("output", "found"),
    [("softmax", [1, 1, 0]), ("identity", [2, 3, 2])],
    ids=["probabilities", "scores of a hinge"],
)
def test_a_report_counts_what_the_network_tells(output, found):
    """Beside each label the examples that have it: the recall of all says how many were told."""
    net = network(output)
    net.labels = True
    said = net.classify(X)
    assert said.sum(axis=0).tolist() == found
    data = bpnet.data.Dataset(X, said)
    evaluation = subject.Evaluation(
        data, "rows", net.predict(X), Targets(said, "threshold", None), {}
    )
    one = subject.Subject(None, {}, {"cost": [1.0]}, [], net, None, evaluation)
    (table,) = outcomes._labels(one).blocks
    told = [row for row in table.rows if row[4] != "0"]
    assert all(row[1:4] == [percent(1.0)] * 3 for row in told)


def test_an_exported_step_counts_them_too():
    pytest.importorskip("ndonnx")
    net = trained()[0]
    assert training._kind(net, bpnet.costs.Quadratic()) == "threshold"
    assert training._kind(trained(y=ALONE)[0], bpnet.costs.Quadratic()) == "class"
