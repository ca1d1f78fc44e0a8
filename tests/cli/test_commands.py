"""The command line as a user meets it: results, files, JSON."""

import csv
import json
import signal
import tomllib

import numpy as np
import pytest

import bpnet
from bpnet import runs
from bpnet.cli import main
from bpnet.runs import predictions

FAST = [
    "--recipe",
    "none",
    "--epochs",
    "2",
    "--hidden",
    "16",
    "--learning-rate",
    "0.02",
    "--backend",
    "numpy",
    "-q",
]


def read_rows(path):
    """Rows of a CSV file, by their headings."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a short run on digits."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    assert main(["train", "digits", *FAST, "--out", str(folder)]) == 0
    return folder


def test_train_leaves_model_configuration_and_history(run):
    assert {path.name for path in run.iterdir()} == {
        "model.safetensors",
        "config.toml",
        "history.json",
        "distributions.json",
        "checkpoints",
    }
    assert list(run.glob("*.safetensors")) == [run / "model.safetensors"]
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["network"]["hidden"] == [16]
    assert config["training"]["epochs"] == 2
    assert config["machine"]["backend"] == "numpy"
    history = json.loads((run / "history.json").read_text())
    assert {len(values) for values in history.values()} == {2}
    assert history["cost"][1] < history["cost"][0]
    assert set(history) == {
        "cost",
        "accuracy",
        "validation_cost",
        "validation_accuracy",
        "learning_rate",
        "seconds",
    }


def test_evaluate_ends_with_the_test_accuracy(run, capsys):
    assert main(["evaluate", str(run), "--backend", "numpy"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    data = bpnet.data.load("digits")
    right = np.mean(bpnet.load(run).classify(data.test[0]) == data.test[1])

    assert last == f"test accuracy: {100 * right:.1f} %"


def test_evaluate_json_is_alone_on_standard_output(run, capsys):
    assert main(["evaluate", str(run), "--json", "--backend", "numpy"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert 0.5 < result["accuracy"] <= 1


def test_predict_writes_class_and_probabilities(run, tmp_path, capsys):
    out = tmp_path / "out.csv"
    assert main(["predict", str(run), "digits", "-o", str(out), "--backend", "numpy"]) == 0
    rows = read_rows(out)
    data = bpnet.data.load("digits")
    network = bpnet.load(run)

    assert len(rows) == len(data.test[0])
    assert list(rows[0]) == ["class", *(f"p_{c}" for c in range(10))]
    assert [int(row["class"]) for row in rows] == network.classify(data.test[0]).tolist()
    total = sum(float(rows[0][f"p_{c}"]) for c in range(10))
    assert total == pytest.approx(1, abs=1e-5)


def test_train_json_is_alone_on_standard_output(tmp_path, capsys):
    assert main(["train", *FAST[:-1], "--json", "--out", str(tmp_path / "r")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["run"] == str(tmp_path / "r")
    assert len(result["history"]["cost"]) == 2


def test_a_model_trained_with_every_option_can_be_read_back(tmp_path):
    arguments = [
        "train", "digits", "--hidden", "16,8", "--activation", "tanh,leaky-relu",
        "--output", "sigmoid", "--cost", "quadratic", "--optimizer", "momentum",
        "--learning-rate", "0.5", "--epochs", "1", "--batch-size", "32", "--l2", "0.1",
        "--dropout", "0.2", "--validation", "0.2", "--backend", "numpy", "--dtype", "float64",
        "--seed", "3", "--init", "orthogonal", "--quiet", "--out", str(tmp_path / "r"),
    ]  # fmt: skip
    assert main(arguments) == 0
    network = bpnet.load(tmp_path / "r")
    assert network.sizes == [64, 16, 8, 10]
    assert [type(layer.activation).__name__ for layer in network.dense] == [
        "Tanh",
        "LeakyReLU",
        "Sigmoid",
    ]
    assert network.weights[0].dtype == np.float64


def test_batch_size_0_is_batch_descent(tmp_path):
    arguments = ["train", *FAST, "--batch-size", "0", "--out", str(tmp_path / "r")]
    assert main(arguments) == 0


def test_data_lists_the_built_in_sets(capsys):
    assert main(["data", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {"digits", "mnist", "fashion-mnist"} <= {entry["name"] for entry in entries}
    assert next(e for e in entries if e["name"] == "digits")["ready"] is True


def test_table_from_training_to_predictions(tmp_path, capsys):
    """A CSV with text, a missing value and a class in words goes the whole way."""
    rng = np.random.default_rng(0)
    lines = ["size,color,kind"]
    for i in range(120):
        kind = i % 2
        size = "" if i == 5 else f"{rng.normal(3 * kind, 0.5):.3f}"
        lines.append(f"{size},{'red' if kind else 'blue'},{'big' if kind else 'small'}")
    table = tmp_path / "things.csv"
    table.write_text("\n".join(lines))
    run = tmp_path / "run"
    arguments = ["train", str(table), "--target", "kind", *FAST[2:], "--epochs", "30"]
    assert main([*arguments, "--out", str(run)]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0

    raw = tmp_path / "new.csv"
    raw.write_text("color,size\nred,3.1\nblue,0.2\n")
    assert main(["predict", str(run), str(raw), "-o", str(tmp_path / "p.csv"), "-q"]) == 0
    rows = read_rows(tmp_path / "p.csv")
    assert [row["class"] for row in rows] == ["big", "small"]


def test_regression_table_predicts_in_the_unit_of_the_target(tmp_path, capsys):
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 300)
    table = tmp_path / "line.csv"
    rows = "\n".join(f"{v:.4f},{1000 + 50 * v:.4f}" for v in x)
    table.write_text(f"x,price\n{rows}\n")
    run = tmp_path / "run"
    arguments = ["train", str(table), "--target", "price", *FAST[2:], "--epochs", "60"]
    assert main([*arguments, "--out", str(run)]) == 0
    assert main(["evaluate", str(run)]) == 0
    text = capsys.readouterr().out
    assert float(text.split("test R2: ")[1]) > 0.99

    (tmp_path / "new.csv").write_text("x\n5.0\n")
    assert main(["predict", str(run), str(tmp_path / "new.csv"), "-o", "-"]) == 0
    header, value = capsys.readouterr().out.split()
    assert header == "prediction"
    assert float(value) == pytest.approx(1250, abs=25)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"bpnet {bpnet.__version__}"


def test_alone_it_shows_the_help(capsys):
    assert main([]) == 0
    out, error = capsys.readouterr()
    assert "train" in out + error
    assert "error" not in out + error


def test_a_mistyped_command_gets_a_hint(capsys):
    assert main(["trian"]) == 2
    assert "'train'" in capsys.readouterr().err


def table_of(folder, m=120):
    """A table with a number to predict."""
    rng = np.random.default_rng(3)
    rows = "\n".join(f"{v:.4f},{50 * v + rng.normal():.4f}" for v in rng.uniform(0, 10, m))
    (folder / "line.csv").write_text(f"x,price\n{rows}\n")
    return folder / "line.csv"


def test_held_out_rows_are_those_however_the_file_is_spelled(tmp_path, monkeypatch, capsys):
    """Another spelling of the training file must not be judged as new data."""
    monkeypatch.chdir(tmp_path)
    path = table_of(tmp_path)
    assert main(["train", "line.csv", "--target", "price", *FAST, "--out", "run"]) == 0
    results = []
    for spelling in ([], ["line.csv"], ["./line.csv"], [str(path)]):
        capsys.readouterr()
        assert main(["evaluate", "run", *spelling, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert "held-out" in result.pop("data")
        results.append(result)
    assert all(result == results[0] for result in results)

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["evaluate", "../run"]) == 0


def test_a_run_that_diverges_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table_of(tmp_path)
    usual = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    arguments = [
        "train",
        "line.csv",
        "--target",
        "price",
        "--recipe",
        "none",
        "--backend",
        "numpy",
        "--out",
        "a/run",
    ]
    assert main([*arguments, "--optimizer", "sgd", "--learning-rate", "1e9"]) == 1
    assert "learning rate" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["line.csv"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == usual


def test_a_folder_that_was_there_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table_of(tmp_path)
    (tmp_path / "run").mkdir()
    arguments = [
        "train",
        "line.csv",
        "--target",
        "price",
        "--recipe",
        "none",
        "--backend",
        "numpy",
        "--out",
        "run",
    ]
    assert main([*arguments, "-q", "--optimizer", "sgd", "--learning-rate", "1e9"]) == 1
    assert list((tmp_path / "run").iterdir()) == []


def test_two_runs_do_not_share_a_folder(tmp_path, capsys):
    """The second, which found the name free too, gives way."""
    from bpnet.training import Run

    network = bpnet.Network([2, 2])
    run = Run(network, 1, 1, 1, "numpy")
    first, second = (runs.Recorder(tmp_path / "r", {"data": {"n": i}}) for i in range(2))
    first.on_train_begin(run)
    with pytest.raises(bpnet.InputError, match="another process is training"):
        second.on_train_begin(run)
    (tmp_path / "r" / "model.safetensors").touch()
    first.discard()
    with pytest.raises(bpnet.InputError, match="another run has taken"):
        second.on_train_begin(run)
    second.discard()
    assert "n = 0" in (tmp_path / "r" / "config.toml").read_text()


def test_outputs_that_are_no_probabilities_are_not_called_so(tmp_path):
    run, out = tmp_path / "run", tmp_path / "out.csv"
    options = ["--cost", "hinge", "--output", "tanh"]
    assert main(["train", "digits", *FAST, *options, "--out", str(run)]) == 0
    assert main(["predict", str(run), "digits", "-q", "-o", str(out)]) == 0
    assert list(read_rows(out)[0]) == ["class", *(f"score_{c}" for c in range(10))]


def test_one_score_belongs_to_the_second_class(tmp_path):
    network = bpnet.Network([1, 1], output="identity", init=[([[1.0]], [0.0])])
    network.classes = np.asarray(["no", "yes"])
    out = tmp_path / "out.csv"
    predictions.write(out, network, [network.predict([[-2.0], [3.0]])], None)
    assert [tuple(row.values()) for row in read_rows(out)] == [("no", "-2.0"), ("yes", "3.0")]
    assert list(read_rows(out)[0]) == ["class", "score_yes"]
