"""Convolution: every algorithm against the loops of the reference, and against differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer import nn
from digit_recognizer.nn.images.memory import Arena, ImageMemory
from digit_recognizer.nn.kernels import im2col, reference
from digit_recognizer.nn.kernels.choice import choose
from digit_recognizer.nn.kernels.im2col import Columns
from digit_recognizer.nn.kernels.one_image import OneImage
from digit_recognizer.nn.kernels.winograd import Winograd


@st.composite
def convolutions(draw, largest_kernel=6):
    """A layer's parameters with an input shape they fit, and a batch size."""
    kernel = draw(st.integers(1, largest_kernel))
    padding = draw(st.integers(0, kernel + 1))
    least = max(1, kernel - 2 * padding)
    height, width = draw(st.integers(least, least + 9)), draw(st.integers(least, least + 9))
    shape = (height, width, draw(st.integers(1, 5)))
    layer = {
        "n_filters": draw(st.integers(1, 5)),
        "kernel_size": kernel,
        "stride": draw(st.integers(1, 3)),
        "padding": padding,
    }
    return layer, shape, draw(st.sampled_from([1, 2, 5, 17]))


def forward_and_backward(layer, X, dY=None, dtype=np.float64, **options):
    """Output, gradient of the input, and gradients of the parameters."""
    network = nn.Network([layer], nn.SquaredError(), X.shape[1:], dtype, **options)
    memories = network.memories(training=True)
    Y = network.forward(X.astype(dtype), memories).copy()
    if dY is None:
        dY = np.random.default_rng(9).standard_normal(Y.shape)
    dX = network.backward(dY.astype(dtype), memories, need_dX=True)
    return Y, dX, network.parameters.gradients.copy(), network.layers[0]


def possible_algorithms(layer):
    kernel, stride = layer["kernel_size"], layer["stride"]
    fits = stride <= 2 and layer["padding"] < kernel and -(-kernel // stride) <= 5
    return ["auto", "columns", "reference"] + ["winograd"] * fits


def test_weights_reach_to_the_bound_of_glorot_and_bengio():
    layer = nn.Conv2D(40, kernel_size=5, initializer=nn.INITIALIZERS["glorot_uniform"])
    network = nn.Network([layer], nn.SquaredError(), (9, 9, 10), np.float64)
    bound = np.sqrt(6 / (25 * 10 + 25 * 40))
    assert 0.99 * bound < np.abs(network.layers[0].values["weight"]).max() <= bound


@settings(deadline=None, derandomize=True, max_examples=40)
@given(convolutions())
def test_every_algorithm_equals_the_reference_loops(case):
    layer, shape, n = case
    X = np.random.default_rng(1).standard_normal((n, *shape))
    for algorithm in possible_algorithms(layer):
        Y, dX, _, conv = forward_and_backward(nn.Conv2D(**layer, algorithm=algorithm), X)
        weight, stride, padding = conv.values["weight"], layer["stride"], layer["padding"]
        expected = reference.convolve(X, weight, stride, padding) + conv.values["bias"]
        np.testing.assert_allclose(Y, expected, rtol=0, atol=1e-10)
        dY = np.random.default_rng(9).standard_normal(Y.shape)
        expected_dX, d_weight = reference.convolve_backward(X, weight, dY, stride, padding)
        np.testing.assert_allclose(dX, expected_dX, rtol=0, atol=1e-10)
        np.testing.assert_allclose(conv.gradients["weight"], d_weight, rtol=0, atol=1e-10)
        np.testing.assert_allclose(conv.gradients["bias"], dY.sum(axis=(0, 1, 2)), atol=1e-10)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(convolutions(), st.booleans())
def test_one_image_is_convolved_like_many(case, bias):
    layer, shape, _ = case
    shape = (*shape[:2], shape[2] + 3)
    network = nn.Network([nn.Conv2D(**layer, bias=bias)], nn.SquaredError(), shape, np.float64)
    images, weights = np.random.default_rng(1).standard_normal((2, 3, *shape)), network.parameters
    for number, X in enumerate(images, start=1):
        weights.values[...] = np.random.default_rng(number).standard_normal(weights.values.size)
        for one, other in zip(X, network.predict(X), strict=True):
            alone = network.predict(one[np.newaxis])[0]
            np.testing.assert_allclose(alone, other, rtol=0, atol=1e-10)
    (memory,) = vars(network.kept)["memories"][:1]
    assert type(network.layers[0].kernel(memory.one.layers[0])) is OneImage


@pytest.mark.parametrize("bias", [True, False])
def test_columns_in_stripes_are_those_at_once(bias, generator, monkeypatch):
    X = generator.standard_normal((6, 9, 7, 2))
    layer = nn.Conv2D(3, 3, stride=2, padding=2, bias=bias, algorithm="columns")
    at_once = forward_and_backward(layer, X)[:3]
    # 2 of 6 rows of the output; 4 and 2.
    for n_rows in (2, 4):
        monkeypatch.setattr(im2col, "STRIPE_ELEMENTS", n_rows * (18 + bias) * 5 * 6)
        for one, other in zip(forward_and_backward(layer, X), at_once, strict=False):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=12)
