"""Predictions averaged over views."""

import numpy as np
import pytest
from scipy import sparse
from scipy.ndimage import affine_transform

from digit_recognizer import nn
from digit_recognizer.nn.arrays.workers import Workers

SHAPE = (9, 7, 1)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(5, 9, 7)).astype(np.float64)


@pytest.fixture(scope="module")
def network():
    layers = [nn.Conv2D(4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(3)]
    return nn.Network(layers, nn.SoftmaxCrossEntropy(), SHAPE, np.float64)


def predict(network, images, fill=0.0, **views):
    return nn.predict_views(
        network, images.reshape(len(images), -1), nn.Views(**views), SHAPE, fill
    )


@pytest.mark.parametrize(
    ("views", "count"),
    [({}, 1), ({"shift": 1}, 5), ({"rotation": 8}, 3), ({"shift": 2, "rotation": 8}, 15)],
)
def test_there_are_as_many_views_as_shifts_times_rotations(views, count):
    transforms = nn.Views(**views).transforms()
    assert len(transforms) == count
    assert len({(*matrix.ravel(), *shift) for matrix, shift in transforms}) == count
    np.testing.assert_array_equal(transforms[0][0], np.eye(2))
    np.testing.assert_array_equal(transforms[0][1], [0, 0])


def test_the_image_as_it_is_alone_predicts_as_the_network_does(network, images):
    np.testing.assert_array_equal(predict(network, images), network.predict(images))


def test_shifts_are_those_of_the_pixels(network, images):
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), constant_values=0.3)
    places = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    expected = np.mean(
        [network.predict(padded[:, y : y + 9, x : x + 7].copy()) for y, x in places], axis=0
    )
    np.testing.assert_allclose(predict(network, images, 0.3, shift=1), expected, rtol=1e-12)


def test_rotations_are_scipys_around_the_middle(network, images):
    middle = np.array([4, 3])
    seen = [images]
    for angle in np.deg2rad([-20, 20]):
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        offset = middle - matrix @ middle
        # scipy fades to `cval` beyond the border only with an edge of it around the image.
        turned = [
            affine_transform(
                np.pad(image, 3), matrix, offset=offset + 3 - matrix @ [3, 3], order=1
            )[3:-3, 3:-3]
            for image in images
        ]
        seen.append(np.array(turned))
    expected = np.mean([network.predict(view) for view in seen], axis=0)
    np.testing.assert_allclose(predict(network, images, rotation=20), expected, rtol=1e-9)


def test_the_images_stay_as_they_are_and_may_be_sparse(network, images):
    before = images.copy()
    dense = predict(network, images, shift=1, rotation=8)
    np.testing.assert_array_equal(images, before)
    rows = sparse.csr_matrix(images.reshape(5, -1))
    views = nn.Views(1, 8)
    np.testing.assert_array_equal(nn.predict_views(network, rows, views, SHAPE, 0.0), dense)


def test_many_images_are_predicted_as_few_are(network, images):
    many = np.tile(images, (300, 1, 1))
    few = predict(network, images, shift=1, rotation=8)
    np.testing.assert_allclose(predict(network, many, shift=1, rotation=8)[-5:], few, rtol=1e-12)


@pytest.mark.parametrize("value", [-1, float("inf"), float("nan"), "1"])
def test_impossible_views_are_refused(value):
    with pytest.raises(ValueError, match="views: rotation must be at least 0 and finite"):
        nn.Views(rotation=value)


def test_threads_that_share_rows_give_the_same_bytes(network, monkeypatch):
    monkeypatch.setattr(nn.images.views, "IMAGE_ROWS", 3)
    images, results = np.random.default_rng(0).uniform(size=(20, 9, 7)), set()
    for n_workers in (1, 3):
        with Workers(n_workers):
            results.add(predict(network, images, shift=1, rotation=5).tobytes())
    assert len(results) == 1
