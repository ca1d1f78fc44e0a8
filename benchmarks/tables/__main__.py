"""The recipe for tables beside scikit-learn's MLP and gradient boosting, all with their defaults.

python -m benchmarks.tables                      the tables that were kept for this, two splits each
python -m benchmarks.tables --set choosing       those that the recipe was chosen on
python -m benchmarks.tables --ablation --rows 600  one ingredient of the recipe changed at a time
python -m benchmarks.tables --times              seconds of a fit by rows
python -m benchmarks.tables --json F.json --plot F.png
"""

import argparse
import dataclasses
import json
import logging
import platform
import time
import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bpnet
from benchmarks.tables.sources import missing, tables
from bpnet.sklearn import TableClassifier, TableRegressor

TIE = 0.01
"""Difference of accuracy or R2 up to which two models are level."""

_MANY = 50
"""Number of distinct texts above which scikit-learn's models do not get a column."""

CHANGES = {
    "the recipe": {},
    "1 network": {"members": 1},
    "4 networks": {"members": 4},
    "relu": {"activation": "relu"},
    "rate 1e-3": {"learning_rate": 1e-3},
    "constant rate": {"schedule": "constant"},
    "adam": {"optimizer": "adam"},
    "1,000 steps": {"steps": 1000},
    "all epochs": {"patience": 1.0},
    "256, 128 neurons": {"hidden": (256, 128)},
}
"""Lines of the ablation: the changed fields of the recipe."""


def task_of(y):
    """The task of a target by bpnet's rule: few whole numbers, and all but numbers, are classes."""
    if not pd.api.types.is_numeric_dtype(y) or pd.api.types.is_bool_dtype(y):
        return "classify"
    return "classify" if y.nunique() <= 20 and (y % 1 == 0).all() else "regress"


def prepared(model):
    """A model of scikit-learn behind imputation, scaling and one-hot encoding."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    kinds = (
        make_column_selector(dtype_include="number"),
        make_column_selector(dtype_exclude="number"),
    )
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, kinds[0]), ("rest", one_hot, kinds[1])]), model
    )


def rivals(task, seed):
    """The other models by their names."""
    if task == "classify":
        return {
            "MLP": prepared(MLPClassifier(random_state=seed)),
            "boosting": prepared(HistGradientBoostingClassifier(random_state=seed)),
        }
    network = TransformedTargetRegressor(
        MLPRegressor(random_state=seed), transformer=StandardScaler()
    )
    return {
        "MLP": prepared(network),
        "boosting": prepared(HistGradientBoostingRegressor(random_state=seed)),
    }


def plain(frame):
    """The columns that scikit-learn's models can take: numbers, and texts of few values."""
    frame = frame.copy()
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            continue
        if column.astype(str).nunique() > _MANY:
            frame = frame.drop(columns=name)
        else:
            frame[name] = column.astype(str)
    return frame.dropna(axis=1, how="all")


def ours(task, seed, **changes):
    """Our estimator, with changes of its recipe."""
    kind = TableClassifier if task == "classify" else TableRegressor
    recipe = dataclasses.replace(bpnet.TableRecipe(), **changes)
    return kind(recipe=recipe, random_state=seed, backend="numpy")


def scores(frame, target, seed, changes=None):
    """Accuracy or R2 of each on a quarter of the rows that is held out; and the task."""
    y, task = frame[target], task_of(frame[target])
    y = y.astype(str) if task == "classify" else y.astype(float)
    X = frame.drop(columns=target)
    X = X.loc[:, X.notna().any()]
    common = y.map(y.value_counts()) > 1 if task == "classify" else None
    rows = np.arange(len(y)) if common is None else np.flatnonzero(common)
    train, test = train_test_split(
        rows,
        test_size=0.25,
        random_state=seed,
        stratify=y.iloc[rows] if task == "classify" else None,
    )
    if changes is None:
        few = plain(X)
        models = {"bpnet": (X, ours(task, seed))}
        models |= {name: (few, model) for name, model in rivals(task, seed).items()}
    else:
        models = {name: (X, ours(task, seed, **change)) for name, change in changes.items()}
    return task, {
        name: float(
            model.fit(inputs.iloc[train], y.iloc[train]).score(inputs.iloc[test], y.iloc[test])
        )
        for name, (inputs, model) in models.items()
    }


def measured(which, seeds, most, changes=None):
    """Scores of all tables of a set, means over the splits."""
    results = {}
    for name, frame, target in tables(which):
        if most and len(frame) > most:
            continue
        runs = [scores(frame, target, seed, changes) for seed in range(seeds)]
        splits = {n: [run[n] for _, run in runs] for n in runs[0][1]}
        means = {n: float(np.mean(values)) for n, values in splits.items()}
        results[name] = {"target": target, "task": runs[0][0], "rows": len(frame), **means}
        results[name]["splits"] = splits
        rounded = {n: round(value, 3) for n, value in means.items()}
        print(f"{runs[0][0]} {name}: {rounded}", flush=True)
    return results


