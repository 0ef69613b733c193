"""Flax NNX modules, read by an estimator."""

import re
from functools import partial

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier


@pytest.fixture
def nnx(in_flax):
    return in_flax.nnx


def test_layers_and_functions_of_every_kind_are_read(in_flax, nnx, images, assert_goes_on):
    rngs = nnx.Rngs(0)
    module = nnx.Sequential(
        lambda X: X / 255,
        nnx.Conv(1, 6, (5, 5), rngs=rngs),
        nnx.BatchNorm(6, use_scale=False, rngs=rngs),
        nnx.Dropout(0.1, broadcast_dims=(1, 2), rngs=rngs),
        nnx.relu,
        partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2)),
        nnx.Conv(6, 4, (3, 3), strides=2, padding="VALID", use_bias=False, rngs=rngs),
        lambda X: nnx.avg_pool(X, (3, 3), strides=(1, 1)),
        nnx.silu,
        nnx.Sequential(
            lambda X: X.reshape(X.shape[0], -1),
            nnx.Linear(64, 10, rngs=rngs),
            lambda X: nnx.leaky_relu(X, 0.3),
            nnx.Dropout(0.2, rngs=rngs),
            nnx.Linear(10, 8, use_bias=False, rngs=rngs),
            nnx.tanh,
            nnx.sigmoid,
        ),
        nnx.Linear(8, 3, rngs=rngs),
        nnx.log_softmax,
    )
    X = 255 * images
    clf = NumpyNetClassifier.from_flax(module, (28, 28, 1), classes=["x", "z", "y"])
    expected = np.exp(in_flax.run(module, X, (28, 28, 1)))[:, [0, 2, 1]]
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    assert (list(clf.classes_), clf.scaling, clf.input_scale_) == (["x", "y", "z"], "unit", 255)
    assert_goes_on(clf, X, np.array(["x", "y", "z", "y"] * 10))


def test_images_averaged_to_their_channels(in_flax, nnx, images):
    module = nnx.Sequential(
        nnx.Conv(1, 3, (3, 3), padding=1, rngs=nnx.Rngs(0)), lambda X: X.mean(axis=(1, 2))
    )
    clf = NumpyNetClassifier.from_flax(nnx.Sequential(module, nnx.softmax), (28, 28))
    expected = in_flax.run(nnx.Sequential(module, nnx.softmax), images, (28, 28, 1))
    np.testing.assert_allclose(clf.predict_proba(images), expected, atol=1e-5)


# The step, made of flax.nnx as N, and what is said of it.
REFUSED = {
    "N.gelu": "module.layers[0], <function gelu",
    "lambda X: X.sum(axis=1)": "what it does is none of flattening, pooling, an activation",
    "lambda X: X @ X": "it does not take samples of shape (28, 28, 1)",
    "N.Conv(1, 3, (3, 3), strides=2, rngs=R)": "padding 'same' with a window of 3 and a stride",
    "N.Conv(1, 3, (3, 2), padding='VALID', rngs=R)": "its kernel_size (3, 2) differs",
    "N.Conv(1, 3, (3,), padding='VALID', rngs=R)": "its kernel_size (3,) is not that of images",
    "N.Conv(1, 3, (3, 3), kernel_dilation=2, rngs=R)": "kernel_dilation=2 has no counterpart",
    "N.Conv(3, 3, (3, 3), rngs=R)": "it takes 3 channels, but images of shape (28, 28, 1) come",
    "N.Embed(3, 4, rngs=R)": "Embed is none of Sequential, Linear, Conv, BatchNorm, Dropout, and",
}


@pytest.mark.parametrize("step", REFUSED)
def test_what_cannot_be_expressed_is_named_with_its_place(nnx, step):
    module = nnx.Sequential(eval(step, {"N": nnx, "R": nnx.Rngs(0)}))
    with pytest.raises(ValueError, match=re.escape(REFUSED[step])):
        NumpyNetClassifier.from_flax(module, (28, 28, 1))
