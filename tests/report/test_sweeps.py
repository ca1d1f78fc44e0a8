"""The section of a sweep: what its pictures and its table show, and files that cannot be read."""

import json
import math

import pytest

from bpnet.errors import InputError
from bpnet.report import coordinates, sweep_file, sweeps
from bpnet.report.coordinates import Axis
from bpnet.report.sweep_file import SweepFile, Trial

NAN = math.nan
HOSTILE = "<script>alert(1)</script>"


def trial(number, rate, score, pruned=None, **options):
    return Trial(number, {"learning_rate": rate, "l2": 0.0, **options}, score, 0.0, 4, pruned)


TRIALS = [
    trial(3, 0.01, 0.9, activation=HOSTILE),
    trial(1, 0.1, 0.7, activation="relu"),
    trial(4, 0.2, 0.8, pruned=4, activation="relu"),
    trial(2, 0.001, 0.5, pruned=1, activation="tanh"),
    trial(5, 10.0, NAN, activation="tanh"),
]
SWEEP = SweepFile("validation_accuracy", 2, 0, TRIALS)


@pytest.fixture(scope="module")
def figures():
    (section,) = sweeps.sections(SWEEP)
    assert "5 combinations, trained with 2 seeds" in section.lead
    assert "2 of them were pruned. 1 of them diverged. This run is the best." in section.lead
    return section.blocks


def test_a_line_tells_its_trial_and_what_diverged_has_none(figures):
    svg = figures[0].picture.svg
    for one in TRIALS:
        assert (f"trial {one.number}\n" in svg) == (one.state != "diverged")
    assert "validation accuracy 80.0 %, pruned after epoch 4" in svg
    assert "l2" not in svg  # it has one value
    assert HOSTILE not in svg
    assert "&lt;script&gt;" in svg
    # a dotted line for each pruned one, in the strength of its score
    assert svg.count("stroke-dasharray") == 2


def test_the_best_so_far_is_that_of_complete_trials_in_their_order(figures):
    svg = figures[1].picture.svg
    best = [part.partition("<")[0] for part in svg.split("best so far ")[1:]]
    assert best[:4] == ["70.0 %", "70.0 %", "90.0 %", "90.0 %"]
    falling = SweepFile("validation_cost", 1, 3, TRIALS)
    (section,) = sweeps.sections(falling)
    assert "on 3 folds" in section.lead
    svg = section.blocks[1].picture.svg
    best = [part.partition("<")[0] for part in svg.split("best so far ")[1:]]
    assert best[:4] == ["0.7", "0.7", "0.7", "0.7"]


def test_the_table_has_every_combination_with_its_state(figures):
    table = figures[0].table
    assert list(table.head) == [
        "rank", "trial", "learning rate", "activation", "validation accuracy", "+-", "epochs",
        "state",
    ]  # fmt: skip
    assert [row[1] for row in table.rows] == ["3", "1", "4", "2", "5"]
    states = ["complete", "complete", "pruned", "pruned", "diverged"]
    assert [row[-1] for row in table.rows] == states
    assert table.rows[0][4] == "90.0\xa0%"
    assert table.rows[4][4:6] == ["", ""]


def test_without_a_choice_there_is_no_section():
    assert sweeps.sections(None) == []
    assert sweeps.sections(SweepFile("validation_cost", 1, 0, TRIALS[:1])) == []
    assert sweeps.sections(SweepFile("validation_cost", 1, 0, [TRIALS[0], TRIALS[4]])) == []


def test_few_values_are_ticks_in_their_order_and_many_numbers_a_scale():
    axis = Axis.of("batch size", [64, None, 8, 64], lambda v: "all" if v is None else str(v))
    assert [text for _, text in axis.ticks] == ["8", "64", "all"]
    assert axis.places[0] == axis.places[3] == pytest.approx(0.5)
    rates = [10.0**-i for i in range(8)]
    axis = Axis.of("learning rate", rates, str)  # spans more than a factor of ten
    assert axis.places == pytest.approx([1 - i / 7 for i in range(8)])
    even = Axis.of("dropout", [i / 10 for i in range(8)], str)
    assert even.places == pytest.approx([i / 7 for i in range(8)])
    assert [text for _, text in even.ticks][::4] == ["0", "0.7"]
    same = Axis.of_numbers("score", [0.5, 0.5], str)
    assert (list(same.places), len(same.ticks)) == ([0.0, 0.0], 1)
    layers = Axis.of("hidden", [[64], [16], [32, 8], [16]], lambda v: ",".join(map(str, v)))
    assert [label for _, label in layers.ticks] == ["16", "32,8", "64"]  # smaller layers are lower
    many = Axis.of("hidden", [f"{i},8" for i in range(40)], str)
    assert len(many.ticks) <= coordinates._MOST


def test_a_sweep_of_the_command_is_read(runs):
    sweep = sweep_file.read(runs.sweep)
    assert (sweep.score, sweep.seeds, sweep.folds) == ("validation_accuracy", 1, 0)
    assert sorted(one.number for one in sweep.trials) == [1, 2, 3, 4]
    assert {one.state for one in sweep.trials} == {"complete"}
    scores = [one.score for one in sweep.trials]
    assert scores == sorted(scores, reverse=True)
    assert sweep_file.read(runs.digits) is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"configurations": [3]}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(InputError, match=r"sweep.json is damaged .* for a report without it"):
        sweep_file.read(tmp_path)


def test_a_row_without_a_number_or_state_is_of_an_older_version(tmp_path):
    row = {"rank": 2, "l2": 0.5, "mean": None, "deviation": None, "scores": [[None]],
           "epochs": [[0]], "diverged": 1}  # fmt: skip
    file = {"score": "validation_cost", "seeds": [0], "folds": 0, "configurations": [row]}
    (tmp_path / "sweep.json").write_text(json.dumps(file))
    (one,) = sweep_file.read(tmp_path).trials
    assert (one.number, one.options, one.state) == (2, {"l2": 0.5}, "diverged")
