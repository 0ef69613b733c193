"""Scaling of pixels."""

import numpy as np
import pytest

from digit_recognizer.pipeline.data.scaling import Scaler


def test_standard_scaling_gives_mean_0_and_deviation_1():
    X = np.random.default_rng(0).integers(0, 256, (50, 9), dtype=np.uint8)
    scaled = Scaler.fit(X, "standard")(X)
    assert scaled.dtype == np.float32
    assert scaled.mean() == pytest.approx(0, abs=1e-5)
    assert scaled.std() == pytest.approx(1, abs=1e-5)


def test_unit_scaling_gives_0_to_1():
    scaled = Scaler.fit(np.zeros((1, 2), np.uint8), "unit")(np.array([[0, 255]], np.uint8))
    assert scaled.tolist() == [[0, 1]]


def test_scaling_images_that_are_all_the_same_stays_finite():
    X = np.full((4, 3), 9, np.uint8)
    assert (Scaler.fit(X, "standard")(X) == 0).all()
