"""What a fit costs beside its arithmetic, and whether many fits leak.

    python benchmarks/small_fits.py [--fits N]

One epoch of a network with five hidden units on twenty rows, where the arithmetic is next to
nothing: the time of a fit is all overhead, scikit-learn's validation included.
"""

import argparse
import resource
import warnings
from time import perf_counter

import measuring

measuring.use_one_processor()

import numpy as np  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from digit_recognizer import NumpyNetClassifier  # noqa: E402


def peak_kilobytes() -> int:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fits", type=int, default=10_000)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
    X, y = np.random.default_rng(0).standard_normal((20, 4)), np.arange(20) % 3
    rows = []
    for Estimator in (MLPClassifier, NumpyNetClassifier):
        model = Estimator((5,), max_iter=1, random_state=0)
        for _ in range(options.fits // 10):
            model.fit(X, y)
        before, start = peak_kilobytes(), perf_counter()
        for _ in range(options.fits):
            model.fit(X, y)
        milliseconds = 1e3 * (perf_counter() - start) / options.fits
        growth = peak_kilobytes() - before
        rows.append([Estimator.__name__, f"{milliseconds:.2f}", f"{growth:,}"])
    measuring.print_table(["estimator", "ms a fit", f"kB more after {options.fits:,}"], rows)


if __name__ == "__main__":
    main()
