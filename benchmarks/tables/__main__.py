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
from benchmarks.tables.sources import tables
from bpnet.sklearn import TableClassifier, TableRegressor

TIE = 0.01
"""Difference of accuracy or R2 up to which two are level."""

_MANY = 50
"""Different texts above which a column is left out of what the others get."""

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
"""Lines of the ablation: what is changed of the recipe."""


def task_of(y):
    """What is done with a target, as bpnet has it."""
    if not pd.api.types.is_numeric_dtype(y) or pd.api.types.is_bool_dtype(y):
        return "classify"
    return "classify" if y.nunique() <= 20 and (y % 1 == 0).all() else "regress"


def prepared(model):
    """A model of scikit-learn behind plain preprocessing."""
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
    """Who else is measured, by name."""
    if task == "classify":
        return {
            "MLP": prepared(MLPClassifier(random_state=seed)),
            "boosting": prepared(HistGradientBoostingClassifier(random_state=seed)),
        }
    network = TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=scaler())
    return {
        "MLP": prepared(network),
        "boosting": prepared(HistGradientBoostingRegressor(random_state=seed)),
    }


def scaler():
    """What standardizes a target."""
    return StandardScaler()


def plain(frame):
    """Rows as scikit-learn takes them: text with few values, numbers as they are."""
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
    kept, held = train_test_split(
        rows,
        test_size=0.25,
        random_state=seed,
        stratify=y.iloc[rows] if task == "classify" else None,
    )
    found = {}
    for name, change in (changes or {"bpnet": {}}).items():
        model = ours(task, seed, **change).fit(X.iloc[kept], y.iloc[kept])
        found[name] = float(model.score(X.iloc[held], y.iloc[held]))
    if changes is None:
        few = plain(X)
        for name, model in rivals(task, seed).items():
            model.fit(few.iloc[kept], y.iloc[kept])
            found[name] = float(model.score(few.iloc[held], y.iloc[held]))
    return task, found


def measured(which, seeds, most, changes=None):
    """Scores of all tables of a set, means over the splits."""
    results = {}
    for name, frame, target in tables(which):
        if most and len(frame) > most:
            continue
        runs = [scores(frame, target, seed, changes) for seed in range(seeds)]
        means = {n: float(np.mean([run[n] for _, run in runs])) for n in runs[0][1]}
        results[name] = {"target": target, "task": runs[0][0], "rows": len(frame), **means}
        told = {n: round(value, 3) for n, value in means.items()}
        print(f"{runs[0][0]} {name}: {told}", flush=True)
    return results


def summary(results, first, others):
    """Means of each task, and wins, ties and losses of the first beside each other."""
    found = {}
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
        found[task] = part
    return found


def told(summed, first):
    """Print a summary; R2 below -0.5 counts as -0.5."""
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
    found = {}
    for rows, columns in ((1000, 10), (10_000, 30), (100_000, 30)):
        X, y = make_classification(rows, columns, n_informative=8, random_state=0)
        row = {}
        for name, model in {"bpnet": ours("classify", 0), **rivals("classify", 0)}.items():
            frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(columns)])
            start = time.perf_counter()
            model.fit(frame, y)
            row[name] = round(time.perf_counter() - start, 2)
        found[f"{rows} x {columns}"] = row
        print(rows, columns, row, flush=True)
    return found


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
    parser.add_argument("--seeds", type=int, default=2, help="splits of each table")
    parser.add_argument("--rows", type=int, help="leave larger tables out")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # scikit-learn's MLP tells each table that it has not converged
    about = {
        "recipe": dataclasses.asdict(bpnet.TableRecipe()), "scikit-learn": sklearn.__version__,
        "bpnet": bpnet.__version__, "machine": platform.processor() or platform.machine(),
        "seeds": asked.seeds, "set": asked.set, "rows": asked.rows,
    }  # fmt: skip
    if asked.times:
        content = {**about, "seconds": seconds()}
    else:
        changes = CHANGES if asked.ablation else None
        results = measured(asked.set, asked.seeds, asked.rows, changes)
        first = "the recipe" if asked.ablation else "bpnet"
        others = [n for n in CHANGES if n != first] if asked.ablation else ["MLP", "boosting"]
        summed = summary(results, first, others)
        told(summed, first)
        content = {**about, "summary": summed, "tables": results}
        if asked.plot:
            drawn(results, asked.plot)
    if asked.json:
        with open(asked.json, "w") as file:
            json.dump(content, file, indent=1)


if __name__ == "__main__":
    main()
