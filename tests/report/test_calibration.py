"""Calibration of labels that go together: an answer is as sure of "no" as of "yes"."""

from types import SimpleNamespace

import numpy as np
import pytest

from bpnet.report import outcomes


def test_a_label_that_is_denied_counts_with_what_it_was_denied():
    outputs = np.asarray([[0.95, 0.15], [0.35, 0.62]])
    targets = SimpleNamespace(values=np.asarray([[1.0, 0.0], [1.0, 1.0]]))
    evaluation = SimpleNamespace(outputs=outputs, targets=targets)
    found = outcomes.calibration(
        SimpleNamespace(evaluation=evaluation, probable=True, task="labels")
    )
    # 0.95 and 0.85 are right; of 0.65 and 0.62 the first is wrong
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 2, 0, 1, 1]
    assert found.confidence[[6, 8, 9]] == pytest.approx([0.635, 0.85, 0.95])
    assert found.accuracy[[6, 8, 9]].tolist() == [0.5, 1.0, 1.0]
