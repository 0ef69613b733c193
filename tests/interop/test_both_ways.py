"""Networks that go to a framework and come back."""

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn

SHORT = {"max_iter": 1, "learning_rate": "cosine", "random_state": 0}


def give(estimator, framework, **options):
    return getattr(estimator, f"to_{framework.name}")(**options)


def take(cls, framework, module, shape, classes=None):
    return getattr(cls, f"from_{framework.name}")(module, input_shape=shape, classes=classes)


def shape_of(estimator):
    return estimator._network.input_shape


def test_classifiers_predict_the_same_there_and_back(classifier, images, framework):
    shape, expected = shape_of(classifier), classifier.predict_proba(images)
    module = give(classifier, framework)
    np.testing.assert_allclose(framework.run(module, images, shape), expected, atol=1e-5)
    back = take(NumpyNetClassifier, framework, module, shape)
    np.testing.assert_allclose(back.predict_proba(images), expected, atol=1e-5)


def test_each_kind_of_target_goes_there_and_back(of_each_kind, raw, framework):
    estimator, X = of_each_kind
    shape, classes = shape_of(estimator), getattr(estimator, "classes_", None)
    module = give(estimator, framework)
    np.testing.assert_allclose(framework.run(module, X, shape), raw(estimator, X), atol=1e-5)
    if classes is not None and estimator._is_multilabel():
        classes = None
    back = take(type(estimator), framework, module, shape, classes)
    np.testing.assert_allclose(raw(back, X), raw(estimator, X), atol=1e-5)
    assert back.predict(X).shape == estimator.predict(X).shape


def test_scaling_goes_along(images, framework):
    pixels = (255 * images).astype(np.uint8)
    for scaling, layers in (("unit", "4C3-R"), ("standard", "8N-R")):
        clf = NumpyNetClassifier(architecture=layers, scaling=scaling, **SHORT)
        clf.fit(pixels, np.arange(40) % 3)
        module, shape = give(clf, framework), shape_of(clf)
        outputs = framework.run(module, pixels.astype(np.float32), shape)
        np.testing.assert_allclose(outputs, clf.predict_proba(pixels), atol=1e-5)
        back = take(NumpyNetClassifier, framework, module, shape)
        assert (back.scaling, back.input_scale_) == (scaling, pytest.approx(clf.input_scale_))
        np.testing.assert_allclose(back.predict_proba(pixels), outputs, atol=1e-5)


def test_layers_between_a_flattened_image_and_a_dense_layer_keep_their_features(framework, images):
    X, shape = images[:, :84], (4, 7, 3)
    layers = [nn.Conv2D(5, 3), nn.Flatten(), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.1)]
    clf = NumpyNetClassifier(architecture=[*layers, nn.Identity()], input_shape=shape, **SHORT)
    clf.fit(X, np.arange(40) % 3)
    module = give(clf, framework)
    np.testing.assert_allclose(framework.run(module, X, shape), clf.predict_proba(X), atol=1e-5)
    back = take(NumpyNetClassifier, framework, module, shape)
    np.testing.assert_allclose(back.predict_proba(X), clf.predict_proba(X), atol=1e-5)


def test_without_its_output_activation_a_module_returns_logits(images, framework, softmax):
    clf = NumpyNetClassifier((8,), **SHORT).fit(images, np.arange(40) % 3)
    logits = framework.run(give(clf, framework, logits=True), images, (784,))
    np.testing.assert_allclose(softmax(logits), clf.predict_proba(images), atol=1e-5)


def test_expected_counts_have_an_exponential_at_their_end(images, framework):
    reg = NumpyNetRegressor(loss="poisson", hidden_layer_sizes=(4,), **SHORT)
    reg.fit(images, np.arange(40) % 4)
    module = give(reg, framework)
    outputs = framework.run(module, images, (784,)).ravel()
    np.testing.assert_allclose(outputs, reg.predict(images), atol=1e-5)
    back = take(NumpyNetRegressor, framework, module, (784,))
    assert back.loss == "poisson"
    np.testing.assert_allclose(back.predict(images), outputs, atol=1e-5)


def test_estimators_that_cannot_go_are_told(images, framework):
    with pytest.raises(NotFittedError):
        give(NumpyNetClassifier(), framework)
    clf = NumpyNetClassifier(architecture="2C3", views={"shift": 1}, augment={"shift": 1}, **SHORT)
    clf.fit(images, np.arange(40) % 3)
    with pytest.raises(ValueError, match=r"call set_params\(views=None\) first"):
        give(clf, framework)
    give(clf.set_params(views=None), framework)
    softsign = (lambda Z: Z / (1 + abs(Z)), lambda Z: 1 / (1 + abs(Z)) ** 2)
    clf = NumpyNetClassifier((4,), activation=softsign, **SHORT).fit(images, np.arange(40) % 2)
    with pytest.raises(ValueError, match=r"Layer 2, CustomActivation\(.* has no counterpart in "):
        give(clf, framework)


def test_only_a_module_of_the_framework_is_taken(framework):
    message = f"NumpyNetClassifier.from_{framework.name} takes a "
    with pytest.raises(TypeError, match=re.escape(message)):
        take(NumpyNetClassifier, framework, {}, None)
