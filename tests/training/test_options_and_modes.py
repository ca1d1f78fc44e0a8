"""One table of options and modes: each is honored, by an effect of its own, or refused by name."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import bpnet
from bpnet.cli import main
from bpnet.distributed import Single
from bpnet.sklearn import MLPClassifier
from bpnet.sklearn import search as grid_search
from bpnet.training import Distributions, fastest, finder
from tests.training import effects, effects_of_place
from tests.training.modes import FOLDS, HELD, MODES, M, Probe

# + is honored, - is refused by name; there is nothing else
TABLE = """
              one stack turn ranks shards lbfgs streamed finder fastest fit regress fit_lbfgs grid
cost           +    +    +     +     +      +      +       +       +     +     +       +      +
optimizer      +    +    +     +     +      +      +       +       +     +     +       +      +
epochs         +    +    +     +     +      +      +       -       +     +     +       +      +
batch_size     +    +    +     +     +      -      +       +       +     +     +       +      +
l2             +    +    +     +     +      +      +       +       +     +     +       +      +
l1             +    +    +     +     +      +      +       -       +     +     +       +      +
dropout        +    +    +     +     +      -      +       -       +     +     +       -      +
max_norm       +    +    +     +     +      -      +       -       +     +     +       -      +
clip_norm      +    +    +     +     +      -      +       -       +     +     +       -      +
micro_batch    +    +    +     +     +      -      +       -       +     -     -       -      -
schedule       +    +    +     +     +      -      +       -       +     +     +       -      +
sample_weight  +    +    +     +     +      +      +       -       +     +     +       +      +
label_smoothing +   +    +    +     +     +      +      -       +       -     -       -      -
class_weight   +    +    +     +     +      +      +       -       +     +     -       +      +
validation     +    +    +     +     +      +      +       +       +     +     +       -      +
metrics        +    +    +     +     +      +      +       -       +     +     +       -      +
backend        +    +    +     +     +      +      +       +       +     +     +       +      +
device         +    +    +     +     +      +      +       +       -     +     +       +      +
dtype          +    +    +     +     +      +      +       +       +     +     +       +      +
seed           +    +    +     +     +      +      +       +       +     +     +       +      +
threads        +    +    +     +     +      +      +       -       +     +     +       +      +
precision      +    +    +     +     +      +      +       -       +     +     +       +      +
compiled       +    +    +     +     +      +      +       -       +     -     -       -      -
checkpoint     +    +    +     +     +      -      +       -       +     -     -       -      -
resume         +    +    +     +     +      -      +       -       +     -     -       -      -
callbacks      +    +    +     +     +      +      +       -       +     +     +       +      +
communicator   +    +    +     +     +      -      +       -       +     -     -       -      -
reduce         -    -    -     +     -      -      -       -       -     -     -       -      -
shards         +    -    -     +     +      -      +       -       +     -     -       -      -
folds          -    +    +     -     -      -      -       -       -     -     -       -      -
"""

GIVEN = {
    "epochs": 2, "batch_size": 16, "l1": 0.1, "dropout": 0.5, "max_norm": 1.0, "clip_norm": 1.0,
    "micro_batch": 2, "schedule": effects.Half(), "sample_weight": np.ones(M),
    "class_weight": "balanced", "label_smoothing": 0.25, "validation": HELD,
    "metrics": "balanced_accuracy",
    "device": "cpu", "threads": 1, "precision": "tf32", "compiled": False, "checkpoint": "folder",
    "resume": True, "callbacks": [effects_of_place.Calls()], "communicator": Single(),
    "reduce": "fast", "shards": 2, "folds": FOLDS,
}  # fmt: skip
"""What is given where it is refused."""

WORDS = {
    "schedule": "schedule|learning_rate", "metrics": "metrics|scoring",
    "validation": "validation|X_val", "folds": "folds", "checkpoint": "checkpoint",
}  # fmt: skip
"""Names of options where the estimators have others."""


def rows(table):
    names, *lines = table.strip().splitlines()
    for line in lines:
        option, *words = line.split()
        for mode, word in zip(names.split(), words, strict=True):
            yield option, mode, word


CELLS = list(rows(TABLE))


def of(word):
    cells = [pytest.param(o, m, id=f"{o}-{m}") for o, m, w in CELLS if w == word]
    return pytest.mark.parametrize(("option", "mode"), cells)


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """NumPy is the fastest; a search for a rate tells all its costs, and need not find one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fastest, "_measure", lambda *_: {"numpy": 1.0})
    monkeypatch.setattr(finder, "_smoothed", np.asarray)
    monkeypatch.setattr(finder, "_lowest", lambda *_, **__: 0)


def test_every_option_and_every_mode_has_a_cell():
    options = list(inspect.signature(bpnet.train).parameters)[2:]
    no_part = {"recipe", "place", "ranks", "verbose"}  # hold options; shows, and changes nothing
    options = [name for name in options if name not in no_part]
    assert {(o, m) for o, m, _ in CELLS} == {(o, m) for o in options for m in MODES}
    assert len(CELLS) == len(options) * len(MODES)
    assert {word for *_, word in CELLS} == {"+", "-"}


def test_sets_are_trained_as_their_modes_say():
    for mode, stacks in {"stack": [4], "turn": [1] * 4}.items():
        nets = [bpnet.Network([6, 5, 3], seed=s) for s in range(4)]
        actual = bpnet.train(nets, (effects.X, effects.Y), epochs=1, **MODES[mode].usual)
        assert actual.stacks == stacks


