"""Labels that go together, and names of classes that exclude one another: a network has one."""

import numpy as np

import bpnet


def test_names_of_classes_take_the_place_of_labels(tmp_path):
    net = bpnet.Network([2, 3], output="sigmoid", seed=0)
    net.labels = True
    outputs = np.asarray([[0.9, 0.6, 0.1], [0.2, 0.3, 0.4]])
    assert net.decide(outputs).tolist() == [[1, 1, 0], [0, 0, 0]]
    net.classes = None
    assert net.labels
    net.classes = ["a", "b", "c"]
    assert not net.labels
    assert net.decide(outputs).tolist() == ["a", "c"]
    again = bpnet.load(net.save(tmp_path / "model.safetensors"))
    assert again.decide(outputs).tolist() == ["a", "c"]