@given(convolutions(largest_kernel=4))
def test_gradients_equal_finite_differences(case):
    layer, shape, n = case
    shape = (min(shape[0], 6), min(shape[1], 6), min(shape[2], 2))
    X = np.random.default_rng(2).standard_normal((min(n, 3), *shape))
    if min(shape[:2]) + 2 * layer["padding"] < layer["kernel_size"]:
        return
    for algorithm in possible_algorithms(layer):
        errors = nn.check_gradients(nn.Conv2D(**layer, algorithm=algorithm), X)
        assert set(errors) == {"X", "weight", "bias"}
        assert max(errors.values()) < 1e-6


def test_reference_is_the_sum_over_windows(generator):
    X, W = generator.standard_normal((2, 5, 6, 3)), generator.standard_normal((3, 3, 3, 4))
    Y = reference.convolve(X, W, stride=2, padding=1)
    padded = np.zeros((2, 7, 8, 3))
    padded[:, 1:-1, 1:-1] = X
    for n, y, x, o in np.ndindex(Y.shape):
        window = padded[n, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
        assert Y[n, y, x, o] == pytest.approx((window * W[..., o]).sum())


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "expected"),
    [(28, 3, 1, 0, 26), (28, 5, 2, 2, 14), (7, 2, 2, 0, 3), (1, 3, 1, 1, 1), (5, 5, 3, 0, 1)],
)
def test_output_size_is_that_of_the_formula(size, kernel, stride, padding, expected):
    layer = nn.Conv2D(4, kernel, stride, padding)
    assert layer.build((size, size + stride, 2)) == (expected, expected + 1, 4)


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([nn.Conv2D(4, 5)], (4, 9, 1), r"Conv2D\(4, 5\).*5×5.*\(4, 9, 1\)"),
        ([nn.Conv2D(4, 3)], (784,), r"Conv2D\(4, 3\).*\(height, width, channels\).*\(784,\)"),
        ([nn.MaxPool2D(3), nn.MaxPool2D(3)], (5, 5, 2), r"MaxPool2D\(3\).*3×3.*\(1, 1, 2\)"),
        ([nn.Flatten(), nn.GlobalAveragePool2D()], (5, 5, 2), r"GlobalAveragePool2D.*\(50,\)"),
        ([nn.Conv2D(4, 3), nn.Dense(3)], (5, 5, 2), r"Dense.*\(3, 3, 4\).*flatten"),
    ],
)
def test_layers_that_do_not_fit_are_named_with_the_shape(layers, shape, message):
    with pytest.raises(ValueError, match=message):
        nn.Network(layers, nn.SquaredError(), shape)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2D(0, 3),
        lambda: nn.Conv2D(3, 0),
        lambda: nn.Conv2D(3, 3, stride=0),
        lambda: nn.Conv2D(3, 3, padding=-1),
        lambda: nn.Conv2D(3, 2.5),
        lambda: nn.Conv2D(3, 3, algorithm="fft"),
        lambda: nn.MaxPool2D(0),
        lambda: nn.AveragePool2D(2, stride=0),
    ],
)
def test_wrong_parameters_are_refused(make):
    with pytest.raises(ValueError, match=r"Conv2D|MaxPool2D|AveragePool2D"):
        make()


