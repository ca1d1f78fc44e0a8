"""Small parts of the command line by themselves: ranks, options, panels, lines and counts."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import typer

import bpnet
from bpnet.cli import _meant, _option_value, completion, options, panels, ranks, screen
from bpnet.cli.app import COMMANDS, load
from bpnet.errors import BackendUnavailable, InputError


def world(size, rank=0, shared=None):
    """What stands for ranks: it counts agreements and shares what rank 0 says."""
    agreed = []
    return SimpleNamespace(
        size=size, rank=rank, local_rank=rank, agreed=agreed,
        agree=lambda: agreed.append(rank), share=lambda data: data if shared is None else shared,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("group", "spec", "kept"),
    [
        (None, "cupy:1", "cupy:1"), (world(1), "cupy:1", "cupy:1"), (world(2), "cupy:1", "cupy"),
        (world(1), "torch:cuda:1", "torch:cuda:1"), (world(2), "torch:cuda:1", "torch"),
        (world(2), "torch:cpu", "torch:cpu"), (world(2), "numpy", "numpy"),
    ],
)  # fmt: skip
def test_the_backend_of_a_run_that_is_resumed(group, spec, kept):
    assert ranks.resumed_backend(group, spec) == kept


@pytest.mark.parametrize(
    ("group", "settings", "lines"),
    [
        (None, {"shards": 4}, []), (world(2), {"shards": 4}, ["ranks: 2, 4 shards"]),
        (world(3), {"shards": None}, ["ranks: 3, fast sums"]),
        (world(3), {"shards": 0}, ["ranks: 3, fast sums"]), (world(1), {}, ["ranks: 1, fast sums"]),
    ],
)  # fmt: skip
def test_ranks_are_described(group, settings, lines):
    assert ranks.ranks_lines(group, settings) == lines


def test_rank_0_runs_first_and_shares_its_result():
    calls = []
    work = lambda: calls.append("work") or len(calls)  # noqa: E731
    assert [ranks.leads(one) for one in (None, world(2), world(2, 1))] == [True, True, False]
    assert ranks.rank_0_first(None, work) == 1
    leader, other = world(2), world(2, 1)
    leader.agree = lambda: calls.append("agree")
    other.agree = lambda: calls.append("agree")
    ranks.rank_0_first(leader, work)
    ranks.rank_0_first(other, work)
    assert calls == ["work", "work", "agree", "agree", "work"]
    calls.clear()
    assert ranks.on_rank_0(None, lambda: {"a": 1}) == {"a": 1}
    assert ranks.on_rank_0(leader, lambda: {"a": [1]}) == {"a": [1]}
    assert ranks.on_rank_0(world(2, 1, b'{"a": [1]}'), work) == {"a": [1]}
    assert calls == ["agree"]


@pytest.mark.parametrize(("size", "placed"), [(1, []), (2, [("cupy", None, 1)])])
def test_only_one_of_several_ranks_is_placed(monkeypatch, size, placed):
    seen = []
    monkeypatch.setattr(
        ranks.placement, "for_rank", lambda *arguments: seen.append(arguments) or "numpy"
    )
    group = world(size, 1)
    assert (
        ranks.select_backend(group, "numpy" if size == 1 else "cupy", None).backend.name == "numpy"
    )
    assert seen == placed


@pytest.mark.parametrize(
    ("number", "raises"), [("0", BackendUnavailable), (None, BackendUnavailable), ("1", SystemExit)]
)
def test_rank_0_alone_reports_a_missing_launcher(monkeypatch, number, raises):
    from bpnet import distributed

    def launched():
        raise BackendUnavailable("mpi", "no library", "install it")

    monkeypatch.setattr(distributed, "launched", launched)
    for name in ranks._RANKS:
        monkeypatch.delenv(name, raising=False)
    if number is not None:
        monkeypatch.setenv("PMI_RANK", number)
    with pytest.raises(raises):
        ranks.join()


@pytest.mark.parametrize(
    ("text", "sizes"),
    [("128,64", [128, 64]), ("128", [128]), ("", []), (" 3 , 4 ", [3, 4]), ("3,,4,", [3, 4])],
)
def test_sizes(text, sizes):
    assert options.sizes(text) == sizes


@pytest.mark.parametrize("text", ["a", "1.5", "3,x", "3;4"])
def test_no_sizes(text):
    with pytest.raises(InputError, match=r"--hidden is .*; give neurons of each hidden layer"):
        options.sizes(text)


def test_numbers_with_commas():
    assert options.numbers("l2", None) == []
    assert options.numbers("l2", "0,0.5, 1e-3") == [0.0, 0.5, 1e-3]
    assert options.numbers("l2", "3,") == [3.0]
    numbers = options.numbers("batch-size", "3,4", int)
    assert numbers == [3, 4]
    assert {type(n) for n in numbers} == {int}
    with pytest.raises(InputError, match=r"^--l2 is '1,x'; give numbers, several with commas"):
        options.numbers("l2", "1,x")
    with pytest.raises(InputError, match=r"^--seeds is '1\.5'; give whole numbers, several"):
        options.numbers("seeds", "1.5", int)


def test_names_with_commas():
    assert options.names("relu") == "relu"
    assert options.names(" relu , tanh") == ["relu", "tanh"]


def test_columns_are_those_that_were_said():
    assert options.columns(None, None, None, None) is None
    said = options.columns("a", None, "b,c", ";")
    assert said == {"drop": "a", "numeric": "b,c", "separator": ";"}
    assert options.columns(None, "d", None, "") == {"categorical": "d", "separator": ""}


def commands():
    """Commands by their names, as click has them."""
    return {name: load(name) for name in COMMANDS}


@pytest.mark.parametrize("name", ["train", "sweep"])
def test_every_option_of_training_stands_in_a_panel(name):
    shown = {
        option.name: option.rich_help_panel
        for option in commands()[name].params
        if hasattr(option, "rich_help_panel") and option.opts[0].startswith("-")
    }
    order = ["Network", "Training", panels.REGULAR, "Data", panels.PLACE, "The run"]
    known = {option: panel for option, panel in shown.items() if option != "help"}
    assert {option for option, panel in known.items() if panel not in order} == set()
    places = [order.index(panel) for panel in known.values()]
    assert places == sorted(places)
    expected = {"hidden": "Network", "epochs": "Training", "l2": panels.REGULAR, "target": "Data",
              "backend": panels.PLACE, "out": "The run", "timeout": panels.PLACE,
              "buffer": "Data", "folds": "Data", "quiet": "The run"}  # fmt: skip
    assert {o: p for o, p in known.items() if o in expected} == {
        o: p for o, p in expected.items() if o in known
    }  # fmt: skip


def test_every_command_says_what_it_does_and_has_an_example():
    for name, command in commands().items():
        assert command.help, name
        lines = [line.strip() for line in command.help.splitlines()]
        assert any(line.startswith(f"bpnet {name}") for line in lines), name


def test_every_argument_and_option_is_explained_in_sentences():
    for name, command in commands().items():
        for one in command.params:
            if one.name != "help":
                assert re.fullmatch(r"[A-Z.].*\.", one.help or ""), (name, one.name)
                assert "Default:" not in one.help, (name, one.name)


def test_lines_go_where_they_belong(capsys):
    screen.say("result", 3)
    screen.note(["odd", "odder"])
    screen.say("wrong", error=True)
    screen.give({"a": None})
    output = capsys.readouterr()
    assert output.out == 'result\n3\n{"a": null}\n'
    assert output.err == "note: odd\nnote: odder\nwrong\n"


def test_what_is_completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.npz", "c.npy", "d.parquet", "e.txt"):
        (tmp_path / name).touch()
    (tmp_path / "runs" / "one").mkdir(parents=True)
    (tmp_path / "runs" / "one" / "config.toml").touch()
    (tmp_path / "runs" / "two").mkdir()
    (tmp_path / "runs" / "file").touch()
    names = [entry.name for entry in bpnet.data.catalog()]
    assert completion.data_sources("") == [
        *names, "a.csv", "b.npz", "c.npy", "d.parquet", "runs/"
    ]  # fmt: skip
    assert completion.data_sources("dig") == ["digits"]
    assert completion.runs("") == ["runs/"]
    assert completion.runs("runs/") == ["runs/one", "runs/two/"]
    assert completion.runs("runs/o") == ["runs/one"]
    assert completion.runs("nowhere/") == []
    assert set(completion.backends("")) >= {"auto", "fastest", "numpy", "torch"}
    assert completion.backends("fast") == ["fastest"]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [(["train", "--epochs", "x"], "--epochs is 'x'"), (["train", "--epochs"], None),
     (["--epochs", "y", "--epochs", "x"], "--epochs is 'y'"), (["train", "x"], None)],
)  # fmt: skip
def test_an_error_names_the_option_with_the_wrong_value(arguments, value):
    error = typer.BadParameter("no", param=SimpleNamespace(opts=["--epochs"]))
    assert _option_value(error, arguments) == value
    assert _option_value(ValueError(), arguments) is None


@pytest.mark.parametrize(
    ("option", "meant"),
    [("--lr", "--learning-rate"), ("--epoch", "--epochs"), ("--batch_size", "--batch-size")],
)
def test_a_synonym_of_an_option_gets_a_suggestion(option, meant):
    context = SimpleNamespace(command=commands()["train"])
    assert _meant(SimpleNamespace(ctx=context), option).startswith(f"did you mean {meant}?")


def test_each_run_of_a_report_has_its_own_figures(tmp_path, monkeypatch, capsys):
    from bpnet.cli import main
    from bpnet.report import make, page, single

    runs = [SimpleNamespace(name=n, replaced=(f"odd {n}",), missing=n[1:]) for n in ("a", "bx")]
    place = tmp_path / "index.html"
    monkeypatch.setattr(make, "prepare", lambda *_, **__: (runs, (tmp_path, False)))
    monkeypatch.setattr(make, "finish", lambda *_: place)
    monkeypatch.setattr(single, "figures", lambda run: {"run": run.name})
    monkeypatch.setattr(page, "pictures", lambda folder: dict.fromkeys("xyz"))
    assert main(["report", "a", "bx", "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == {"report": str(place), "runs": [{"run": "a"}, {"run": "bx"}]}
    assert output.err == "note: a: odd a\nnote: bx: odd bx\n"
    assert main(["report", "a", "bx"]) == 0
    assert capsys.readouterr().out == (
        f"note: bx: not evaluated: x\nreport: {place} (3 pictures beside it)\n"
    )


class Recorded(Exception):
    """Ends a command once it has said what it was told."""


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ([], {"epochs": 0, "minutes": 0.25, "on_error": "stop"}),
        (["--checkpoint-minutes", "3", "--on-error", "continue"],
         {"epochs": 0, "minutes": 3.0, "on_error": "continue"}),
    ],
)  # fmt: skip
def test_checkpoint_options_reach_the_callback(tmp_path, monkeypatch, words, settings):
    from bpnet.cli import main

    seen = {}

    def checkpoint(folder, **options):
        seen.update(options)
        raise Recorded

    monkeypatch.setattr(bpnet, "Checkpoint", checkpoint)
    with pytest.raises(Recorded):
        main(["train", "digits", "--out", str(tmp_path / "run"), *words])
    assert seen == settings
    assert list(tmp_path.iterdir()) == []


def test_what_a_command_hands_to_training(tmp_path, monkeypatch):
    from bpnet.cli import main

    seen = {}

    def train(network, data, recipe, **more):
        seen.update(more, network=network, data=data, recipe=recipe)
        raise Recorded

    monkeypatch.setattr("bpnet.runs.joined.train_networks", train)
    np.save(tmp_path / "w.npy", np.arange(1438.0))
    words = ["--l2", "0.5", "--epochs", "3", "--batch-size", "0", "--optimizer", "nesterov",
             "--learning-rate", "0.25", "--momentum", "0.5", "--hidden", "9,8", "--activation",
             "tanh,relu", "--norm", "layer", "--dropout", "0.25", "--seed", "7", "--metric", "f1",
             "--schedule", "cosine", "--clip-norm", "2", "--label-smoothing", "0.1", "--dtype",
             "float64", "--threads", "1", "--patience", "4", "--validation", "0", "--test", "0",
             "--sample-weight", str(tmp_path / "w.npy"), "--backend", "numpy", "-q"]  # fmt: skip
    with pytest.raises(Recorded):
        main(["train", "digits", *words, "--out", str(tmp_path / "run")])
    recipe, place = seen["recipe"], seen["place"]
    assert recipe.optimizer == bpnet.optimizers.Nesterov(0.25, 0.5)
    settings = {name: getattr(recipe, name) for name in (
        "l2", "epochs", "batch_size", "dropout", "seed", "schedule", "clip_norm", "label_smoothing",
    )}  # fmt: skip
    assert settings == {
        "l2": 0.5, "epochs": 3, "batch_size": None, "dropout": 0.25, "seed": 7,
        "schedule": bpnet.schedules.Cosine(), "clip_norm": 2.0, "label_smoothing": 0.1,
    }  # fmt: skip
    assert list(recipe.metrics) == ["f1"]
    assert (place.dtype, place.threads, place.backend.name) == ("float64", 1, "numpy")
    net = seen["network"]
    assert net.sizes == [64, 9, 8, 10]
    expected = bpnet.Network(
        [64, 9, 8, 10], hidden=["tanh", "relu"], output="softmax", norm="layer", seed=7
    )
    assert net.layers == expected.layers
    np.testing.assert_array_equal(net.weights[2], expected.weights[2])
    np.testing.assert_array_equal(seen["sample_weight"], np.arange(1438.0))
    assert seen["checkpoint"].folder == tmp_path / "run" / "checkpoints"
    assert not seen["resume"]
    (stopping,) = (c for c in seen["callbacks"] if isinstance(c, bpnet.EarlyStopping))
    assert (stopping.patience, stopping.metric) == (4, None)
