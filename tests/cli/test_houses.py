"""A messy table as people have them, from the file to predictions, without an edit of the file."""

import csv
import json
import random

import pytest

from bpnet.cli import main

pytest.importorskip("polars")

FAST = ["--recipe", "none", "--epochs", "3", "--hidden", "8", "--backend", "numpy", "--seed", "0"]
HEAD = (
    "id", "listed", "area m2", "rooms", "year", "zone", "energy", "balcony", "postcode",
    "distance_km", "notes", "agent", "price", "sold_fast",
)  # fmt: skip


def houses(m=400):
    """Rows of made-up houses: names, ids, dates, a rare district, gaps and cells that are none."""
    draw = random.Random(1)
    rows = []
    for i in range(m):
        area, year = draw.uniform(40, 220), draw.randrange(1900, 2024)
        zone = "Islet" if i == 7 else draw.choice(["North", "South", "Harbor"])
        price = round(area * {"North": 2100, "South": 3000}.get(zone, 4200) * draw.gauss(1, 0.04))
        row = [
            f"{i + 1}", f"20{draw.randrange(10, 24)}-{draw.randrange(1, 13):02}-15", f"{area:.1f}",
            f"{max(1, round(area / 30))}", f"{year}", zone, draw.choice("ABCD"),
            draw.choice(["true", "false"]), f"{draw.choice([1011, 2022, 3033, 4044])}",
            f"{draw.uniform(0, 30):.2f}", f"note {i}", "Smith", f"{price:,}",
            draw.choice(["yes", "no"]),
        ]  # fmt: skip
        for j in (1, 2, 3, 6, 9):
            if draw.random() < 0.05:
                row[j] = draw.choice(["", "NA", "n/a"])
        rows.append(row)
    rows[11][2] = "about 90"
    rows[20][12] = ""
    rows[33][12] = "NA"
    return rows


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("houses.csv", houses())
    return tmp_path


def write(name, rows, head=HEAD, **how):
    with open(name, "w", newline="") as file:
        csv.writer(file, **how).writerows([head, *rows])


def run(capsys, *arguments):
    """Lines that a command says, standard error after standard output."""
    capsys.readouterr()
    assert main(list(arguments)) == 0
    output = capsys.readouterr()
    return [*output.out.splitlines(), *output.err.splitlines()]


def table(lines):
    """What a line of each column says: taken as, inputs, missing, filled with."""
    cells = [[part.strip() for part in line.split("  ") if part.strip()] for line in lines]
    return {line[0]: line[1:] for line in cells if len(line) in {4, 5}}


def test_a_table_trains_as_it_is_and_says_what_it_was_taken_for(place, capsys):
    lines = run(capsys, "train", "houses.csv", "--target", "price", *FAST, "--out", "run")
    said = table(lines)
    assert said["id"][0].startswith("left out: it ")
    assert said["notes"][0] == "left out: it is text with 318 different values"
    assert said["agent"][0] == "left out: it is constant"
    assert said["listed"][:2] == ["date", "5"] or said["listed"][:2] == ["date", "6"]
    assert said["area m2"][:2] == ["number", "2"]
    assert said["zone"][:2] == ["text of 4 values, the rare ones as 'other'", "4"] or (
        said["zone"][:2] == ["text of 3 values", "3"]  # where the rare one was held out
    )
    assert said["balcony"][:2] == ["true or false", "2"]
    assert "note: 2 rows left out: the target 'price' is missing, first in data row 21" in lines
    bad = "1 value in 'area m2' is no number and counted as missing, first 'about 90' in data row "
    assert f"note: {bad}12" in lines
    assert "target: 'price', amounts (regression); --task classify takes them for classes" in lines
    columns = json.loads((place / "run" / "columns.json").read_text())
    inputs = {column["name"] for column in columns["inputs"]}
    assert inputs == set(HEAD) - {"id", "notes", "agent", "price"}
    assert run(capsys, "evaluate", "run")
    new = houses()[:3]
    new[0][5], new[1][2] = "Marsh", ""
    write("new.csv", [[*row[:12], *row[13:]] for row in new], [*HEAD[:12], *HEAD[13:]])
    said = run(capsys, "predict", "run", "new.csv", "-o", "prices.csv")
    assert any("1 missing value in 'area m2' replaced by the mean" in line for line in said)
    assert len((place / "prices.csv").read_text().splitlines()) == 4


