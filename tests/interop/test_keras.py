"""Keras models, read by an estimator."""

import re

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor


@pytest.fixture
def keras(in_keras):
    """Keras."""
    return in_keras.keras


@pytest.fixture
def layers(keras):
    return keras.layers


@pytest.fixture
def sequential(keras):
    return keras.Sequential


def test_layers_of_every_kind_are_read(in_keras, layers, sequential, images, assert_goes_on):
    model = sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.ZeroPadding2D(1),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.SpatialDropout2D(0.1),
            layers.MaxPooling2D(padding="same"),
            layers.Conv2D(5, 4, strides=2, padding="valid", use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.Activation("silu"),
            layers.AveragePooling2D(2),
            sequential(
                [
                    layers.Flatten(),
                    layers.Dense(20, activation=layers.LeakyReLU(negative_slope=0.1)),
                    layers.Dropout(0.2),
                    layers.ReLU(negative_slope=0.3),
                    layers.Dense(9, activation="leaky_relu"),
                ]
            ),
            layers.Dense(3),
            layers.Softmax(),
        ]
    )
    X = 255 * images
    clf = NumpyNetClassifier.from_keras(model, classes=["x", "z", "y"])
    expected = in_keras.run(model, X, (28, 28, 1))[:, [0, 2, 1]]
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    assert (list(clf.classes_), clf.scaling, clf.input_scale_) == (["x", "y", "z"], "unit", 255)
    assert_goes_on(clf, X, np.array(["x", "y", "z", "y"] * 10))


def test_a_functional_model_that_begins_with_rows_is_a_chain(in_keras, keras, layers, images):
    inputs = keras.Input((784,))
    X = layers.Reshape((28, 28, 1))(inputs)
    X = layers.Conv2D(4, 3, activation="tanh")(X)
    X = layers.GlobalAveragePooling2D()(X)
    inner_inputs = keras.Input((4,))
    inner = keras.Model(inner_inputs, layers.Dense(5, activation="sigmoid")(inner_inputs))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(inner(X)))
    clf = NumpyNetClassifier.from_keras(model)
    expected = in_keras.run(model, images, (784,)).ravel()
    np.testing.assert_allclose(clf.predict_proba(images)[:, 1], expected, atol=1e-5)


def test_a_model_that_was_built_by_its_first_call(in_keras, layers, sequential, images):
    model = sequential([layers.Dense(4, activation="relu"), layers.Dense(2)])
    outputs = in_keras.run(model, images, (784,))
    reg = NumpyNetRegressor.from_keras(model)
    np.testing.assert_allclose(reg.predict(images), outputs, atol=1e-5)


# The layers, made of keras.layers as L, and what is said of them.
REFUSED = {
    "L.Conv2D(3, 3, strides=2, padding='same', name='c')": "model.c, <Conv2D name=c, built=True>, "
    "cannot be expressed: padding 'same' with a window of 3 and a stride of 2 on images of shape "
    "(28, 28, 1) differs between the sides.",
    "L.Conv2D(3, (3, 2))": "its kernel_size (3, 2) differs",
    "L.Conv2D(3, 3, dilation_rate=2)": "dilation_rate=(2, 2) has no counterpart",
    "L.ZeroPadding2D(((0, 1), (0, 1)))": "its padding (0, 1, 0, 1) differs",
    "L.ZeroPadding2D(1), L.MaxPooling2D()": "zeros around images are part of a convolution",
    "L.MaxPooling2D(3, padding='same')": "padding='same' pads images of shape (28, 28, 1)",
    "L.BatchNormalization(axis=1)": "axis=1 is not that of the channels",
    "L.GlobalMaxPooling2D()": "GlobalMaxPooling2D is none of Activation, Average",
    "L.Flatten(), L.Dense(3, activation='gelu')": "gelu is none of exponential, leaky_relu",
    "L.Flatten(), L.Rescaling(2.0), L.ReLU(), L.Rescaling(2.0)": "before all other layers",
    "L.Reshape((14, 14, 4)), L.Reshape((14, 14, 4))": "only rows may be reshaped, at the start",
    "L.ReLU(max_value=6)": "max_value=6 has no counterpart",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_expressed_is_named_with_its_place(layers, sequential, text):
    model = sequential([layers.Input((28, 28, 1)), *eval(f"[{text}]", {"L": layers})])
    with pytest.raises(ValueError, match=re.escape(REFUSED[text])):
        NumpyNetClassifier.from_keras(model)


def test_models_that_are_no_chain_are_told(keras, layers, sequential):
    inputs = keras.Input((4,))
    one, two = layers.Dense(3)(inputs), layers.Dense(3)(inputs)
    with pytest.raises(ValueError, match="model is no chain of layers from one input to one out"):
        NumpyNetClassifier.from_keras(keras.Model(inputs, [one, two]))
    summed = keras.Model(inputs, layers.Add(name="sum")([one, two]))
    with pytest.raises(ValueError, match=r"model\.sum is no layer of one input"):
        NumpyNetClassifier.from_keras(summed)
    for weightless in (layers.Dense(3), layers.BatchNormalization()):
        with pytest.raises(ValueError, match="it has no weights yet: call the model once, or give"):
            NumpyNetClassifier.from_keras(sequential([weightless]), input_shape=(4,))
