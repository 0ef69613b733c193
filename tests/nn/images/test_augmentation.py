"""Augmentation of images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from digit_recognizer.nn import Augment, Augmenter
from digit_recognizer.nn.arrays.workers import Workers
from digit_recognizer.nn.images import augmentation
from digit_recognizer.nn.images.augmentation import IMAGES_AT_ONCE, spline_matrix

STRONG = {"rotation": 30, "scale": 0.3, "shear": 0.3, "shift": 3, "elastic": 1.0}


@pytest.fixture
def images(generator):
    return generator.random((5, 12, 10, 2), dtype=np.float32)


def augmented(images, seed=0, strength=1.0, fill=0.0, **options):
    result = images.copy()
    augment = Augment(**options, soft_epochs=1, softness=strength)
    augmenter = Augmenter(augment, images.shape[1:], images.dtype, fill)
    augmenter(result, np.random.default_rng(seed), epoch=1, n_epochs=2)
    return result


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_deformation_changes_no_bit(images, dtype):
    images = images.astype(dtype)
    np.testing.assert_array_equal(augmented(images), images)
    np.testing.assert_array_equal(augmented(images, strength=0.0, **STRONG), images)


@pytest.mark.parametrize("shift", [(0, 1), (2, -3), (-12, 0), (30, 5)])
def test_whole_pixel_shifts_are_exact(images, shift, monkeypatch):
    n, height, width, _ = images.shape
    monkeypatch.setattr(
        Augment, "draw_affine", lambda *_: (np.tile(np.eye(2), (n, 1, 1)), np.tile(shift, (n, 1)))
    )
    expected = np.full_like(images, 0.25)
    for y in range(height):
        for x in range(width):
            if 0 <= y + shift[0] < height and 0 <= x + shift[1] < width:
                expected[:, y, x] = images[:, y + shift[0], x + shift[1]]
    np.testing.assert_array_equal(augmented(images, fill=0.25), expected)


def test_affine_deformations_equal_scipys_interpolation(images):
    images = images.astype(np.float64)
    options = {"rotation": 20, "scale": 0.2, "shear": 0.2, "shift": 2}
    matrices, shifts = Augment(**options).draw_affine(5, np.random.default_rng(0), 1.0)
    middle = np.array([5.5, 4.5])
    grid = np.mgrid[:12, :10].reshape(2, -1) - middle[:, None]
    result = augmented(images, **options)
    for image, changed, matrix, shift in zip(images, result, matrices, shifts, strict=True):
        places = matrix @ grid + (shift + middle)[:, None]
        for channel in range(2):
            # Beyond the edge scipy interpolates with zeros as well.
            expected = map_coordinates(
                np.pad(image[..., channel], 2), places.clip(-2, [[12], [10]]) + 2, order=1
            )
            np.testing.assert_allclose(changed[..., channel].ravel(), expected, atol=1e-12)


def test_splines_are_scipys_and_add_up_to_1():
    matrix = spline_matrix(8, 28)
    np.testing.assert_allclose(matrix.sum(axis=0), 1)
    position = np.linspace(1, 6, 28)
    for point, row in enumerate(matrix):
        basis = BSpline.basis_element(np.arange(point - 2, point + 3), extrapolate=False)
        np.testing.assert_allclose(row, np.nan_to_num(basis(position)), atol=1e-12)


@given(
    n=st.integers(1, 9),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_values_and_dtype_stay_in_range(n, height, width, seed):
    images = np.random.default_rng(seed).random((n, height, width, 1), dtype=np.float32)
    result = augmented(images, seed, **STRONG)
    assert result.dtype == np.float32
    assert images.min(initial=0) - 1e-6 <= result.min()
    assert result.max() <= images.max() + 1e-6


def test_the_same_generator_gives_the_same_bytes_and_another_others(images):
    first, again, other = (augmented(images, seed, **STRONG) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != images).any()


def test_images_are_deformed_each_in_its_own_way():
    image = np.random.default_rng(0).random((1, 9, 9, 1), dtype=np.float32)
    result = augmented(np.repeat(image, IMAGES_AT_ONCE + 3, axis=0), **STRONG)
    assert len(np.unique(result.reshape(len(result), -1), axis=0)) == len(result)


def test_strength_scales_the_deformation():
    matrices, shifts = Augment(rotation=40, shift=4).draw_affine(
        500, np.random.default_rng(0), 0.25
    )
    angles = np.rad2deg(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert 9 < np.abs(angles).max() <= 10
    assert 0.9 < np.abs(shifts).max() <= 1


def test_the_last_epochs_are_softer():
    augment = Augment(soft_epochs=2, softness=0.3)
    assert [augment.strength(epoch, 5) for epoch in range(5)] == [1, 1, 1, 0.3, 0.3]
    assert Augment().strength(4, 5) == augment.strength(0, np.inf) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation": -1}, "rotation must be at least 0 and finite, got -1"),
        ({"scale": 1.0}, "scale must be below 1, got 1.0"),
        ({"shift": float("inf")}, "shift must be at least 0 and finite, got inf"),
        ({"rotation": "10"}, "rotation must be at least 0 and finite, got '10'"),
        ({"soft_epochs": 2.5}, "soft_epochs must be an integer, got 2.5"),
        ({"fill": float("nan")}, "fill must be finite, got nan"),
        ({"control_points": 3}, "control_points must be at least 4, got 3"),
    ],
)
def test_impossible_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Augment(**options)


def test_threads_that_share_images_give_the_same_bytes(monkeypatch):
    monkeypatch.setattr(augmentation, "SHARED_VALUES", 0)
    augment, results = Augment(rotation=20, elastic=1.5, shift=1.0), set()
    for n_workers in (1, 2, 3):
        augmenter = Augmenter(augment, (9, 8, 1), np.float32, 0.0)
        X = np.random.default_rng(0).random((200, 9, 8, 1), np.float32)
        with Workers(n_workers):
            for generator in (np.random.default_rng(1), np.random.default_rng(2)):
                augmenter(X, generator)
        results.add(X.tobytes())
    assert len(results) == 1
