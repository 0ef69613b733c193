"""X as people have it: the time of fit and predict in any layout, time and memory where sparse.

    python benchmarks/inputs.py [--rounds N]

Each layout is timed beside scikit-learn on the same input, and beside our own time on a C-ordered
array plus one copy to it. Each line of the sparse table is the best of two processes of its own;
its memory is what the largest resident size of the process (ru_maxrss) grew by from when the data
were there, for hashed text the whole of it. All times are the processor's.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from time import process_time

import measuring

measuring.use_one_processor()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.sparse  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.feature_extraction.text import HashingVectorizer  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from digit_recognizer import NumpyNetClassifier  # noqa: E402

ESTIMATORS = {"ours": NumpyNetClassifier, "scikit-learn": MLPClassifier}
N_FEATURES = 50
N_CLASSES = 5


def memory_mapped(X):
    """X in a file, to read only."""
    path = Path(tempfile.mkdtemp(prefix="inputs-")) / "X.npy"
    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")
    path.unlink()
    path.parent.rmdir()
    return mapped


def mixed_frame(X):
    """A frame of half floating-point and half integer columns."""
    return pd.DataFrame(X).astype(dict.fromkeys(range(0, X.shape[1], 2), int))


LAYOUTS = {
    "C": np.ascontiguousarray,
    "memory map": memory_mapped,
    "Fortran": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed rows": lambda X: X[::-1],
    "uint8": lambda X: X.astype(np.uint8),
    "frame": lambda X: pd.DataFrame(np.asfortranarray(X)),
    "frame, integers": lambda X: pd.DataFrame(np.asfortranarray(X.astype(int))),
    "frame, mixed": mixed_frame,
}


def actions(X, y):
    """For each action, functions that do it for each estimator on X, and for ours on a C array."""
    plain = np.array(X, dtype=np.float64, order="C")
    fitting = {name: make((100,), max_iter=2, random_state=0) for name, make in ESTIMATORS.items()}
    fitted = {
        name: make((100,), max_iter=1, random_state=0).fit(plain[:500], y[:500])
        for name, make in ESTIMATORS.items()
    }
    copy = {"copy": lambda: np.array(X, dtype=np.float64, order="C")}
    ours = fitting["ours"], fitted["ours"]
    return {
        "fit": {name: lambda m=model: m.fit(X, y) for name, model in fitting.items()}
        | {"as C": lambda: ours[0].fit(plain, y)}
        | copy,
        "partial_fit": {name: lambda m=model: m.partial_fit(X, y) for name, model in fitted.items()}
        | {"as C": lambda: ours[1].partial_fit(plain, y)}
        | copy,
        "predict": {name: lambda m=model: m.predict(X) for name, model in fitted.items()}
        | {"as C": lambda: ours[1].predict(plain)}
        | copy,
    }


def time_layouts(n_rounds):
    """Print the table of layouts."""
    generator = np.random.default_rng(0)
    rows, worst = [], {}
    for n_rows in (10_000, 100_000):
        whole = generator.integers(0, 256, (n_rows, N_FEATURES)).astype(np.float64)
        y = generator.integers(N_CLASSES, size=n_rows)
        for layout, convert in LAYOUTS.items():
            row = [layout, f"{n_rows:,}"]
            for action, functions in actions(convert(whole), y).items():
                rounds = (
                    n_rounds * (5 if action == "predict" else 1) * (3 if n_rows < 20_000 else 1)
                )
                seconds = measuring.interleave(functions, rounds, clock=process_time)
                allowed = [sum(pair) for pair in zip(seconds["as C"], seconds["copy"], strict=True)]
                ratios = {
                    "/ scikit-learn": measuring.median_ratio(
                        seconds["ours"], seconds["scikit-learn"]
                    ),
                    "/ C + copy": measuring.median_ratio(seconds["ours"], allowed),
                }
                row.append(f"{1e3 * statistics.median(seconds['ours']):.1f}")
                row += [f"{ratio:.2f}" for ratio in ratios.values()]
                for name, ratio in ratios.items():
                    worst[name] = max(worst.get(name, (0,)), (ratio, layout, n_rows, action))
            rows.append(row)
    columns = ["ms", "/ skl", "/ C+copy"]
    header = ["layout", "rows"]
    header += [f"{action} {c}" for action in ("fit", "partial_fit", "predict") for c in columns]
    print(f"Median of {n_rounds} rounds; {N_FEATURES} features, 100 units, one processor")
    measuring.print_table(header, rows)
    for name, (ratio, *where) in worst.items():
        print(f"largest {name}: {ratio:.2f} ({', '.join(map(str, where))})")


def sparse_rows(n_rows, n_features, n_stored):
    """A CSR matrix with so many numbers a row at random places, and classes."""
    generator = np.random.default_rng(0)
    columns = generator.integers(n_features, size=n_rows * n_stored)
    parts = generator.random(len(columns)), columns, np.arange(0, len(columns) + 1, n_stored)
    X = scipy.sparse.csr_matrix(parts, shape=(n_rows, n_features))
    X.sum_duplicates()
    return X, generator.integers(N_CLASSES, size=n_rows)


def hashed_text(n_texts, n_words):
    """Texts of words drawn as in a language, hashed to 2²⁰ features of float64, and classes."""
    generator = np.random.default_rng(0)
    words = np.minimum(generator.zipf(1.3, (n_texts, n_words)), 200_000)
    texts = [" ".join(f"w{word}" for word in text) for text in words]
    return HashingVectorizer().transform(texts), generator.integers(N_CLASSES, size=n_texts)


def fit(model, X, y):
    """Fit."""
    model.fit(X, y)


def predict(model, X, y):
    """Predict."""
    model.predict(X)


def fit_and_predict(model, X, y):
    """Fit, then predict."""
    model.fit(X, y).predict(X)


WIDE = (sparse_rows, (3_000, 50_000, 100), 50)
TEXT = (hashed_text, (1_000, 100), 32)
# What is done, to which data with how many units, with which parameters.
CASES = {
    "predict": (predict, *WIDE, {"max_iter": 1}),
    "fit, 2 epochs": (fit, *WIDE, {"max_iter": 2}),
    "early stopping, 2 epochs": (fit, *WIDE, {"max_iter": 2, "early_stopping": True}),
    "lbfgs, 2 iterations": (fit, *WIDE, {"solver": "lbfgs", "max_iter": 2}),
    "hashed text, fit and predict": (fit_and_predict, *TEXT, {"max_iter": 1}),
}


def peak_bytes() -> int:
    """Largest resident size of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure_case(case, name):
    """Print seconds, bytes that the peak grew by, and the peak, as JSON."""
    act, make_data, arguments, n_units, options = CASES[case]
    X, y = make_data(*arguments)
    model = ESTIMATORS[name]((n_units,), random_state=0, **options)
    # What is imported or made at first use is not the case's.
    small = X[:50, :20], y[:50]
    fit_and_predict(ESTIMATORS[name]((2,), **options), *small)
    if act is predict:
        model.fit(X[:200], y[:200])
    before = peak_bytes()
    act(model, X, y)
    after, seconds = peak_bytes(), []
    while sum(seconds) < 1:
        start = process_time()
        act(model, X, y)
        seconds.append(process_time() - start)
    print(json.dumps([min(seconds), after - before, after]))