@of("+")
def test_it_is_honored(option, mode, tmp_path):
    if mode == "finder" and option in FINDER:
        effects.like_a_run(MODES[mode], **FINDER[option])
        return
    files = (tmp_path / "checkpoints",) if option in {"checkpoint", "resume"} else ()
    EFFECTS[option](MODES[mode], *files)


EFFECTS = {**vars(effects), **vars(effects_of_place)}

FINDER = {
    "cost": {"cost": "quadratic"},
    "optimizer": {"optimizer": bpnet.optimizers.Adam(0.1)},
    "batch_size": {"batch_size": 16},
    "l2": {"l2": 20.0},
    "seed": {"batch_size": 16, "seed": 3},
}
"""Options whose effect a search for a rate shows in its costs."""


@of("-")
def test_it_is_refused_by_name(option, mode, tmp_path):
    probe, kind = Probe(), MODES[mode]
    given = {option: GIVEN[option]}
    if option == "metrics" and not kind.estimates:
        given["validation"] = HELD
    if option == "resume":
        given["checkpoint"] = "folder"
    with pytest.raises(kind.errors, match=WORDS.get(option, option)) as caught:
        kind.train(probe, **given)
    assert len(str(caught.value).splitlines()) == 1
    assert not probe.seen  # before any work is done
    assert not (tmp_path / "folder").exists()


WITH_CALLBACKS = [mode for option, mode, word in CELLS if option == "callbacks" and word == "+"]


@pytest.mark.parametrize("mode", WITH_CALLBACKS)
def test_a_checkpoint_is_none_of_the_callbacks(mode, tmp_path):
    probe = Probe()
    with pytest.raises(bpnet.InputError, match=r"callbacks holds a Checkpoint; .*checkpoint=;"):
        MODES[mode].train(probe, callbacks=[bpnet.Checkpoint(tmp_path / "folder")])
    assert not probe.seen
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("mode", WITH_CALLBACKS)
def test_distributions_are_recorded_or_refused(mode):
    seen, probe = Distributions(), Probe()
    if mode in {"stack", "turn", "fit", "regress", "fit_lbfgs", "grid"}:
        with pytest.raises(bpnet.InputError, match="Distributions looks into one network"):
            MODES[mode].train(probe, callbacks=[seen])
        assert not probe.seen
        return
    MODES[mode].train(probe, callbacks=[seen], epochs=2)
    assert {record["epoch"] for record in seen.records} == {1, 2}


SHARED = {
    "cost": "quadratic", "class_weight": {0: 2.0}, "micro_batch": 2, "device": "cpu",
    "dtype": "float32", "threads": 1, "precision": "tf32", "compiled": False, "resume": False,
    "reduce": "ordered", "shards": 2,
}  # fmt: skip


@pytest.mark.parametrize("option", SHARED)
def test_what_the_networks_of_a_set_share_is_no_list(option):
    with pytest.raises(bpnet.InputError, match=option):
        MODES["stack"].train(**{option: [SHARED[option]] * 4})


def test_the_command_refuses_fast_sums_of_one_process(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "digits", "--epochs=1", "--reduce=fast", f"--out={out}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "reduce is 'fast', a way to add up over ranks, and there are none" in line
    assert not out.exists()


@pytest.mark.parametrize("mode", ["stack", "turn"])
def test_a_set_refuses_another_order_of_sums_too(mode):
    with pytest.raises(bpnet.InputError, match="reduce is"):
        MODES[mode].train(reduce="slow")


@pytest.mark.parametrize("mode", ["fit", "fit_lbfgs", "grid"])
def test_estimators_do_not_try_out_backends(mode):
    with pytest.raises(ValueError, match=r'backend="fastest" is tried out by bpnet\.train alone'):
        MODES[mode].train(backend="fastest")


@pytest.mark.parametrize("mode", ["finder", "ranks", "stack", "turn", "shards", "lbfgs"])
def test_the_fastest_backend_is_that_of_all(mode, monkeypatch):
    """Where ranks would find different ones, that of rank 0."""
    names = iter(["array_api_strict:CPU_DEVICE", "numpy"])
    monkeypatch.setattr(fastest, "_measure", lambda *_: {next(names): 1.0})
    monkeypatch.setattr(fastest, "_cache_file", lambda *_: Path("nothing") / str(id(object())))
    kinds = effects.seen(MODES[mode], lambda z: type(z).__module__.split(".")[0], backend="fastest")
    assert set(kinds) == {"array_api_strict"}


def test_validation_targets_need_examples():
    est = MLPClassifier(max_iter=1)
    with pytest.raises(ValueError, match="y_val was given without X_val; give both"):
        est.fit(effects.X, effects.Y, y_val=effects.Y)


def test_fits_of_a_grid_have_each_its_threads():
    probe = Probe(effects_of_place.blas)
    usual = {"activation": probe, "solver": "sgd", "max_iter": 20, "tol": 1.0}
    fits = [
        grid_search.Candidate(
            MLPClassifier(5, n_iter_no_change=1, threads=n, **usual), np.arange(M)
        )
        for n in (1, 2, 1, 2)
    ]
    with threadpool_limits(2, user_api="blas"):
        most = effects_of_place.blas()
        grid_search.fit_all(fits, effects.X, effects.Y)
    assert set(probe.seen) == {most, frozenset([1] * bool(most))}
