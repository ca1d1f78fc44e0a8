"""Settings of a run in config.toml."""

import os
import tomllib

import pytest

from bpnet.runs import configuration
from tests.assertions import error_message
from tests.runs.tables import columns

TABLES = {
    "data": {"source": 'a "b" \\ c\n', "target": None, "validation": 0.1, "stream": True},
    "training": {"metrics": ["f1", "auc"], "l2": 1e-300, "epochs": 3, "quiet": False},
    "network": {"hidden": [], "named": {"a": 1, "b": [1.5]}},
}


def test_settings_come_back_from_their_file():
    text = configuration.to_toml(TABLES)
    tables = configuration.from_toml(text)
    assert tables["data"] == {n: v for n, v in TABLES["data"].items() if v is not None}
    assert tables["training"] == TABLES["training"]
    assert tables["network"] == TABLES["network"]
    assert tomllib.loads(text)["training"]["quiet"] is False
    assert "\x7f" not in configuration.to_toml({"data": {"source": "a\x7fb"}})
    odd = os.fsdecode(b"caf\xe9.csv")
    content = configuration.to_toml({"data": {"source": odd, "list": [odd, "b"]}})
    assert configuration.from_toml(content)["data"]["source"] == odd


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"data": None}, "config.toml has no table [data]"),
        ({"network": 3}, "config.toml has no table [network]"),
        ({"data": {}}, "config.toml has no data.source"),
        ({"data": {"source": 3}}, "config.toml has data.source = '3', which is of the wrong type"),
        ({"data": {"source": "x", "seed": 1.5}},
         "config.toml has data.seed = '1.5', which is of the wrong type"),
        ({"data": {"source": "x", "stream": 1}},
         "config.toml has data.stream = '1', which is of the wrong type"),
        ({"source": {"examples": 3}}, "config.toml has no source.fingerprint"),
        ({"source": {"examples": 3, "fingerprint": "a", "more": 1}},
         "config.toml has source.more, which this bpnet does not know"),
        ({"sweep": {"seeds": ["a"]}},
         "config.toml has sweep.seeds = \"['a']\", which is of the wrong type"),
        ({"data": {"source": "x", "target": "y"}}, "columns.json is missing"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(change, text):
    config = {"data": {"source": "x"}, "training": {}, "network": {}, **change}
    assert error_message(configuration.check, config, None, with_columns=True) == text
    fine = {"data": {"source": "x"}, "training": {}, "network": {}}
    configuration.check(fine, None, with_columns=True)
    named = {**fine, "data": {"source": "x", "target": "y"}}
    configuration.check(named, None, with_columns=False)
    configuration.check(named, columns(), with_columns=True)


@pytest.mark.parametrize(
    ("value", "rate"),
    [("find", "find"), (" FIND ", "find"), ("0.5", 0.5), (1e-3, 1e-3), ("1e-2", 0.01)],
)
def test_a_learning_rate_or_find(value, rate):
    assert configuration._rate(value, "") == rate
    assert error_message(configuration._rate, "fast", "") == (
        "--learning-rate is 'fast'; give a number, or find"
    )
