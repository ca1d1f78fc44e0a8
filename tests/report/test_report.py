"""What a report says, held against the run itself; and what it refuses."""

import csv
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import bpnet
from bpnet import report
from bpnet.cli import main
from bpnet.pages.content import Figure, Tiles
from bpnet.report import detail, make, page, repeat, several
from bpnet.report.subject import read

WITHOUT = shutil.ignore_patterns("report")
HEADER = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def sections(made):
    """Sections of the pages, by page and by name."""
    return {name: {section.id: section for section in p.sections} for name, p in made.items()}


def text(path):
    return path.read_text(encoding="utf-8")


def test_one_file_holds_all_and_its_pictures_are_beside_it(pages):
    page = text(pages["digits"])
    held = set(re.findall(r'(?:src|href)="([^"]{0,30})', page))
    assert {link.partition("#")[0].partition(",")[0] for link in held} <= {
        "", "data:image/png;base64"
    }  # fmt: skip
    pictures = sorted(pages["digits"].parent.glob("*.*g"))
    names = {"cost", "accuracy", "confusion", "calibration", "first-layer-weights", "mistake-01"}
    assert names <= {path.stem for path in pictures}
    for path in pictures:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(HEADER)
        else:
            drawn = ElementTree.fromstring(path.read_bytes())
            assert drawn.tag.endswith("svg")
            assert "var(--" not in path.read_text()  # its own colors, where there is no page
    assert {p.name for p in pages["digits"].parent.iterdir()} - {p.name for p in pictures} == {
        "index.html"
    }


