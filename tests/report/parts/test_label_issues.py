"""Confident learning."""

import numpy as np
import pytest

from digit_recognizer.report.parts.label_issues import (
    calibrated,
    confident_joint,
    find_label_issues,
    temperature,
    to_csv,
)


def test_the_confident_joint_counts_rows_above_the_thresholds():
    y = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.35, 0.65]])
    # The thresholds are 0.6 for class 0 and 0.625 for class 1.
    joint = confident_joint(y, probabilities)
    assert joint.suggestions.tolist() == [0, 0, 1, -1, 1]
    assert joint.counts.tolist() == [[2, 1], [0, 1]]


def test_of_several_confident_classes_the_likeliest_counts():
    y = np.array([0, 1, 2, 2])
    probabilities = np.array([[0.5, 0.3, 0.2], [0.3, 0.4, 0.3], [0.6, 0.4, 0], [0.4, 0.45, 0.15]])
    assert confident_joint(y, probabilities).suggestions[2:].tolist() == [0, 1]


def test_a_class_without_rows_is_suggested_to_none():
    joint = confident_joint(np.array([0, 0]), np.array([[0.3, 0.7], [0.4, 0.6]]))
    assert set(joint.suggestions.tolist()) <= {0, -1}


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_temperature_undoes_that_of_the_predictions(factor):
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 3))
    true = calibrated(np.exp(logits), 1)
    y = (true.cumsum(axis=1) < generator.random((20_000, 1))).sum(axis=1)
    assert temperature(y, calibrated(true, factor)) == pytest.approx(1 / factor, rel=0.05)


def test_flipped_labels_are_found_whatever_the_smoothing():
    generator = np.random.default_rng(0)
    true = generator.integers(0, 4, 2000)
    probabilities = np.full((2000, 4), 0.03)
    probabilities[np.arange(2000), true] = 0.91
    probabilities = calibrated(probabilities, generator.uniform(0.9, 1.1, (2000, 1)))
    y = true.copy()
    y[:20] = (y[:20] + 1) % 4
    issues = find_label_issues(y, probabilities)
    assert set(issues.positions.tolist()) <= set(range(20)) and len(issues.positions) > 5
    assert (issues.suggestions == true[issues.positions]).all()
    of_label = issues.probabilities[issues.positions, y[issues.positions]]
    assert (np.diff(of_label) >= 0).all()
    lines = to_csv(issues, np.arange(101, 2101), y, list("abcd")).splitlines()
    first = issues.positions[0]
    assert lines[1].startswith(f"{first + 101},{'abcd'[y[first]]},{'abcd'[true[first]]},0.0")
