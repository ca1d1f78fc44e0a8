"""bpnet's estimators beside scikit-learn's: the same calls, in turn, in one run.

python -m benchmarks.estimators            times and accuracies, some minutes
python -m benchmarks.estimators --json results.json
"""

import argparse
import json
import platform
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import neural_network as theirs
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import bpnet
from bpnet import sklearn as ours

ROUNDS = 3
SEEDS = 10


def digits():
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def tabular():
    return make_classification(100_000, 50, n_informative=20, random_state=0)


def fashion():
    data = bpnet.data.load("fashion-mnist")
    return np.asarray(data.x).reshape(len(data.x), -1) / 255.0, np.asarray(data.y)


TIMES = {
    "digits, adam": (digits, {"max_iter": 50}),
    "digits, sgd": (digits, {"max_iter": 50, "solver": "sgd"}),
    "digits, lbfgs": (digits, {"max_iter": 100, "solver": "lbfgs"}),
    "100,000 x 50, adam": (tabular, {"max_iter": 3}),
    "100,000 x 50, lbfgs": (tabular, {"max_iter": 10, "solver": "lbfgs"}),
    "Fashion-MNIST, adam": (fashion, {"max_iter": 2}),
    "Fashion-MNIST, (256, 128), sgd": (
        fashion, {"max_iter": 2, "solver": "sgd", "hidden_layer_sizes": (256, 128)},
    ),
}  # fmt: skip


def regression():
    X, y = make_friedman1(2000, 10, noise=1.0, random_state=0)
    return X, y


SCORES = {
    "digits": ("MLPClassifier", digits),
    "breast cancer": ("MLPClassifier", lambda: load_breast_cancer(return_X_y=True)),
    "wine": ("MLPClassifier", lambda: load_wine(return_X_y=True)),
    "Friedman 1 (R2)": ("MLPRegressor", regression),
}


def fit_times():
    """Seconds of a fit, median of the rounds, and the ratio."""
    rows = []
    for name, (make, options) in TIMES.items():
        X, y = make()
        seconds = {"scikit-learn": [], "bpnet": []}
        for _ in range(ROUNDS):
            for who, library in (("scikit-learn", theirs), ("bpnet", ours)):
                est = library.MLPClassifier(random_state=0, tol=0.0, **options)
                start = time.perf_counter()
                est.fit(X, y)
                seconds[who].append(time.perf_counter() - start)
        medians = {who: statistics.median(values) for who, values in seconds.items()}
        ratio = medians["scikit-learn"] / medians["bpnet"]
        rows.append({"job": name, **medians, "ratio": ratio})
        print(f"{name:32s} scikit-learn {medians['scikit-learn']:7.3f} s   "
              f"bpnet {medians['bpnet']:7.3f} s   {ratio:5.2f} times", flush=True)  # fmt: skip
    return rows


def scores():
    """Score on held-out examples, mean and standard deviation over the seeds."""
    rows = []
    for name, (kind, make) in SCORES.items():
        X, y = make()
        found = {"scikit-learn": [], "bpnet": []}
        for seed in range(SEEDS):
            split = train_test_split(X, y, test_size=0.25, random_state=seed)
            scaler = StandardScaler().fit(split[0])
            train, test = scaler.transform(split[0]), scaler.transform(split[1])
            for who, library in (("scikit-learn", theirs), ("bpnet", ours)):
                est = getattr(library, kind)(random_state=seed, max_iter=300)
                found[who].append(est.fit(train, split[2]).score(test, split[3]))
        row = {"data": name}
        for who, values in found.items():
            row[who] = {"mean": statistics.mean(values), "deviation": statistics.stdev(values)}
        rows.append(row)
        print(f"{name:32s} " + "   ".join(
            f"{who} {row[who]['mean']:.4f} +- {row[who]['deviation']:.4f}" for who in found
        ), flush=True)  # fmt: skip
    return rows


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    result = {
        "versions": {
            "bpnet": bpnet.__version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "rounds": ROUNDS,
        "seeds": SEEDS,
        "fit": fit_times(),
        "score": scores(),
    }
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
