"""What ranks run in the tests: python -m tests.distributed.worker NAME ARGUMENT..."""

import json
import os
import signal
import sys
import time

import bpnet
from bpnet import distributed
from tests.distributed import jobs


class Fail(bpnet.Callback):
    """Makes one rank fail in its second epoch."""

    def __init__(self, ranks, how):
        self.how = how if ranks.rank == 1 else None

    def on_block_end(self, run):
        if self.how is None or run.epoch < 1:
            return
        print(json.dumps(time.time()), flush=True)
        if self.how == "exception":
            msg = "planted"
            raise ZeroDivisionError(msg)
        if self.how == "exit":
            sys.exit(3)
        if self.how == "sudden exit":
            os._exit(4)
        os.kill(os.getpid(), {"kill": signal.SIGKILL, "hang": signal.SIGSTOP}[self.how])


def digests(world, backend, *cases):
    """Hash of each case, the same on every rank or this is an error."""
    actual = {name: jobs.train(world, backend=backend, **jobs.CASES[name])[0] for name in cases}
    ranks = distributed.wrap(world)
    assert ranks.share(json.dumps(actual).encode()) == json.dumps(actual).encode()
    if ranks.rank == 0:
        print(json.dumps(actual))


def fail(world, how):
    ranks = distributed.wrap(world, timeout=2)
    jobs.train(ranks, epochs=100_000, callbacks=[Fail(ranks, how)])


def different(world):
    jobs.train(world, l2=float(world.Get_rank()))


if __name__ == "__main__":
    from mpi4py import MPI

    {"digests": digests, "fail": fail, "different": different}[sys.argv[1]](
        MPI.COMM_WORLD, *sys.argv[2:]
    )
