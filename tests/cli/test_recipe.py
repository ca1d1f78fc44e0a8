"""``bpnet train TABLE``: the recipe, and an ensemble that every command takes for one model."""

import csv
import json
import random

import numpy as np
import pytest

import bpnet
from bpnet import runs
from bpnet.cli import main
from bpnet.report import curves, make
from bpnet.runs import recipes
from bpnet.runs.joined import merged
from bpnet.storage import strict_json

pytest.importorskip("polars")

FAST = ["--members", "3", "--hidden", "8", "--epochs", "6", "--backend", "numpy", "--quiet"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    with open("t.csv", "w", newline="") as file:
        write = csv.writer(file).writerow
        write(["size", "city", "price", "sold"])
        for _ in range(240):
            size, city = draw.gauss(0, 1), draw.choice(["Ulm", "Bonn"])
            price = size + 2 * (city == "Ulm") + draw.gauss(0, 0.1)
            write([f"{size:.4f}", city, f"{price:.4f}", "yes" if price > 1 else "no"])
    return tmp_path


def train(*arguments, out="run"):
    assert main(["train", *arguments, "--out", out]) == 0
    return runs.read_config(bpnet.data.sources.Path(out))[0]


def outcome(folder):
    history = json.loads((folder / "history.json").read_text())
    history.pop("seconds")
    return (folder / "model.safetensors").read_bytes(), history


def test_a_table_gets_the_recipe_whose_options_stand_in_the_configuration(place):
    config = train("t.csv", "--target", "price", "--drop", "sold", "--quiet", "--epochs", "2")
    recipe, training = bpnet.TableRecipe(), config["training"]
    assert (training["recipe"], training["members"]) == ("table", recipe.members)
    assert config["network"]["hidden"] == [*recipe.hidden]
    assert config["network"]["activation"] == recipe.activation
    m = 216 - 216 // recipe.members
    expected = recipe.options(m, epochs=2)
    for name in ("optimizer", "learning_rate", "schedule", "epochs", "batch_size", "patience"):
        assert training[name] == expected[name], name
    assert config["data"]["validation"] == 0
    assert config["data"]["test"] == 0.1
    assert len(bpnet.load("run")) == recipe.members


def test_options_of_the_user_take_precedence_over_the_recipe(place):
    options = [
        "--optimizer",
        "sgd",
        "--batch-size",
        "40",
        "--activation",
        "tanh",
        "--patience",
        "2",
    ]
    config = train("t.csv", "--target", "price", *FAST, *options)
    training = config["training"]
    assert (training["optimizer"], training["learning_rate"]) == ("sgd", 0.1)
    assert (training["batch_size"], training["patience"], training["epochs"]) == (40, 2, 6)
    assert (config["network"]["activation"], config["network"]["hidden"]) == ("tanh", [8])


def test_none_is_what_other_data_get(place):
    config = train("t.csv", "--target", "price", "--recipe", "none", "--epochs", "2", "--quiet")
    digits = train("digits", "--epochs", "2", "--quiet", out="digits")
    for name, value in digits["training"].items():
        if name != "metrics":  # amounts have their own
            assert config["training"].get(name) == value, name
    assert "recipe" not in digits["training"]
    assert "members" not in digits["training"]
    assert config["data"]["validation"] == digits["data"]["validation"] == 0.1
    assert isinstance(bpnet.load("run"), bpnet.Network)


def test_the_command_of_a_run_repeats_it(place):
    train("t.csv", "--target", "price", *FAST)
    from bpnet.report.repeat import command

    config = runs.read_config(place / "run")[0]
    words = command(config).replace("\\\n", " ").split()
    assert main([*words[1:], "--out", "again", "--quiet"]) == 0
    assert outcome(place / "run") == outcome(place / "again")


@pytest.mark.parametrize("target", ["price", "sold"])
def test_every_command_takes_the_ensemble_for_one_model(place, capsys, target):
    other = "price" if target == "sold" else "sold"
    train("t.csv", "--target", target, "--drop", other, *FAST, "--epochs", "60")
    both = bpnet.load("run")
    assert [net.columns.target for net in both.networks] == [target] * 3
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert main(["predict", "run", "t.csv", "-o", "p.csv", "--quiet"]) == 0
    with open("p.csv", newline="") as file:
        predicted = list(csv.DictReader(file))
    with open("t.csv", newline="") as file:
        truth = [row[target] for row in csv.DictReader(file)]
    answers = both.predict("t.csv")
    if target == "sold":
        assert [row["class"] for row in predicted] == answers.tolist()
        assert output["accuracy"] > 0.7
    else:
        np.testing.assert_allclose([float(r["prediction"]) for r in predicted], answers, rtol=1e-5)
        assert output["r2"] > 0.5
    data = bpnet.data.load("t.csv", columns=both.columns)
    figures = bpnet.evaluate(both, data)
    a = both.predict(data.x).astype(float)
    if target == "sold":
        at = np.searchsorted(both.classes, truth)
        cost = -np.mean(np.log(a[np.arange(240), at]))
        assert figures["accuracy"] == np.mean(answers == np.asarray(truth))
    else:
        cost = np.mean((a[:, 0] - data.y) ** 2) / 2
    assert figures["cost"] == pytest.approx(cost, rel=1e-5)
    assert main(["report", "run"]) == 0
    page = (place / "run" / "report" / "index.html").read_text()
    assert "of each of the 3 networks" in page


def test_it_is_exported_as_one_graph(place, capsys):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("ndonnx")
    train("t.csv", "--target", "sold", *FAST)
    assert main(["export", "run", "m.onnx"]) == 0
    session = runtime.InferenceSession("m.onnx")
    size, city, price = np.asarray([0.5, -1.0]), np.asarray(["Ulm", "Bonn"]), np.asarray([2.0, -1])
    inputs = {"size": size, "city": city, "price": price}
    output, label = session.run(["output", "label"], inputs)
    both = bpnet.load("run")
    rows = {name: values.tolist() for name, values in inputs.items()}
    np.testing.assert_allclose(output, both.predict(both.encode(rows)), rtol=1e-4, atol=1e-6)
    assert label.tolist() == both.predict(rows).tolist()
    assert main(["export", "run", "step.onnx", "--training"]) == 2
    assert "3 networks" in capsys.readouterr().err


@pytest.mark.parametrize("epoch", [1, 4])
def test_a_run_that_was_stopped_goes_on_with_the_same_bits(place, monkeypatch, epoch):
    how = ["t.csv", "--target", "price", *FAST, "--patience", "2", "--learning-rate", "0.05"]
    train(*how, "--epochs", "12", out="whole")
    usual = runs.Recorder.on_epoch_end

    def stop(self, run):
        usual(self, run)
        if run.epoch == epoch:
            run.stop("SIGTERM")

    with monkeypatch.context() as patched:
        patched.setattr(runs.Recorder, "on_epoch_end", stop)
        main(["train", *how, "--epochs", "12", "--out", "run"])
    assert len(json.loads((place / "run" / "history.json").read_text())["cost"]) == epoch + 1
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert outcome(place / "run") == outcome(place / "whole")
    lengths = {len(values) for values in outcome(place / "run")[1].values()}
    assert len(lengths) == 1


def test_rows_that_are_held_out_for_all_are_held_out_for_each(place):
    config = train("t.csv", "--target", "price", *FAST, "--validation", "0.2")
    assert config["data"]["validation"] == 0.2
    data = bpnet.data.load("t.csv", target="price", validation=0.2, test=0.1)
    assert recipes.folds_of(config, data) is None


def test_a_run_can_begin_with_the_networks_of_an_ensemble(place, capsys):
    train("t.csv", "--target", "price", *FAST)
    config = train(
        "t.csv", "--target", "price", "--init", "run", "--epochs", "1", "--learning-rate", "1e-9",
        "--quiet", out="more",
    )  # fmt: skip
    assert config["training"]["members"] == 3
    pairs = zip(bpnet.load("run").networks, bpnet.load("more").networks, strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one.weights[0], other.weights[0], atol=1e-6)
    command = ["train", "t.csv", "--target", "price", "--init", "run", "--members", "2"]
    assert main([*command, "--out", "no"]) == 2
    assert "has 3" in capsys.readouterr().err
    command = ["train", "t.csv", "--target", "price", "--init", "run", "--optimizer", "lbfgs"]
    assert main([*command, "--out", "no"]) == 2
    assert (
        "the run of --init has 3 networks, and --optimizer lbfgs is for one"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [(["--optimizer", "lbfgs"], "lbfgs"), (["--shards", "2"], "--shards")],
)
def test_what_is_for_one_network_makes_one_or_is_refused(place, capsys, options, why):
    config = train("t.csv", "--target", "price", "--epochs", "2", "--quiet", *options)
    assert config["training"]["members"] == 1
    assert config["data"]["validation"] == 0.1
    command = ["train", "t.csv", "--target", "price", "--members", "2", *options, "--out", "no"]
    assert main(command) == 2
    assert why in capsys.readouterr().err
    assert not (place / "no").exists()


@pytest.mark.parametrize("options", [["--recipe", "best"], ["--members", "0"]])
def test_bad_options(place, capsys, options):
    assert main(["train", "t.csv", "--target", "price", *options, "--out", "no"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert options[0].strip("-") in error


def test_one_history_of_several():
    histories = [{"cost": [4.0, 2.0, 1.0], "seconds": [1.0] * 3}, {"cost": [2.0], "seconds": [2.0]}]
    assert merged(histories) == {"cost": [3.0, 2.0, 1.0], "seconds": [3.0, 1.0, 1.0]}
    assert merged([]) == {}
    assert strict_json.loads(json.dumps(merged(histories)))


def test_the_history_of_an_ensemble_has_the_metrics_of_amounts(place):
    train("t.csv", "--target", "price", *FAST)
    history = json.loads((place / "run" / "history.json").read_text())
    assert {"validation_r2", "validation_mae", "validation_rmse"} <= history.keys()
    assert len(history["validation_r2"]) == len(history["cost"])
    histories = [{"cost": [1.0], "validation_r2": [r2]} for r2 in (0.5, 1.0)]
    assert merged(histories)["validation_r2"] == [0.75]


def test_the_model_is_said_to_be_the_mean_of_networks_at_their_own_best_epochs(place, capsys):
    loud = [word for word in FAST if word != "--quiet"]
    train("t.csv", "--target", "price", *loud)
    said = "the model is the mean of 3 networks, each at its best epoch\n"
    assert said in capsys.readouterr().out
    train("t.csv", "--target", "price", *FAST, out="quiet")
    assert said not in capsys.readouterr().out
    subject = make.prepare(["run"])[0][0]
    assert curves.section(subject).lead.endswith("each of which has its own best epoch.")


def test_a_recipe_that_is_none_is_answered_with_the_options_of_the_command(place, capsys):
    assert main(["train", "t.csv", "--target", "price", "--recipe", "tabel", "--out", "no"]) == 2
    error = capsys.readouterr().err
    assert "recipe is 'tabel'" in error
    assert "did you mean table?" in error.replace("'", "")
    assert "bpnet.Recipe" not in error
    assert not (place / "no").exists()


def test_a_report_has_no_empty_section_of_what_an_ensemble_does_not_record(place):
    train("t.csv", "--target", "price", *FAST)
    assert main(["report", "run"]) == 0
    page = (place / "run" / "report" / "index.html").read_text("utf-8")
    assert "Layers over time" not in page
    assert 'href="#layers"' not in page
    train("t.csv", "--target", "price", *FAST, "--members", "1", out="one")
    assert main(["report", "one"]) == 0
    assert 'href="#layers"' in (place / "one" / "report" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(("size", "words"), [(64, "batches of 64"), (0, "all rows a step")])
def test_the_heading_says_how_many_rows_a_step_has(size, words):
    training = {"recipe": "table", "members": 8, "epochs": 9, "batch_size": size}
    (line,) = recipes.line({"training": training})
    assert line.startswith(f"recipe: table, 8 networks of up to 9 epochs with {words} (")