def test_what_is_said_of_columns_decides(place, capsys):
    options = ["--drop", "notes,sold_fast", "--categorical", "postcode", "--numeric", "rooms"]
    command = ["train", "houses.csv", "--target", "price", *options, *FAST, "--out", "run"]
    said = table(run(capsys, *command))
    assert said["postcode"][:2] == ["text of 4 values", "4"]
    assert "sold_fast" not in said
    assert main(["train", "--resume", "run"]) == 0
    lines = run(capsys, "sweep", "houses.csv", "--target", "price", *options, *FAST[2:8],
                "--out", "swept")  # fmt: skip
    assert table(lines)["postcode"][:2] == ["text of 4 values", "4"]
    for wrong, message in (
        (["--drop", "note"], "no column 'note' to drop: did you mean 'notes'?"),
        (["--drop", "price"], "drop 'price': it is the target"),
        (["--drop", "id", "--numeric", "id"], "column 'id' is named twice"),
        (["--separator", "::"], "separator '::': give one sign"),
    ):
        assert main(["train", "houses.csv", "--target", "price", *wrong, "--out", "wrong"]) == 2
        assert message in capsys.readouterr().err
        assert not (place / "wrong").exists()


@pytest.mark.parametrize("form", ["semicolons", "tabs", "gz", "utf-16", "latin-1"])
def test_other_forms_of_the_same_table_are_the_same_data(place, capsys, form):
    import gzip

    rows, name = houses(), "other.csv"
    if form == "semicolons":  # with decimal commas and points between thousands
        for row in rows:
            row[2], row[9] = row[2].replace(".", ","), row[9].replace(".", ",")
            row[12] = row[12].replace(",", ".") + (",0" if row[12] not in {"", "NA"} else "")
        write(name, rows, delimiter=";")
    elif form == "tabs":
        name = "other.tsv"
        write(name, rows, delimiter="\t")
    else:
        text = (place / "houses.csv").read_bytes()
        if form == "gz":
            name = "other.csv.gz"
            (place / name).write_bytes(gzip.compress(text))
        else:
            (place / name).write_bytes(text.decode().encode(form))
    import numpy as np

    import bpnet

    one, other = (bpnet.data.load(n, target="price", validation=0.1) for n in ("houses.csv", name))
    np.testing.assert_array_equal(other.x, one.x)
    np.testing.assert_array_equal(other.y, one.y)
    assert other.columns.features == one.columns.features


def test_several_targets_are_amounts(place, capsys):
    rows = [[str(i % 13 + 0.5), str(i * 7 % 11), f"{i % 13 * 2.5:.1f}", f"{i * 7 % 11 - i % 13}"]
            for i in range(120)]  # fmt: skip
    write("two.csv", rows, ("a", "b", "ya", "yb"))
    lines = run(capsys, "train", "two.csv", "--target", "ya,yb", *FAST, "--out", "run")
    assert "target: 'ya,yb', amounts (regression)" in lines  # nothing else could be made of them
    assert run(capsys, "evaluate", "run", "--metric", "mae")
    assert run(capsys, "predict", "run", "two.csv", "-o", "p.csv")
    assert (place / "p.csv").read_text().splitlines()[0] == "prediction_ya,prediction_yb"
    assert main(["train", "two.csv", "--target", "ya,yc", "--out", "wrong"]) == 2
    assert "no column 'yc'" in capsys.readouterr().err
