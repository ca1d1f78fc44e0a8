"""A second signal while a run comes to its end."""

import signal

import pytest

from bpnet import Network
from bpnet.cli.signals import StopOnSignal
from bpnet.training import Run


def test_the_first_ctrl_c_stops_the_run_and_a_second_one_is_at_once():
    run, stop = Run(Network([1, 1], output="sigmoid"), 1, 1, 1, "numpy"), StopOnSignal()
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert before[0] is signal.default_int_handler
    stop.on_train_begin(run)
    try:
        signal.raise_signal(signal.SIGINT)
        assert (run.stopped, stop.status) == ("SIGINT", 130)
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        stop.close()
