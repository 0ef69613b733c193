"""Scores and times of fits with default parameters: ours beside scikit-learn's MLP.

    python benchmarks/parity.py [--seeds N]

For each data set and seed both fit the same training part, in turn, on one processor. The score is
the accuracy (R² for diabetes) on the test part; `difference` is the mean over the seeds of ours
less scikit-learn's, with twice its standard error; `time` is the median of the ratios.
"""

import argparse
import statistics
import warnings
from time import perf_counter

import measuring

measuring.use_one_processor()

import numpy as np  # noqa: E402
from sklearn.datasets import (  # noqa: E402
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    make_classification,
)
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor  # noqa: E402


def data_sets() -> dict:
    """Name → (X, y, scikit-learn's estimator, ours)."""
    classifiers, regressors = (MLPClassifier, NumpyNetClassifier), (MLPRegressor, NumpyNetRegressor)
    large = make_classification(20_000, 40, n_informative=15, n_classes=4, random_state=0)
    return {
        "digits": (*load_digits(return_X_y=True), *classifiers),
        "iris": (*load_iris(return_X_y=True), *classifiers),
        "breast cancer": (*load_breast_cancer(return_X_y=True), *classifiers),
        "diabetes": (*load_diabetes(return_X_y=True), *regressors),
        "make_classification": (*large, *classifiers),
    }


def fit_and_score(Estimator, seed, X_train, X_test, y_train, y_test):
    """Score, seconds and epochs of one fit."""
    model = Estimator(random_state=seed)
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    return model.score(X_test, y_test), seconds, model.n_iter_


def compare(X, y, theirs, ours, n_seeds) -> list[str]:
    """One row of the table, without the data set's name."""
    results = {theirs: [], ours: []}
    for seed in range(n_seeds):
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        scaler = StandardScaler().fit(X_train)
        parts = scaler.transform(X_train), scaler.transform(X_test), y_train, y_test
        for Estimator, rows in results.items():
            rows.append(fit_and_score(Estimator, seed, *parts))
    (their_scores, their_seconds, their_epochs), (scores, seconds, epochs) = (
        np.array(rows).T for rows in results.values()
    )
    differences = scores - their_scores
    error = 2 * differences.std(ddof=1) / len(differences) ** 0.5
    return [
        f"{their_scores.mean():.4f}",
        f"{scores.mean():.4f}",
        f"{differences.mean():+.4f} ± {error:.4f}",
        f"{their_epochs.mean():.0f}",
        f"{epochs.mean():.0f}",
        f"{statistics.median(seconds / their_seconds):.2f}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
    rows = [[name, *compare(*case, options.seeds)] for name, case in data_sets().items()]
    header = ["score", "MLP", "ours", "difference", "epochs", "ours", "time"]
    measuring.print_table(header, rows)


if __name__ == "__main__":
    main()