@pytest.mark.parametrize(
    ("shape", "weight", "stride", "padding", "kind"),
    [
        ((24, 24, 32), (3, 3, 32, 32), 1, 0, Winograd),
        ((24, 24, 32), (5, 5, 32, 32), 2, 2, Winograd),
        ((28, 28, 1), (3, 3, 1, 32), 1, 0, Columns),
        ((24, 24, 32), (7, 7, 32, 32), 1, 0, Columns),
        ((24, 24, 32), (3, 3, 32, 32), 1, 3, Columns),
        ((24, 24, 32), (1, 1, 32, 32), 1, 0, Columns),
    ],
)
def test_the_rule_takes_winograd_where_it_can_and_gains(shape, weight, stride, padding, kind):
    chosen = choose("auto", shape, weight, stride, padding, np.dtype(np.float32))
    assert type(chosen) is kind


@pytest.mark.parametrize(
    ("shape", "n_filters", "kind"),
    [((4, 4, 64), 128, OneImage), ((26, 26, 32), 32, Winograd), ((28, 28, 1), 16, Columns)],
)
def test_one_small_image_of_many_channels_is_convolved_directly(shape, n_filters, kind):
    weight = (3, 3, shape[2], n_filters)
    chosen = choose("auto", shape, weight, 1, 0, np.dtype(np.float32), one_image=True)
    assert type(chosen) is kind


def test_the_algorithm_can_be_forced():
    arguments = ((4, 4, 32), (3, 3, 32, 32), 1, 0, np.dtype(np.float32), True)
    assert type(choose("columns", *arguments)) is Columns
    assert type(choose("winograd", *arguments)) is Winograd
    with pytest.raises(ValueError, match="kernel size 7"):
        choose("winograd", (9, 9, 2), (7, 7, 2, 2), 1, 0, np.dtype(np.float32))


def test_kernels_refuse_images_of_another_shape(generator):
    X = generator.standard_normal((1, 6, 7, 2, 3))
    for kernel in (
        Winograd((7, 6, 3), (3, 3, 3, 2), 1, 0, 2, np.float64),
        Columns((7, 6, 3), (3, 3, 3, 2), 1, 0),
        OneImage((7, 6, 3), (3, 3, 3, 2), 1, 0),
    ):
        memory = ImageMemory(None, Arena(), np.float64, True)
        kernel.start(np.zeros((3, 3, 3, 2)), memory, training=True)
        with pytest.raises(ValueError, match=r"\(7, 6, 3\)"):
            kernel.forward(X, np.zeros((1, 5, 4, 2, 2)), memory)


def test_weights_are_of_keras_shape_and_he_scaled():
    layer = nn.Network([nn.Conv2D(64, 5)], nn.SquaredError(), (9, 9, 32)).layers[0]
    assert layer.values["weight"].shape == (5, 5, 32, 64)
    assert layer.values["weight"].std() == pytest.approx((2 / (25 * 32)) ** 0.5, rel=0.05)
    np.testing.assert_array_equal(layer.values["bias"], 0)


def test_multiply_adds_count_the_windows():
    layer = nn.Conv2D(4, 3, padding=1)
    layer.build((5, 6, 2))
    assert layer.multiply_adds() == 5 * 6 * 9 * 2 * 4