def test_its_figures_are_those_of_evaluate(runs, pages, capsys):
    assert main(["evaluate", str(runs.digits), "--json"]) == 0
    wanted = json.loads(capsys.readouterr().out)
    assert main(["report", str(runs.digits), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["runs"][0]
    assert found["missing"] == ""
    assert found["accuracy"] == wanted["accuracy"]
    assert found["cost"] == pytest.approx(wanted["cost"])
    history = json.loads((runs.digits / "history.json").read_text())
    assert found["best_epoch"] == int(np.argmin(history["validation_cost"])) + 1
    assert f"{100 * wanted['accuracy']:.1f}\xa0%" in text(pages["digits"])


def test_confusion_counts_each_example_once():
    rng = np.random.default_rng(0)
    truth, decided = rng.integers(0, 4, (2, 200))
    counts = detail.confusion(truth, decided, 4)
    for i in range(4):
        for j in range(4):
            assert counts[i, j] == sum((truth == i) & (decided == j))
    precision, recall, f1 = detail.by_class(counts)
    from sklearn.metrics import precision_recall_fscore_support

    wanted = precision_recall_fscore_support(truth, decided)
    np.testing.assert_allclose([precision, recall, f1], wanted[:3])


def test_calibration_error_by_hand():
    """Bin 0.6 to 0.7: 4 examples, half right, 0.65 sure; bin 0.9 to 1: 8, all right, 0.95 sure."""
    sure = np.array([0.65] * 4 + [0.95] * 8)
    right = np.array([1, 1, 0, 0] + [1] * 8, bool)
    found = detail.calibrate(sure, right)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 0, 4, 0, 0, 8]
    assert found.ece == pytest.approx((4 * 0.15 + 8 * 0.05) / 12)
    # Wilson's interval of 2 in 4, from his formula
    assert (found.low[6], found.high[6]) == pytest.approx((0.1500, 0.8500), abs=1e-4)


def test_confidence_on_an_edge_counts_once():
    sure = np.linspace(0, 1, 11)
    assert detail.calibrate(sure, np.ones(11, bool)).counts.sum() == 11


def test_mistakes_are_wrong_and_the_surest_first(subjects):
    subject = subjects["digits"]
    decided, scores = subject.answers()
    truth = subject.evaluation.truth
    found = detail.most_confident(scores, truth, decided)
    assert 0 < len(found) <= 16
    assert (truth[found] != decided[found]).all()
    assert (np.diff(scores[found]) <= 0).all()
    left = np.setdiff1d(np.flatnonzero(truth != decided), found)
    assert not len(left) or scores[left].max() <= scores[found].min()
    X, y = bpnet.data.load("digits").test
    assert (subject.network.classes[truth] == y).all()
    assert (subject.network.classify(X) == subject.network.classes[decided]).all()


def test_mistakes_of_pictures_are_pictures_and_those_of_tables_rows(sections):
    tiles = sections["digits"]["mistakes"].blocks[0]
    assert isinstance(tiles, Tiles)
    assert all(tile.picture.png.startswith(HEADER) for tile in tiles.tiles)
    rows = sections["classes"]["mistakes"].blocks[0]
    assert rows.kind == "table"
    assert rows.head[-2:] == ["a \"'><img src=x onerror=alert(2)>", "city"]


def test_rows_are_shown_in_the_table_s_own_terms(sections, runs):
    """Cells of a mistake, decoded, are a row of the file."""
    rows = sections["classes"]["mistakes"].blocks[0].rows
    with runs.tables["classes"].open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    for row in rows:
        near = [float(a) for a, city, kind in lines if (city, kind) == (row[-1], row[1])]
        assert min(abs(np.asarray(near) - float(row[-2]))) < 6e-4


def test_regression_is_in_the_target_s_units(subjects, sections, runs):
    subject, blocks = subjects["numbers"], sections["numbers"]["residuals"].blocks
    table = next(b for b in blocks if b.kind == "table" and "own unit" in b.caption)
    data = bpnet.data.load(str(runs.tables["numbers"]), target="target", validation=0.1, test=0.1)
    held = data.columns.decode_target(data.test[1])
    said = data.columns.decode_target(subject.network.predict(data.test[0])[:, 0])
    assert [row[0] for row in table.rows] == ["R2 of target", "MAE of target", "RMSE of target"]
    assert float(table.rows[0][1]) == pytest.approx(
        1 - ((said - held) ** 2).sum() / ((held - held.mean()) ** 2).sum(), abs=1e-3
    )
    found = {row[0][:4]: [float(row[j].replace(",", "")) for j in (1, 3)] for row in table.rows}
    assert found["RMSE"][0] == pytest.approx(np.sqrt(np.mean((said - held) ** 2)), rel=1e-3)
    assert found["MAE "] == pytest.approx(
        [np.abs(said - held).mean(), np.abs(held - held.mean()).mean()], rel=1e-3
    )


def test_layers_over_time_are_those_that_were_recorded(subjects, sections):
    section = sections["digits"]["layers"]
    kinds = [block.picture.name for block in section.blocks]
    assert kinds == [
        "layers-activations", "layers-gradients", "layers-updates", "layers-silent"
    ]  # fmt: skip
    last = subjects["digits"].records[-1]
    row = section.blocks[0].table.rows[2]
    assert [int(row[0]), int(row[1])] == [1, last["epoch"]]
    assert float(row[4]) == pytest.approx(last["layers"][0]["activations"][2], rel=1e-3)


def test_every_picture_has_words(made):
    for content in made.values():
        figures = [b for s in content.sections for b in s.blocks if isinstance(b, Figure)]
        assert all(len(f.picture.alt) > 30 and f.caption for f in figures)
        names = [f.picture.name for f in figures]
        assert len(names) == len(set(names))
        # those are columns of the table of the cost, of the activations, and of the sweep
        assert {f.picture.name for f in figures if f.table is None} <= {
            "accuracy", "r2", "mae", "rmse", "layers-silent", "validation-cost-by-seconds",
            "roc", "precision-recall", "sweep-trials",
        }  # fmt: skip


def test_the_best_epoch_is_marked(subjects, sections):
    section = sections["digits"]["curves"]
    best = int(np.argmin(subjects["digits"].history["validation_cost"])) + 1
    assert f"was epoch {best}" in section.lead
    assert len(section.blocks[0].table.rows) == 3


OPTIONS = [
    ["--hidden", "9,7", "--activation", "tanh,leaky-relu", "--epochs", "2", "--l2", "0.1"],
    ["--hidden", "", "--optimizer", "lbfgs", "--epochs", "3", "--validation", "0"],
    ["--hidden", "8", "--epochs", "2", "--learning-rate", "find", "--schedule", "cosine",
     "--dropout", "0.1", "--norm", "batch", "--class-weight", "balanced", "--patience", "2",
     "--metric", "f1,auc", "--seed", "5", "--dtype", "float64",
     "--clip-norm", "1", "--max-norm", "3", "--l1", "0.01", "--init", "orthogonal"],
    ["--hidden", "8", "--epochs", "2", "--optimizer", "nesterov", "--momentum", "0.5"],
]  # fmt: skip


def by_shell(command):
    """Words of a command as a shell takes them."""
    run = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, text=True, check=True
    )
    return run.stdout.split("\0")[:-1]


