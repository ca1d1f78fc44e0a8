"""Numbers out of all proportion are refused in a line, before any work is done."""

import numpy as np
import pytest

import bpnet
from bpnet.backends import hardware
from bpnet.cli import main

HUGE = str(10**30)
TRAIN = {
    "shards": ["--shards", str(1 << 30)],
    "epochs": ["--epochs", HUGE],
    "batch-size": ["--batch-size", HUGE],
    "micro-batch": ["--micro-batch", HUGE],
    "threads": ["--threads", "1000000000"],
    "seed": ["--seed", HUGE],
    "timeout": ["--timeout", "1e300"],
    "checkpoint-minutes": ["--checkpoint-minutes", "1e300"],
    "members": ["--members", "1000000000"],
    "hidden": ["--hidden", "99999999999"],
    "hidden, two layers": ["--hidden", "10000000,10000000"],
}
OTHER = {
    "sweep seeds": ["sweep", "--seeds", "10000000000"],
    "sweep folds": ["sweep", "--folds", "10000000000"],
    "sweep hidden": ["sweep", "--hidden", "99999999999"],
    "sweep grid": ["sweep", *(w for name in ("l1", "l2", "dropout", "learning-rate")
                              for w in (f"--{name}", ",".join(["0.01"] * 40)))],
    "bench seconds": ["bench", "--backend", "numpy", "--seconds", "1e300"],
}  # fmt: skip


@pytest.mark.parametrize(
    "words", [*(["train", "digits", *w] for w in TRAIN.values()), *OTHER.values()],
    ids=[*TRAIN, *OTHER],
)  # fmt: skip
def test_a_number_out_of_all_proportion_is_refused(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bpnet.training.epochs.run", None)  # nothing may be trained
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "give" in error
    assert list(tmp_path.iterdir()) == []


def test_the_largest_that_are_taken(monkeypatch):
    """The limits are far from what anybody needs."""
    x, y = np.eye(4), np.arange(4) % 2
    bpnet.train(
        bpnet.Network([4, 2]), (x, y), epochs=1, batch_size=1 << 31, threads=4096, shards=4096,
        backend="numpy",
    )  # fmt: skip
    monkeypatch.setattr(hardware, "memory", lambda: 8 * (4 * 3 + 3))
    bpnet.Network([4, 3])
    with pytest.raises(bpnet.InputError, match="the network has 16 weights"):
        bpnet.Network([3, 4])
    monkeypatch.setattr(hardware, "memory", lambda: None)
    bpnet.Network([3, 4])
