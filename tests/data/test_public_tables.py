"""Public tables as they come: the last column is the target, and nothing is prepared."""

import csv
import importlib
import pkgutil
import warnings

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.runs import data as run_data
from tests.optional import library

pd = pytest.importorskip("pandas")
pytest.importorskip("polars")


def statsmodels():
    datasets = library("statsmodels.datasets")
    for module in pkgutil.iter_modules(datasets.__path__):
        if module.ispkg and module.name != "tests":
            table = importlib.import_module(f"statsmodels.datasets.{module.name}")
            yield module.name, table.load_pandas().data, {}


def vega():
    local = library("vega_datasets").local_data
    for name in local.list_datasets():
        yield name, getattr(local, name.replace("-", "_"))(), {"index": False}


def scikit():
    datasets = pytest.importorskip("sklearn.datasets")
    for name in ("iris", "diabetes", "wine", "breast_cancer", "linnerud"):
        yield name, getattr(datasets, f"load_{name}")(as_frame=True).frame, {"index": False}


def learnable(path):
    """Whether a table has an input, and a target of two values at least."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    return len(header) > 1 and len({row[-1] for row in rows} - {""}) > 1


@pytest.mark.parametrize("tables", [statsmodels, vega, scikit])
def test_each_trains_with_few_inputs(tmp_path, tables):
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what these libraries call
        every = list(tables())
    for name, frame, how in every:
        path = tmp_path / f"{name}.csv"
        frame.to_csv(path, **how)
        with open(path, newline="") as file:
            target = next(csv.reader(file))[-1]
        if not learnable(path):
            with pytest.raises(InputError):
                bpnet.data.load(path, target=target)
            continue
        data = bpnet.data.load(path, target=target, validation=0.1)
        assert data.x.shape[1] <= 60, "\n".join(data.taken)
        net = run_data.network_for(data, [8], output=None, seed=0)
        history = bpnet.train(net, data, epochs=1, backend="numpy")
        assert np.isfinite(history["cost"]).all()
        count += 1
    assert count >= 5