SWEEPS = [
    ["--l2", "0,3", "--seeds", "3", "--seed", "4", "--patience", "1", "--score", "f1"],
    ["--optimizer", "momentum", "--momentum", "0,0.5", "--batch-size", "0,50", "--folds", "2",
     "--epochs", "3", "--patience", "1"],
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options"),
    [*(("train", asked) for asked in OPTIONS), *(("sweep", asked) for asked in SWEEPS)],
    ids=lambda asked: " ".join(asked)[:30] if isinstance(asked, list) else asked,
)
def test_the_command_repeats_the_run_bit_by_bit(kind, options, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([kind, "digits", *options, "-q", "--out", str(first)]) == 0
    config = tomllib.loads(text(first / "config.toml"))
    words = by_shell(repeat.command(config))
    assert words[:2] == ["bpnet", kind]
    assert main([*words[1:], "-q", "--out", str(second)]) == 0
    for name in ["model.safetensors", *(["sweep.csv"] if kind == "sweep" else [])]:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_command_quotes_what_a_shell_would_take_apart():
    config = {
        "data": {"source": "a b;rm -rf $HOME.csv", "target": "-x 'y'"},
        "network": {"hidden": []},
        "training": {"epochs": 2},
    }
    words = by_shell(repeat.command(config))
    assert words == [
        "bpnet", "train", "a b;rm -rf $HOME.csv", "--target=-x 'y'", "--hidden", "", "--epochs", "2"
    ]  # fmt: skip


def test_a_comparison_shows_what_differs(subjects, sections):
    found = sections["compared"]
    differ = {row[0]: row[1:3] for row in found["settings"].blocks[0].rows}
    assert differ["network: seed"] == ["0", "1"]
    assert "data: source" in differ
    assert "network: hidden" not in differ
    answers = found["answers"].blocks[0].rows
    first, second = (subjects[name].evaluation.outputs for name in ("digits", "again"))
    assert float(answers[0][1]) == pytest.approx(np.abs(first - second).max(), rel=1e-2)
    alike = np.mean(first.argmax(axis=1) == second.argmax(axis=1))
    assert answers[0][2] == f"{100 * alike:.1f}\xa0%"
    assert answers[1][1] == "other examples"


def test_runs_of_one_name_get_longer_ones(runs, subjects, tmp_path):
    shutil.copytree(runs.digits, tmp_path / "digits", ignore=WITHOUT)
    other = read(tmp_path / "digits", None, bpnet.backends.get("numpy"))
    names = several.names([subjects["digits"], other, other])
    assert len(set(names)) == 3
    assert names[0] == f"{runs.root.name}/digits"


def test_data_that_has_gone_leaves_a_report_without_it(runs, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(runs.numbers, run, ignore=WITHOUT)
    config = text(run / "config.toml")
    (run / "config.toml").write_text(config.replace("numbers.csv", "gone.csv"), encoding="utf-8")
    assert main(["report", str(run)]) == 0
    assert "not evaluated: there is no file" in capsys.readouterr().out
    assert main(["report", str(run), "--json"]) == 0
    assert "there is no file" in json.loads(capsys.readouterr().out)["runs"][0]["missing"]
    page = text(run / "report" / "index.html")
    assert "Not evaluated: there is no file" in page
    assert "Layers over time" in page
    assert main(["report", str(run), "--data", str(runs.tables["numbers"])]) == 0
    assert "Predicted and actual" in text(run / "report" / "index.html")


def test_other_kinds_of_run(tmp_path):
    """Scores that are no probabilities; labels that do not exclude each other; colors; two."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (80, 4, 5, 3), dtype=np.uint8)
    several_labels = (x.reshape(80, -1)[:, :3] > 100).astype(np.uint8)
    np.savez(tmp_path / "labels.npz", x=x, y=several_labels, x_test=x, y_test=several_labels)
    np.savez(tmp_path / "two.npz", x=x, y=several_labels[:, 0], scale=1 / 255)
    fast = ["--hidden", "6", "--epochs", "1", "-q", "--backend", "numpy"]
    jobs = {
        "hinge": ["digits", "--cost", "hinge", "--output", "tanh"],
        "labels": [str(tmp_path / "labels.npz"), "--output", "sigmoid", "--validation", "0"],
        "two": [str(tmp_path / "two.npz"), "--output", "sigmoid"],
    }
    pages = {}
    for name, job in jobs.items():
        assert main(["train", *job, *fast, "--out", str(tmp_path / name)]) == 0
        pages[name] = text(report.write([tmp_path / name]))
    assert "they cannot be calibrated" in pages["hinge"]
    assert "label 3" in pages["labels"]
    assert "Gray is a weight of zero" in pages["labels"]
    assert "Most confident mistakes" in pages["two"]


def damage(run, name, content):
    (run / name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("history.json", "{"),
        ("history.json", '{"cost": [1, "x"]}'),
        ("history.json", "[]"),
        ("distributions.json", '[{"epoch": 1}]'),
        ("distributions.json", "[" * 100_000),
        ("config.toml", "x"),
        ("model.safetensors", "x"),
    ],
)
def test_a_damaged_run_is_refused_in_a_line(runs, tmp_path, capsys, name, content):
    run = tmp_path / "run"
    shutil.copytree(runs.digits, run, ignore=WITHOUT)
    damage(run, name, content)
    before = sorted(tmp_path.rglob("*"))
    assert main(["report", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "damaged" in error
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_input_is_refused_in_a_line_and_nothing_is_written(runs, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("my own page")
    (tmp_path / "file").touch()
    cases = {
        (str(tmp_path / "nowhere"),): "there is no run at",
        (str(tmp_path),): "not a finished run",
        (str(runs.digits), str(tmp_path / "nowhere")): "there is no run at",
        (str(runs.digits), "--out", str(tmp_path / "mine")): "no report",
        (str(runs.digits), "--out", str(tmp_path / "file")): "is not a folder",
        (str(runs.digits), "--out", str(tmp_path / "file" / "x")): "can't be written",
        (str(runs.digits), "--data", "nothing.npz"): "there is no file",
        (str(runs.digits), "--backend", "nothing"): "nothing",
    }
    before = sorted(tmp_path.rglob("*"))
    for arguments, wanted in cases.items():
        assert main(["report", *arguments]) == 2, arguments
        error = capsys.readouterr().err
        assert wanted in error
        assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "mine" / "index.html").read_text() == "my own page"
    assert main(["report"]) == 2


@pytest.mark.parametrize(("method", "call"), [("open", 4), ("replace", 1), ("replace", 2)])
def test_a_failure_on_the_way_leaves_the_earlier_report(
    made, runs, tmp_path, monkeypatch, method, call
):
    out = tmp_path / "out"
    page.write(made["numbers"], out, "1")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    whole, calls = getattr(Path, method), []

    def failing(self, *given, **named):
        if not {"r", "rb"} & {*given, *named.values()}:
            calls.append(self)
            if len(calls) == call:
                raise OSError(28, "No space left on device")
        return whole(self, *given, **named)

    monkeypatch.setattr(Path, method, failing)
    with pytest.raises(OSError, match="No space"):
        page.write(made["classes"], out, "2")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_without_the_libraries_it_says_which(runs, monkeypatch, tmp_path):
    import sys

    for library in ("jinja2", "matplotlib"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, library, None)
            with pytest.raises(bpnet.InputError, match=library):
                make.write([runs.digits], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
