"""Processor threads: the rule, what is asked for, and that all is as before afterwards."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

import bpnet
from bpnet.backends import threads
from bpnet.errors import InputError


class Look(bpnet.Callback):
    """What the BLAS is set to, and what the run says, at the end of an epoch."""

    def on_epoch_end(self, run):
        self.threads, self.seen = run.threads, blas()


def blas():
    """Threads of each BLAS in the process."""
    return {
        pool.num_threads for pool in ThreadpoolController().select(user_api="blas").lib_controllers
    }


def run(backend="numpy", batch_size=10, sizes=(8, 4, 2), **options):
    look = Look()
    X = np.random.default_rng(0).normal(size=(20, sizes[0]))
    net = bpnet.Network(list(sizes), hidden="sigmoid", seed=0)
    bpnet.train(
        net,
        (X, np.arange(20) % 2),
        epochs=1,
        batch_size=batch_size,
        backend=backend,
        callbacks=[look],
        **options,
    )
    return look


@pytest.fixture
def two():
    """A BLAS that may use two threads."""
    with threadpool_limits(2, user_api="blas"):
        yield


def test_the_rule_looks_at_the_largest_product():
    assert threads.rule(10 * 784 * 512, most=2) == 1
    assert threads.rule(32 * 784 * 512, most=2) == 2
    assert threads.rule(1024 * 784 * 30, most=2) == 2
    assert threads.rule(1024 * 784 * 512, most=1) == 1


def test_a_small_step_runs_with_one_thread(two):
    look = run()
    assert look.threads == 1
    assert look.seen == {1}
    assert blas() == {2}


def test_a_large_step_runs_with_all(two):
    look = run(sizes=(1000, 1000, 2), batch_size=20)
    assert look.threads == 2
    assert look.seen == {2}


def test_threads_asked_for_win_and_are_given_back(two):
    look = run(threads=2)
    assert look.threads == 2
    assert look.seen == {2}
    assert run(sizes=(1000, 1000, 2), batch_size=20, threads=1).seen == {1}
    assert blas() == {2}


def test_what_the_blas_is_set_to_is_an_upper_limit():
    with threadpool_limits(1, user_api="blas"):
        assert run(threads=2).seen == {1}
        assert run(threads=2).threads == 1


def test_threads_are_given_back_after_an_error(two):
    class Fails(bpnet.Callback):
        def on_epoch_end(self, run):
            raise OSError("on purpose")

    net = bpnet.Network([2, 2], seed=0)
    with pytest.raises(OSError, match="on purpose"):
        bpnet.train(net, (np.eye(2), [0, 1]), backend="numpy", callbacks=[Fails()])
    assert blas() == {2}


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2"])
def test_what_is_no_number_of_threads_is_refused(value):
    with pytest.raises(InputError, match="threads is"):
        run(threads=value)


def test_threads_on_each_backend(backend):
    """Kept where the library takes them, else refused in one line."""
    if backend.name in {"numpy", "torch"}:
        assert run(backend, threads=1).threads == 1
        return
    with pytest.raises(InputError, match=f"threads is 1 and {backend.name}"):
        run(backend, threads=1)


def test_runs_that_overlap_share_the_first_ones_number(two):
    with threads.limited(None, work=1) as first:
        assert (first, blas()) == (1, {1})
        with threads.limited(2, work=1) as second:
            assert (second, blas()) == (1, {1})
        assert blas() == {1}
    assert blas() == {2}


def test_the_last_to_end_gives_it_back(two):
    first, second = threads.limited(None, work=1), threads.limited(None, work=1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas() == {1}
    second.__exit__(None, None, None)
    assert blas() == {2}


def test_a_run_in_another_thread_has_its_number(two):
    """The first thread set one, and lives; threadpoolctl then does nothing in others, silently."""
    with ThreadPoolExecutor(1) as pool:
        look = pool.submit(run, threads=1).result()
    assert (look.threads, look.seen) == (1, {1})
    assert blas() == {2}


def test_networks_trained_in_threads_do_not_disturb_each_other(two):
    X = np.random.default_rng(0).normal(size=(200, 8))

    def weights(seed):
        net = bpnet.Network([8, 6, 2], hidden="sigmoid", seed=seed)
        bpnet.train(net, (X, np.arange(200) % 2), epochs=5, batch_size=8, seed=seed)
        return net.weights[0].copy()

    alone = [weights(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(weights, range(4)))
    for a, b in zip(alone, threaded, strict=True):
        np.testing.assert_array_equal(a, b)
    assert blas() == {2}


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_training_works_in_a_process_started_after_the_import(how):
    program = (
        "import multiprocessing, sys, warnings, bpnet\n"
        "warnings.simplefilter('ignore')\n"
        "from tests.backends.test_threads import trained\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({how!r}).Pool(2) as pool:\n"
        "        print(pool.map(trained, [1, 2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout.strip() == str([trained(1), trained(2)]), done.stderr


def trained(seed):
    """Cost of a short run, for processes of their own."""
    X = np.random.default_rng(0).normal(size=(20, 8))
    net = bpnet.Network([8, 4, 2], hidden="sigmoid", seed=seed)
    return bpnet.train(net, (X, np.arange(20) % 2), epochs=1, backend="numpy")["cost"][0]
