"""What a set is asked for is known whole: to every rank, to a resume, and before it begins."""

import numpy as np
import pytest

import bpnet
from bpnet.distributed import simulate
from bpnet.errors import InputError
from bpnet.training import blocks

RANDOM = np.random.default_rng(0)
M = 1200
"""More examples than NumPy writes out."""
X = RANDOM.normal(size=(M, 4)).astype("f4")
Y = (X[:, 0] > 0).astype(int)
ROWS = np.arange(1100)
OTHER = np.where(ROWS == 500, 7, ROWS)
WEIGHTS = np.ones(M)
OTHER_WEIGHTS = np.where(np.arange(M) == 500, 2.0, 1.0)
HELD = np.arange(1100, M)


def networks(count=2):
    return [bpnet.Network([4, 3, 2], seed=s) for s in range(count)]


def first_arrays(nets):
    return [[W.copy() for W in net.weights] for net in nets]


OTHERS = {
    "weights": ({"sample_weight": WEIGHTS}, {"sample_weight": OTHER_WEIGHTS}),
    "folds": ({"folds": [(ROWS, HELD)] * 2}, {"folds": [(ROWS, HELD), (OTHER, HELD)]}),
    "classes": ({"class_weight": {0: 1.0}}, {"class_weight": {0: 2.0}}),
}


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_ranks_see_a_difference_in_the_middle(options):
    def job(ranks):
        own = options[min(ranks.rank, 1)]
        bpnet.train(networks(), (X, Y), epochs=1, communicator=ranks, **own)

    (name,) = options[0]
    with pytest.raises(InputError, match=f"rank 1 has other {name} than rank 0"):
        simulate(2, job)


@pytest.mark.parametrize("make", [networks, lambda: networks(1)[0]], ids=["set", "one"])
def test_ranks_see_that_they_have_other_epochs(make):
    """Else those that have fewer would leave the others to wait."""

    def job(ranks):
        bpnet.train(make(), (X, Y), epochs=1 + min(ranks.rank, 1), communicator=ranks)

    with pytest.raises(InputError, match="rank 1 has other epochs than rank 0"):
        simulate(2, job)


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_a_resume_sees_a_difference_in_the_middle(tmp_path, options):
    asked = {"epochs": 1, "checkpoint": tmp_path, "backend": "numpy"}
    bpnet.train(networks(), (X, Y), **asked, **options[0])
    with pytest.raises(InputError, match="resume it as it was begun"):
        bpnet.train(networks(), (X, Y), resume=True, **asked, **options[1])


def test_what_a_rank_trained_reaches_the_others_without_an_epoch_in_its_history(monkeypatch):
    monkeypatch.setattr(blocks, "_STEPS", 2)

    class Stop(bpnet.Callback):
        def on_block_end(self, run):
            run.stop("enough")

    def job(ranks):
        nets = networks(4)
        bpnet.train(nets, (X, Y), batch_size=10, epochs=2, callbacks=[Stop()], communicator=ranks)
        return first_arrays(nets)

    ((alone,), _), (shared, _) = simulate(1, job), simulate(2, job)
    fresh = first_arrays(networks(4))
    for arrays in shared:
        for own, expected, first in zip(arrays, alone, fresh, strict=True):
            assert all(map(np.array_equal, own, expected))
            assert not np.array_equal(own[0], first[0])


@pytest.mark.parametrize(("options", "said"), [
    ({"folds": [(ROWS, HELD), (HELD, ROWS)], "sample_weight": np.arange(M) < 1100},
     "all examples have the weight 0"),
    ({"sample_weight": np.ones((M, 1))}, "sample_weight has shape"),
    ({"sample_weight": ["a"] * M}, "sample_weight has dtype"),
    ({"folds": [(ROWS, HELD), ([-1, 5], HELD)]}, r"folds\[1\] has row -1"),
], ids=["fold of no weight", "column", "text", "row"])  # fmt: skip
@pytest.mark.parametrize("kept", [False, True])
def test_what_cannot_be_used_is_refused_before_a_network_is_trained(tmp_path, options, said, kept):
    nets, folder = networks(), tmp_path / "checkpoints"
    with pytest.raises(InputError, match=said):
        bpnet.train(
            nets, (X, Y), epochs=1, micro_batch=8, checkpoint=folder if kept else None, **options
        )
    assert all(
        all(map(np.array_equal, own, first))
        for own, first in zip(first_arrays(nets), first_arrays(networks()), strict=True)
    )
    assert not folder.exists()
