"""Training on simulated ranks: the same bits for any number of them, through the same code."""

import numpy as np
import pytest

import bpnet
from bpnet.distributed import simulate
from bpnet.errors import Diverged, InputError
from bpnet.training import opening, sharding
from bpnet.training import ranks as rank
from tests.distributed import jobs

RUNS = {
    "plain": {},
    "regularized": {"l2": 1.0, "l1": 0.1, "clip_norm": 0.5, "max_norm": 2.0, "optimizer": "sgd"},
    "dropout and momentum": {"dropout": 0.4, "optimizer": "momentum"},
    "weights": {"class_weight": {0: 3.0, 2: 0.0}},
    "micro-batches": {"micro_batch": 2},
    "whole set, schedule": {"batch_size": None, "schedule": "cosine"},
    "layer normalization": {"norm": "layer"},
    "validation": {"validation": jobs.data(60)},
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """PyTorch's number of threads belongs to the process, and simulated ranks share it."""
    try:
        import torch
    except ModuleNotFoundError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same_bits(sizes, options):
    want, history, _ = jobs.train(shards=8, **options)
    for size in sizes:
        for got, other, _ in simulate(size, lambda ranks: jobs.train(ranks, **options))[0]:
            assert got == want
            assert other == history


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_same_bits_for_any_number_of_ranks(options):
    same_bits((1, 2, 4, 8), {"backend": "numpy", **options})


def test_same_bits_on_every_backend(backend):
    same_bits((2,), {"backend": backend, **jobs.EVERYTHING})


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_one_shard_is_the_ordinary_run(options):
    want, history, _ = jobs.train(backend="numpy", **options)
    got, other, _ = jobs.train(backend="numpy", shards=1, **options)
    assert got == want
    assert other == history


def same_to_rounding(bound, options):
    _, history, plain = jobs.train(**options)
    fast, _ = simulate(3, lambda ranks: jobs.train(ranks, reduce="fast", **options))
    assert len({digest for digest, *_ in fast}) == 1
    for _, other, network in (jobs.train(shards=8, **options), fast[0]):
        np.testing.assert_allclose(other["cost"], history["cost"], rtol=bound)
        for l in range(3):
            np.testing.assert_allclose(plain.weights[l], network.weights[l], rtol=0, atol=bound)


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_shards_and_fast_sums_are_the_ordinary_run_to_rounding(options):
    same_to_rounding(1e-10, {"backend": "numpy", "dtype": "float64", **options})


def test_shards_and_fast_sums_are_the_ordinary_run_on_every_backend(backend):
    wide = "float64" in backend.dtypes()
    options = {"backend": backend, "dtype": "float64" if wide else "float32", **jobs.EVERYTHING}
    same_to_rounding(1e-10 if wide else 1e-4, options)


def test_each_step_is_one_sum_of_one_buffer():
    def job(ranks):
        jobs.train(ranks, epochs=2)

    _, traffic = simulate(4, job)
    steps, ends = 2 * 11, 2 * 3  # an epoch of 11 batches ends blocks of 10 and of 1, and itself
    started = 2
    assert {t.sums for t in traffic} == {steps}
    parameters = 7 * 16 + 17 * 8 + 9 * 3
    sent = steps * 2 * 4 * (parameters + 2)
    gathered = sum(t.bytes for t in traffic) / 4 - sent
    assert gathered < 1000 * (ends + started) + 4 * parameters * 2


def test_a_thousand_ranks():
    def job(ranks):
        return jobs.train(ranks, epochs=1, batch_size=None, shards=1024)[0]

    want = jobs.train(epochs=1, batch_size=None, shards=1024)[0]
    results, traffic = simulate(1024, job)
    assert set(results) == {want}
    assert len({t.messages for t in traffic}) > 1  # broadcasts are sent by some ranks only


def test_early_stopping_and_validation_agree_on_all_ranks():
    def job(ranks):
        stopping = bpnet.EarlyStopping(1)
        return jobs.train(
            ranks, epochs=60, validation=jobs.data(40), callbacks=[stopping], optimizer="adam"
        )

    results, _ = simulate(4, job)
    assert len({digest for digest, *_ in results}) == 1
    assert len({len(history["cost"]) for _, history, _ in results}) == 1


@pytest.mark.parametrize("asker", [0, 3])
def test_a_stop_that_one_rank_asks_for_stops_all_after_the_same_step(asker):
    class Stop(bpnet.Callback):
        def __init__(self, rank):
            self.rank, self.at, self.why = rank, None, None

        def on_block_end(self, run):
            if self.rank == asker and run.epoch == 1:
                run.stop("SIGTERM")

        def on_train_end(self, run):
            self.at, self.why = (run.epoch, run.step), run.stopped

    def job(ranks):
        stop = Stop(ranks.rank)
        digest, *_ = jobs.train(ranks, epochs=50, callbacks=[stop])
        return digest, stop.at, stop.why

    results, _ = simulate(4, job)
    assert set(results) == {results[0]}
    assert results[0][1:] == ((1, 10), "SIGTERM")


def test_checkpoints_are_rank_0s_and_a_resume_on_other_ranks_has_the_same_bits(tmp_path):
    class Stop(bpnet.Callback):
        def on_block_end(self, run):
            if run.epoch == 1:
                run.stop("SIGTERM")

    want, history, _ = jobs.train(shards=8, epochs=4)
    options = {"epochs": 4, "checkpoint": tmp_path}

    def stopped(ranks):
        jobs.train(ranks, callbacks=[Stop()], **options)

    simulate(4, stopped)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["step-000000000011.safetensors", "step-000000000021.safetensors"]
    for size in (2,):
        results, _ = simulate(size, lambda ranks: jobs.train(ranks, resume=True, **options))
        for got, other, _ in results:
            assert got == want
            assert other == history


def test_only_rank_0_reads_and_writes_checkpoints(tmp_path):
    def job(ranks):
        folder = tmp_path / f"rank{ranks.rank}"
        jobs.train(ranks, epochs=1, checkpoint=folder)
        jobs.train(ranks, epochs=2, checkpoint=folder, resume=True)

    simulate(2, job)
    assert [path.name for path in tmp_path.iterdir()] == ["rank0"]


def test_a_resume_with_other_shards_is_refused(tmp_path):
    jobs.train(shards=4, epochs=1, checkpoint=tmp_path)
    with pytest.raises(InputError, match="has shards = 4, not 8"):
        jobs.train(shards=8, epochs=2, checkpoint=tmp_path, resume=True)


def test_ranks_start_from_rank_0s_parameters():
    def job(ranks):
        network = bpnet.Network([6, 5, 3], hidden="sigmoid", seed=ranks.rank)
        bpnet.train(network, jobs.data(), epochs=1, communicator=ranks)
        return jobs.digest(network)

    assert len(set(simulate(4, job)[0])) == 1


DIFFERENT = {
    "learning rate": (lambda r: {"optimizer": bpnet.optimizers.SGD(0.1 + r)}, "optimizer"),
    "seed": (lambda r: {"seed": int(r)}, "seed"),
    "l2": (lambda r: {"l2": float(r)}, "l2"),
    "weights": (lambda r: {"class_weight": {0: 1.0 + r}}, "weights"),
}


@pytest.mark.parametrize(("options", "name"), DIFFERENT.values(), ids=DIFFERENT)
def test_ranks_that_were_asked_for_other_runs_are_refused(options, name):
    with pytest.raises(InputError, match=f"rank 3 has other {name} than rank 0; give every rank"):
        simulate(4, lambda ranks: jobs.train(ranks, **options(ranks.rank == 3)))


def test_a_part_of_the_data_on_each_rank_is_refused():
    X, y = jobs.data(80)

    def job(ranks):
        part = slice(40 * ranks.rank, 40 * ranks.rank + 40)
        bpnet.train(
            bpnet.Network([6, 5, 3], hidden="sigmoid"), (X[part], y[part]), communicator=ranks
        )

    with pytest.raises(InputError, match=r"rank 1 has other data than rank 0; .* the whole set"):
        simulate(2, job)


def test_parameters_that_drift_apart_are_noticed():
    def job(ranks):
        made = sharding.ShardedSession.take

        def drifting(session, *rest, **more):
            actual = made(session, *rest, **more)
            if ranks.rank == 1 and session.members[0].run.epoch == 1:
                session.parameters[0][0][0, 0] += 1e-6
            return actual

        class Session(sharding.ShardedSession):
            take = drifting

        sessions[ranks.rank] = Session
        return jobs.train(ranks)

    sessions = {}
    original = opening.ShardedSession

    def session(*held, split):
        return sessions[split.ranks.rank](*held, split=split)

    opening.ShardedSession = session
    try:
        with pytest.raises(RuntimeError, match="step 10 of epoch 2 rank 1 has other parameters"):
            simulate(2, job)
    finally:
        opening.ShardedSession = original


def test_a_cost_that_is_not_finite_stops_all_ranks_alike():
    def job(ranks):
        try:
            jobs.train(ranks, optimizer=bpnet.optimizers.SGD(1e30), l2=1.0)
        except Diverged as error:
            return str(error)
        return None

    results, _ = simulate(4, job)
    assert len(set(results)) == 1
    assert "training diverged" in results[0]


def test_memory_that_runs_out_on_one_rank_is_its_own_matter(caplog):
    from bpnet.backends.numpy import NumPy
    from bpnet.training.step import Backpropagation

    def job(ranks):
        return jobs.train(ranks, epochs=1, batch_size=64)

    want = simulate(2, job)[0][0]
    taken, plain = [], Backpropagation._part
    told = iter([True])

    def short(backpropagation, parameters, batch, *rest):
        if len(batch.x) > 4 and next(told, False):
            raise MemoryError
        taken.append(len(batch.x))
        return plain(backpropagation, parameters, batch, *rest)

    assert NumPy().out_of_memory(MemoryError())
    Backpropagation._part = short
    try:
        results, _ = simulate(2, job)
    finally:
        Backpropagation._part = plain
    assert {4, 8} <= set(taken)
    assert "going on with 4 of a batch" in caplog.text
    assert results[0][0] == results[1][0]
    for l in range(3):
        np.testing.assert_allclose(results[0][2].weights[l], want[2].weights[l], atol=1e-5)


REFUSED = {
    "no power of two": ({"shards": 6}, r"shards is 6; give a power of two"),
    "no number": ({"shards": "4"}, r"shards is '4'; give a power of two"),
    "none at all": ({"shards": 0}, r"shards is 0; give a power of two"),
    "no order": ({"reduce": "slow"}, r"reduce is 'slow'; give 'ordered' or 'fast'"),
    "fast with shards": ({"reduce": "fast", "shards": 8}, r"shards=8 belongs to reduce='ordered'"),
    "batch normalization": (
        {"shards": 2, "norm": "batch"},
        r"batch normalization needs the whole batch at once; use norm='layer'",
    ),
    "L-BFGS": (
        {"shards": 2, "optimizer": "lbfgs", "batch_size": None},
        r"lbfgs works in one process, without shards",
    ),
    "something else": ({"communicator": "world"}, r"communicator is str; give mpi4py"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        jobs.train(**options)


def test_ranks_that_do_not_divide_the_shards_are_refused():
    with pytest.raises(InputError, match=r"3 ranks can't share 8 shards evenly; start a number"):
        simulate(3, jobs.train)


def test_batch_normalization_works_on_one_rank_with_one_shard():
    results, _ = simulate(1, lambda ranks: jobs.train(ranks, shards=1, norm="batch"))
    assert results[0][0] == jobs.train(norm="batch")[0]


def test_hashes_fit_a_float():
    actual = rank.hashed(b"some", b"bytes")
    assert actual == int(actual) < 2**48
    assert actual != rank.hashed(b"some", b"other")
