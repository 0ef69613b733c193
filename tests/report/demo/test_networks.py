"""The page's script computes what Python computes."""

import base64

import numpy as np
import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.nn import Layer, Network, SoftmaxCrossEntropy
from digit_recognizer.report.demo.networks import describe_network

# Some images at a time, as rows.
FORWARD = """([number, pixels, shape]) => {
    const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
    const length = 20 * shape[0] * shape[1] * shape[2], found = [];
    for (let from = 0; from < bytes.length; from += length) {
        const some = Float32Array.from(bytes.subarray(from, from + length));
        found.push(...forward(networks[number], some, shape));
    }
    return found;
}"""
LENET = "6C5P2-T-AP2-16C5-T-AP2-120N-T-84N-T"
FAST = "16C3-MP2-BN-R-32C3-BN-R-64C3-MP2-BN-R-128C3-BN-R"


def in_page(page, number, X, shape):
    pixels = base64.b64encode(X.astype(np.uint8).tobytes()).decode()
    return np.reshape(page.evaluate(FORWARD, [number, pixels, list(shape)]), (len(X), -1))


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_probabilities_of_a_thousand_images_are_those_of_python(open_page, page_of, fitted):
    kinds = [
        {"architecture": FAST},
        {"architecture": LENET},
        {"hidden_layer_sizes": [100, 50], "batch_norm": True},
    ]
    estimators = [fitted(**kind)[0] for kind in kinds]
    shape = (28, 28, 1)
    X = np.random.default_rng(1).integers(0, 256, (1000, 784), dtype=np.uint8)
    page = open_page(page_of(estimators, shape))
    for number, estimator in enumerate(estimators):
        expected = estimator.predict_proba(X)
        assert expected.max() - expected.min() > 0.1
        assert np.abs(in_page(page, number, X, shape) - expected).max() < 1e-4


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ((13, 13, 1), {"architecture": "5C3S2P1-BN-LR0.2-MP3S2-3C2P2-SW-AP2S1-GAP-7N-S-5N-D0.5"}),
        ((9, 12, 3), {"architecture": "4C4S3P2-S-AP2-BN-T-6N-BN-R"}),
        ((6, 7, 1), {"hidden_layer_sizes": (9, 8), "activation": ["silu", "leaky_relu"]}),
        ((6, 6, 1), {"hidden_layer_sizes": 5, "activation": "identity", "classes": "01"}),
    ],
)
def test_all_layers_of_an_architecture(open_page, page_of, fitted, shape, parameters):
    estimator, X = fitted(shape, **parameters)
    page = open_page(page_of([estimator], shape, parameters.get("classes", "0123456789")))
    expected = estimator.predict_proba(X)
    assert np.abs(in_page(page, 0, X, shape) - expected).max() < 1e-5


def test_a_layer_that_the_page_does_not_know_is_named():
    class Cube(Layer):
        def forward(self, X, memory):
            return X**3

    network = Network([Cube()], SoftmaxCrossEntropy(), (4,))
    with pytest.raises(InputError, match=r"cannot compute the layer Cube\(\)"):
        describe_network(network)
