"""Sheets of augmented images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer.nn import Augment, Augmenter, augmented_sheet

STRONG = Augment(rotation=30, scale=0.3, shear=0.3, shift=3, elastic=1.0)


def pictures(shape, dtype=np.float32, seed=0):
    """Random images from 0 to 200."""
    return (np.random.default_rng(seed).random(shape) * 200).astype(dtype)


def sheet_of(images, augment=STRONG, seed=0, **options):
    return augmented_sheet(images, augment, np.random.default_rng(seed), **options)


def cells_of(sheet, height, width, gap):
    """The images of a sheet, of shape (rows, columns, height, width[, channels])."""
    tops = range(0, sheet.shape[0], height + gap)
    lefts = range(0, sheet.shape[1], width + gap)
    return np.array(
        [[sheet[y : y + height, x : x + width] for x in lefts] for y in tops], dtype=sheet.dtype
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_each_row_begins_with_the_image_as_it_is(dtype, channels):
    images = pictures((4, 9, 7, *channels), dtype)
    before = images.copy()
    sheet = sheet_of(images, n_columns=5, gap=2)
    assert sheet.dtype == dtype
    assert sheet.shape == (4 * 11 - 2, 5 * 9 - 2, *channels)
    cells = cells_of(sheet, 9, 7, 2)
    np.testing.assert_array_equal(cells[:, 0], images)
    np.testing.assert_array_equal(images, before)
    for column in range(1, 5):
        assert (cells[:, column] != images).any()


@given(
    n=st.integers(1, 4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    n_columns=st.integers(1, 6),
    gap=st.integers(0, 3),
)
def test_its_shape_is_that_of_the_images_and_the_gaps(n, height, width, n_columns, gap):
    sheet = sheet_of(pictures((n, height, width)), n_columns=n_columns, gap=gap)
    assert sheet.shape == (n * (height + gap) - gap, n_columns * (width + gap) - gap)
    assert cells_of(sheet, height, width, gap).shape == (n, n_columns, height, width)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_draws_are_those_of_training(dtype):
    images = pictures((2, 9, 7), dtype)
    expected = np.repeat(images, 3, axis=0)
    Augmenter(STRONG, (9, 7, 1), dtype, images.min())(expected, np.random.default_rng(5))
    cells = cells_of(sheet_of(images, seed=5, n_columns=4), 9, 7, 1)
    np.testing.assert_array_equal(cells[:, 1:].reshape(6, 9, 7), expected)


def test_integers_are_rounded():
    images = pictures((2, 9, 7), np.uint8)
    exact = sheet_of(images.astype(np.float64), gap=0)
    np.testing.assert_array_equal(sheet_of(images, gap=0), np.rint(exact))


def test_the_same_seed_gives_the_same_sheet_and_another_seed_another():
    images = pictures((2, 9, 7))
    np.testing.assert_array_equal(sheet_of(images), sheet_of(images))
    assert (sheet_of(images, seed=0) != sheet_of(images, seed=1)).any()


def test_an_augment_without_deformation_repeats_the_image():
    images = pictures((2, 9, 7), np.uint8)
    cells = cells_of(sheet_of(images, Augment(), n_columns=3), 9, 7, 1)
    np.testing.assert_array_equal(cells, np.repeat(images[:, np.newaxis], 3, axis=1))


def test_gaps_lie_midway_between_the_darkest_and_the_brightest_pixel():
    images = np.array([[[10, 30], [20, 20]]] * 2, dtype=np.uint8)
    sheet = sheet_of(images, Augment(), n_columns=2, gap=1)
    assert (sheet[2] == 20).all()
    assert (sheet[:, 2] == 20).all()


@pytest.mark.parametrize(("fill", "expected"), [(None, 10), (77.0, 77)])
def test_what_lies_outside_is_the_fill_or_the_smallest_value(fill, expected):
    images = np.full((1, 5, 5), 10, dtype=np.uint8)
    augment = Augment(shift=5, fill=fill)
    cells = cells_of(sheet_of(images, augment, n_columns=20), 5, 5, 1)
    assert cells[:, 1:].max() == expected


@pytest.mark.parametrize("shape", [(28, 28), (784,), (0, 28, 28), (1, 2, 3, 4, 5), (1, 0, 28)])
def test_what_is_no_image_is_an_error(shape):
    with pytest.raises(ValueError, match="images must be of shape"):
        sheet_of(np.zeros(shape))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_columns": 0}, "n_columns must be at least 1, got 0"),
        ({"gap": -1}, "gap must be at least 0, got -1"),
        ({"augment": Augment(fill=-1.0)}, "fill -1.0 is no value of the images' uint8"),
        ({"augment": Augment(fill=0.5)}, "fill 0.5 is no value of the images' uint8"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        sheet_of(pictures((1, 5, 5), np.uint8), **options)
