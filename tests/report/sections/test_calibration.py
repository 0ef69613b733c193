"""Reliability and coverage."""

import numpy as np
import pytest

from digit_recognizer.report.sections.calibration import coverage, reliability


def test_the_calibration_error_is_the_mean_distance_of_the_bins():
    confidence = np.array([0.95, 0.95, 0.55, 0.55, 1.0])
    is_right = np.array([True, True, True, False, True])
    bins, error = reliability(confidence, is_right, n_bins=10)
    assert bins == [(2, 0.55, 0.5), (3, pytest.approx(0.9667, abs=1e-4), 1.0)]
    assert error == pytest.approx(2 / 5 * 0.05 + 3 / 5 * 0.0333, abs=1e-4)


def test_coverage_is_the_accuracy_of_the_surest():
    accuracies, order = coverage(np.array([0.5, 0.9, 0.7]), np.array([False, True, True]))
    assert order.tolist() == [1, 2, 0]
    np.testing.assert_allclose(accuracies, [1, 1, 2 / 3])
