"""Whether the probabilities can be trusted, and how many images a person must look at."""

import numpy as np

from digit_recognizer.errors import InputError
from digit_recognizer.report.parts.charts import COLORS, INK, line_chart
from digit_recognizer.report.parts.label_issues import temperature

N_BINS = 15
TARGETS = (0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
# Points of a curve, which more would not show.
MOST_POINTS = 600


def reliability(confidence, is_right, n_bins=N_BINS):
    """Bins of equal width: their images, mean confidence and accuracy, empty ones left out.

    Parameters
    ----------
    confidence : ndarray of shape (n_samples,)
        Probability of what was predicted.
    is_right : ndarray of bool, shape (n_samples,)

    Returns
    -------
    bins : list of (int, float, float)
    error : float
        The expected calibration error: Σ n_bin / n |accuracy − confidence|.

    Notes
    -----
    Guo et al., "On calibration of modern neural networks" (2017), equations 2 and 3.
    """
    numbers = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    bins = []
    for number in np.unique(numbers):
        inside = numbers == number
        bins.append((int(inside.sum()), confidence[inside].mean(), is_right[inside].mean()))
    error = sum(n * abs(right - sure) for n, sure, right in bins) / len(confidence)
    return bins, float(error)


def coverage(confidence, is_right):
    """Accuracy of the k surest predictions, for each k from 1, and these predictions in order."""
    order = np.argsort(-confidence, kind="stable")
    return np.cumsum(is_right[order]) / np.arange(1, len(order) + 1), order


def section(run, pictures):
    """Two charts, the calibration error, and what each accuracy costs in images looked at."""
    confidence = run.out_of_fold.probabilities.max(axis=1)
    is_right = run.out_of_fold.is_right
    bins, error = reliability(confidence, is_right)
    accuracies, order = coverage(confidence, is_right)
    test_confidence = _test_confidence(run)
    difference = float(confidence.mean() - is_right.mean())
    return {
        "bins": bins,
        "error": error,
        "difference": difference,
        "temperature": temperature(run.y, run.out_of_fold.probabilities),
        "targets": _targets(accuracies, confidence[order], test_confidence),
        "n_train": len(confidence),
        "n_test": len(test_confidence),
        "charts": [_reliability_chart(bins, error), _coverage_chart(accuracies)],
    }


def _test_confidence(run):
    try:
        return run.test.probabilities.max(axis=1)
    except InputError:
        return np.empty(0)


def _targets(accuracies, confidence, test_confidence):
    """For each accuracy: training images to look at, the probability below which they are, and
    test images below it. The rest is left to the networks, and right so often.
    """
    rows = []
    for target in TARGETS:
        enough = np.flatnonzero(accuracies >= target)
        n_left = int(enough[-1]) + 1 if len(enough) else 0
        if n_left == len(accuracies) and target != 0.999:
            continue
        limit = float(confidence[n_left - 1]) if n_left else 1.0
        below = int((test_confidence < limit).sum()) if n_left < len(accuracies) else 0
        rows.append((target, len(accuracies) - n_left, limit, below))
    return rows


def _reliability_chart(bins, error):
    def draw(axes):
        axes.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1, label="calibrated")
        sure, right = [b[1] for b in bins], [b[2] for b in bins]
        axes.plot(sure, right, color=COLORS[0], marker="o", label="these networks")
        axes.set_ylabel("share that is right")

    text = (
        f"Reliability curve of {len(bins)} bins: the share that is right by the probability given. "
        f"Expected calibration error {error:.2%}."
    )
    args = "reliability", "Reliability", text, draw, "probability of the prediction"
    return line_chart(*args, percent="xy", legend=True)


def _coverage_chart(accuracies):
    n = len(accuracies)
    # Closer where the curve falls, at its end.
    places = np.unique(np.round(n - np.geomspace(1, n, MOST_POINTS)).astype(int))

    def draw(axes):
        axes.plot((places + 1) / n, accuracies[places], color=COLORS[0])
        low = min(accuracies[n // 2 :].min(), accuracies[-1])
        axes.set_ylim(low - 0.1 * (1 - low) - 1e-6, 1 + 0.1 * (1 - low) + 1e-6)
        axes.set_ylabel("share of them that is right")

    text = (
        f"Accuracy against coverage: {accuracies[-1]:.2%} of all images are right, "
        f"{accuracies[n // 2]:.2%} of the surer half."
    )
    args = "coverage", "Accuracy against coverage", text, draw
    return line_chart(*args, "share of images left to the networks", percent="xy")
