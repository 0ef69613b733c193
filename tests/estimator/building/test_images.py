"""Estimators whose architecture works on images."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.estimator.building.architecture import parse_architecture

SMALL = "4C3-MP2-BN-R-8C3-R-16N-R"
OPTIONS = {
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "batch_size": 32,
    "max_iter": 3,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X[:600] / 16).astype(np.float32), y[:600]


@pytest.mark.parametrize(
    ("token", "layer"),
    [
        ("32C3", nn.Conv2D(32, 3)),
        ("32C5S2", nn.Conv2D(32, 5, stride=2)),
        ("32C3P1", nn.Conv2D(32, 3, padding=1)),
        ("32C5S2P2", nn.Conv2D(32, 5, stride=2, padding=2)),
        ("MP2", nn.MaxPool2D(2)),
        ("MP3S2", nn.MaxPool2D(3, stride=2)),
        ("AP2", nn.AveragePool2D(2)),
        ("GAP", nn.GlobalAveragePool2D()),
    ],
)
def test_each_token_of_images_is_its_layer(token, layer):
    assert repr(parse_architecture(token)) == repr([layer])


@pytest.mark.parametrize(
    "token", ["32C", "C3", "32C3P", "0C3", "32C0", "32C3S0", "MP0", "MP", "AP"]
)
def test_a_wrong_token_of_images_is_named(token):
    with pytest.raises(ValueError, match=f"token 2, '{token}' at character 3"):
        parse_architecture(f"R-{token}-R")


@pytest.mark.parametrize("text", ["8C3-BN", "8C3-MP2-BN", "8C3-AP2-BN-R", "8C3-MP2-MP2-BN"])
def test_a_bias_that_batch_normalization_takes_away_is_left_out(text):
    assert not parse_architecture(text)[0].bias
    assert parse_architecture(text.replace("BN", "R"))[0].bias


def test_a_network_of_images_learns_digits(digits):
    X, y = digits
    larger = "8C3-BN-R-16C3-BN-R-GAP"
    clf = NumpyNetClassifier(architecture=larger, **OPTIONS | {"max_iter": 10}).fit(
        X[:500], y[:500]
    )
    assert clf.score(X[500:], y[500:]) > 0.85


@pytest.mark.parametrize(
    "architecture", ["MP2-64N", "GAP-64N", [nn.Flatten(), nn.Dense(64), nn.ReLU()]]
)
def test_images_without_parameters_train(architecture, digits):
    clf = NumpyNetClassifier(architecture=architecture, input_shape=(8, 8), **OPTIONS)
    losses = clf.fit(*digits).loss_curve_
    assert losses[-1] < losses[0]


def test_the_shape_of_square_images_is_inferred(digits):
    clf = NumpyNetClassifier(architecture=SMALL, **OPTIONS).fit(*digits)
    assert clf._network.input_shape == (8, 8, 1)
    shapes = [weight.shape for weight in clf.coefs_]
    assert shapes == [(3, 3, 1, 4), (3, 3, 4, 8), (8, 16), (16, 10)]


def test_rows_are_images_in_the_order_of_height_width_channels():
    X = np.arange(2 * 3 * 4 * 2, dtype=np.float64).reshape(2, -1)
    y = np.array([0.0, 1.0])
    reg = NumpyNetRegressor(
        architecture=[nn.Conv2D(1, 1), nn.Flatten()], input_shape=(3, 4, 2), max_iter=1
    )
    with pytest.warns(match="Maximum iterations"):
        reg.fit(X, y)
    kernel, bias = reg.coefs_[0], reg.intercepts_[0]
    pixels = X.reshape(2, 3, 4, 2) @ kernel[0, 0] + bias
    expected = pixels.reshape(2, -1) @ reg.coefs_[1] + reg.intercepts_[1]
    np.testing.assert_allclose(reg.predict(X), expected[:, 0])


def test_a_list_of_layers_is_the_same_as_the_string(digits):
    layers = parse_architecture(SMALL)
    of_string, of_list = (
        NumpyNetClassifier(architecture=architecture, **OPTIONS).fit(*digits)
        for architecture in (SMALL, layers)
    )
    for a, b in zip(of_string.coefs_, of_list.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_of_images_without_dense_layers_is_flattened_for_the_output(digits):
    clf = NumpyNetClassifier(architecture="4C3-R-MP2", **OPTIONS).fit(*digits)
    assert [type(layer).__name__ for layer in clf._network.layers[-2:]] == ["Flatten", "Dense"]
    pooled = NumpyNetClassifier(architecture="4C3-R-GAP", **OPTIONS).fit(*digits)
    assert pooled.coefs_[-1].shape == (4, 10)


@pytest.mark.parametrize(
    ("options", "n_features", "message"),
    [
        ({}, 63, "63 features are no square; give input_shape=\\(height, width, channels\\)"),
        (
            {"input_shape": (8, 9, 1)},
            64,
            "input_shape=\\(8, 9, 1\\) does not fit X with 64 features",
        ),
        ({"input_shape": (8,)}, 64, "input_shape=\\(8,\\) does not fit"),
        ({"input_shape": (4, 4, 4), "architecture": "4C5"}, 64, "Conv2D\\(4, 5"),
        ({"architecture": "16N-4C3"}, 64, "Conv2D\\(4, 3"),
        ({"architecture": "R", "input_shape": (3, 3)}, 64, "input_shape=\\(3, 3\\) does not fit"),
    ],
)
def test_images_that_do_not_fit_are_refused_with_the_remedy(options, n_features, message):
    clf = NumpyNetClassifier(**{"architecture": "4C3-R"} | options)
    with pytest.raises(ValueError, match=message):
        clf.fit(np.zeros((10, n_features)), np.arange(10) % 2)
    assert not hasattr(clf, "coefs_")


def test_saving_and_pickling_keep_a_network_of_images(digits, tmp_path):
    X, y = digits
    clf = NumpyNetClassifier(architecture=SMALL, ema_decay=0.9, **OPTIONS).fit(X, y)
    clf.save(tmp_path / "net")
    loaded = NumpyNetClassifier.load(tmp_path / "net")
    pickled = pickle.loads(pickle.dumps(clf))
    for again in (loaded, pickled):
        np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_the_summary_counts_convolutions(digits):
    clf = NumpyNetClassifier(architecture="4C3-MP2-BN-R", **OPTIONS).fit(*digits)
    rows = clf.summary().rows
    assert rows[0][1:] == ((6, 6, 4), 3 * 3 * 4, 6 * 6 * 3 * 3 * 4)
    assert rows[1][1:3] == ((3, 3, 4), 0)
    assert rows[2][1:3] == ((3, 3, 4), 8)
    assert clf.summary().n_parameters == 36 + 8 + (36 * 10 + 10)


def test_early_stopping_and_validation_work_on_images(digits):
    options = OPTIONS | {"learning_rate": "constant", "max_iter": 4}
    clf = NumpyNetClassifier(architecture=SMALL, early_stopping=True, **options)
    with pytest.warns(match="Maximum iterations"):
        clf.fit(*digits)
    assert len(clf.history_) == 4
    assert clf.best_validation_score_ == max(clf.validation_scores_) > 0.3
