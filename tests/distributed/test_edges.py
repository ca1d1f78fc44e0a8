"""How a rank that cannot go on, or is interrupted, leaves the others."""

import pytest

from bpnet.distributed import Single, simulate
from bpnet.errors import Diverged


def test_who_cannot_go_on_learns_of_the_others_and_these_end():
    """The one with a status of its own says why and exits by itself."""

    def job(ranks):
        try:
            return ranks.agree(status=3 if ranks.rank == 1 else 0).tolist()
        except SystemExit as error:
            return f"exit {error.code}"

    results, _ = simulate(4, job)
    assert results == ["exit 3", [0.0, 3.0, 0.0, 0.0], "exit 3", "exit 3"]


@pytest.mark.parametrize(
    ("error", "alone"),
    [(KeyboardInterrupt(), False), (Diverged("all alike"), False), (OSError("a disk"), True)],
)
def test_what_ends_all_ranks_alike_leaves_nobody_waiting(error, alone):
    """Any other error is one that the others must be told of when the process ends."""
    ranks = Single()

    def work():
        with ranks.running():
            assert ranks.active
            raise error

    with pytest.raises(type(error)):
        work()
    assert ranks.active == alone
    if alone:
        assert ranks.cause == "OSError: a disk"


def test_a_rank_that_is_done_is_waited_for_by_nobody():
    ranks = Single()
    with ranks.running():
        pass
    assert not ranks.active