def time_sparse():
    """Print the table of sparse data."""
    rows = []
    for case in CASES:
        results = {name: [] for name in ESTIMATORS}
        for _ in range(2):
            for name in ESTIMATORS:
                command = [sys.executable, __file__, "--case", case, "--estimator", name]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                results[name].append(json.loads(done.stdout))
        best = {
            name: [min(values) for values in zip(*runs, strict=True)]
            for name, runs in results.items()
        }
        size = 2 if "text" in case else 1
        rows.append([case, *(f"{best[name][0]:.2f}" for name in ESTIMATORS)])
        rows[-1] += [f"{best[name][size] / 1e6:,.0f}" for name in ESTIMATORS]
    header = ["sparse X", *(f"{name}, s" for name in ESTIMATORS)]
    measuring.print_table([*header, *(f"{name}, MB" for name in ESTIMATORS)], rows)
    (n_rows, n_features, n_stored), n_units = WIDE[1:]
    print(f"{n_rows:,} rows of {n_stored} out of {n_features:,} features, {n_units} units;")
    print(f"{TEXT[1][0]:,} texts hashed to 2^20 features, {TEXT[2]} units")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--estimator", choices=ESTIMATORS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if options.case:
        measure_case(options.case, options.estimator)
        return
    # First, while this process is small: a child begins with the peak of its parent.
    time_sparse()
    print()
    time_layouts(options.rounds)


if __name__ == "__main__":
    main()