def summary(results, first, others):
    """Means of each task; wins, ties and losses of the first model beside each other model.

    An R2 below -0.5 counts as -0.5. The interval is of the mean difference, by resampling tables.
    """
    summed = {}
    for task in ("classify", "regress"):
        rows = [row for row in results.values() if row["task"] == task]
        if not rows:
            continue
        one = np.asarray([max(row[first], -0.5) for row in rows])
        part = {"tables": len(rows), first: float(one.mean())}
        for other in others:
            two = np.asarray([max(row[other], -0.5) for row in rows])
            draws = np.random.default_rng(0).integers(0, len(rows), (2000, len(rows)))
            low, high = np.quantile((one - two)[draws].mean(axis=1), (0.025, 0.975))
            wins, losses = int((one > two + TIE).sum()), int((one < two - TIE).sum())
            part[other] = {
                "mean": float(two.mean()), "wins": wins, "losses": losses,
                "ties": len(rows) - wins - losses, "worst": float((one - two).min()),
                "difference": float((one - two).mean()), "interval": [float(low), float(high)],
            }  # fmt: skip
        summed[task] = part
    return summed


def print_summary(summed, first):
    """Print a summary, one line for each other model."""
    for task, part in summed.items():
        print(f"{task}, {part['tables']} tables: {first} {part[first]:.4f}")
        for other, row in part.items():
            if isinstance(row, dict):
                low, high = row["interval"]
                print(
                    f"  beside {other} {row['mean']:.4f}: {row['wins']} wins, {row['ties']} ties, "
                    f"{row['losses']} losses, {row['difference']:+.4f} ({low:+.4f} to {high:+.4f})"
                )


def seconds():
    """Seconds of a fit by rows and columns, beside scikit-learn's MLP and gradient boosting."""
    measured_seconds = {}
    for rows, columns in ((1000, 10), (10_000, 30), (100_000, 30)):
        X, y = make_classification(rows, columns, n_informative=8, random_state=0)
        row = {}
        for name, model in {"bpnet": ours("classify", 0), **rivals("classify", 0)}.items():
            frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(columns)])
            start = time.perf_counter()
            model.fit(frame, y)
            row[name] = round(time.perf_counter() - start, 2)
        measured_seconds[f"{rows} x {columns}"] = row
        print(rows, columns, row, flush=True)
    return measured_seconds


def drawn(results, path):
    """A picture: each table a point, our score beside that of each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    for axes, other in zip(figure.subplots(1, 2), ("MLP", "boosting"), strict=True):
        for task, mark in (("classify", "o"), ("regress", "s")):
            rows = [row for row in results.values() if row["task"] == task]
            points = np.clip([[row[other], row["bpnet"]] for row in rows], -0.5, 1)
            axes.plot(*points.T, mark, markersize=4, alpha=0.7, label=task)
        axes.plot([-0.5, 1], [-0.5, 1], color="gray", linewidth=0.8)
        axes.set_xlabel(f"scikit-learn {other}: accuracy or R2")
        axes.set_ylabel("bpnet, recipe for tables")
        axes.legend()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", default="kept", choices=["kept", "choosing"])
    parser.add_argument("--seeds", type=int, default=2, help="splits of each table (2)")
    parser.add_argument("--rows", type=int, metavar="N", help="leave larger tables out")
    parser.add_argument("--ablation", action="store_true", help="change one ingredient at a time")
    parser.add_argument("--times", action="store_true", help="seconds of a fit by rows")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument("--plot", metavar="FILE", help="draw a picture there")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # scikit-learn's MLP tells each table that it has not converged
    about = {
        "recipe": dataclasses.asdict(bpnet.TableRecipe()), "scikit-learn": sklearn.__version__,
        "bpnet": bpnet.__version__, "machine": platform.processor() or platform.machine(),
        "seeds": options.seeds, "set": options.set, "rows": options.rows,
    }  # fmt: skip
    if options.times:
        content = {**about, "seconds": seconds()}
    else:
        if packages := missing(options.set):
            names = " ".join(packages)
            parser.error(f"the tables need packages that are missing: pip install {names}")
        changes = CHANGES if options.ablation else None
        results = measured(options.set, options.seeds, options.rows, changes)
        first = "the recipe" if options.ablation else "bpnet"
        others = [n for n in CHANGES if n != first] if options.ablation else ["MLP", "boosting"]
        summed = summary(results, first, others)
        print_summary(summed, first)
        content = {**about, "summary": summed, "tables": results}
        if options.plot:
            drawn(results, options.plot)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(content, file, indent=1)


if __name__ == "__main__":
    main()
