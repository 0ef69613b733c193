"""Output heads: values, gradients, weights and extremes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer import nn
from digit_recognizer.nn.losses import softmax_cross_entropy
from digit_recognizer.nn.testing.gradients import numerical_gradient, relative_error


def evaluate(loss, Z, y, sample_weight=None):
    """Loss and gradient, with Z left as it is."""
    return loss.loss_and_gradient(Z.copy(), y, sample_weight, nn.Memory(Z.dtype, training=True))


def softmax_loss(Z, y, smoothing):
    P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    Q = (1 - smoothing) * np.eye(Z.shape[1])[y] + smoothing / Z.shape[1]
    return -(Q * np.log(P)).sum(axis=1)


def sigmoid_loss(Z, y, smoothing):
    P = 1 / (1 + np.exp(-Z))
    Q = (1 - smoothing) * y + smoothing / 2
    return -(Q * np.log(P) + (1 - Q) * np.log(1 - P)).sum(axis=1)


def poisson_loss(Z, y):
    entropy = np.array([[v * np.log(v) if v else 0.0 for v in row] for row in y])
    return (entropy - y * Z - y + np.exp(Z)).sum(axis=1)


FORMULAS = {
    nn.SoftmaxCrossEntropy: lambda loss, Z, y: softmax_loss(Z, y, loss.label_smoothing),
    nn.BinaryCrossEntropy: lambda loss, Z, y: sigmoid_loss(Z, y, loss.label_smoothing),
    nn.SquaredError: lambda loss, Z, y: ((Z - y) ** 2).sum(axis=1) / 2,
    nn.PoissonDeviance: lambda loss, Z, y: poisson_loss(Z, y),
}


def test_loss_is_the_mean_of_its_formula(loss, make_targets, generator):
    Z, y = generator.standard_normal((9, 4)), make_targets(loss, 9, 4, generator)
    expected = FORMULAS[type(loss)](loss, Z, y).mean()
    assert evaluate(loss, Z, y)[0] == pytest.approx(expected, rel=1e-12)


def test_loss_with_weights_is_the_weighted_mean(loss, make_targets, generator):
    Z, y = generator.standard_normal((9, 4)), make_targets(loss, 9, 4, generator)
    weights = generator.uniform(0, 3, size=9)
    expected = np.average(FORMULAS[type(loss)](loss, Z, y), weights=weights)
    assert evaluate(loss, Z, y, weights)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 2, 5])
def test_gradient_equals_finite_differences(loss, weighted, n_outputs, make_targets, generator):
    Z, y = generator.standard_normal((6, n_outputs)), make_targets(loss, 6, n_outputs, generator)
    weights = generator.uniform(0, 3, size=6) if weighted else None
    _, gradient = evaluate(loss, Z, y, weights)
    numeric = numerical_gradient(lambda: evaluate(loss, Z, y, weights)[0], Z)
    if isinstance(loss, nn.SoftmaxCrossEntropy) and n_outputs == 1:
        np.testing.assert_allclose(gradient, 0, atol=1e-15)
    else:
        assert relative_error(gradient, numeric) < 1e-6


def test_gradient_is_prediction_minus_target(loss, make_targets, generator):
    Z, y = generator.standard_normal((1, 4)), make_targets(loss, 1, 4, generator)
    smoothing = getattr(loss, "label_smoothing", 0.0)
    if isinstance(loss, nn.SoftmaxCrossEntropy):
        target = (1 - smoothing) * np.eye(4)[y] + smoothing / 4
    else:
        target = (1 - smoothing) * y + smoothing / 2
    _, gradient = evaluate(loss, Z, y)
    np.testing.assert_allclose(gradient, loss.activate(Z.copy()) - target, atol=1e-14)


def test_a_weight_of_2_counts_like_a_repeated_row(loss, make_targets, generator):
    Z, y = generator.standard_normal((4, 3)), make_targets(loss, 4, 3, generator)
    repeated = [0, 1, 1, 2, 3]
    weighted, _ = evaluate(loss, Z, y, np.array([1.0, 2.0, 1.0, 1.0]))
    assert weighted == pytest.approx(evaluate(loss, Z[repeated], y[repeated])[0], rel=1e-12)


def test_a_batch_without_weight_gives_no_loss_and_no_gradient(loss, make_targets, generator, dtype):
    Z = generator.standard_normal((4, 3)).astype(dtype)
    y = make_targets(loss, 4, 3, generator, dtype)
    value, gradient = evaluate(loss, Z, y, np.zeros(4, dtype))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("size", [1e4, 1e30])
@pytest.mark.parametrize("name", ["softmax", "smoothed softmax", "sigmoid", "smoothed sigmoid"])
def test_huge_logits_give_finite_losses_gradients_and_probabilities(name, size, losses, dtype):
    loss = losses[name]()
    Z = np.array([[size, -size], [-size, size], [0, 0]], dtype=dtype)
    y = np.array([0, 0, 1]) if "softmax" in name else np.array([[1, 0], [1, 1], [0, 0]], dtype)
    value, gradient = evaluate(loss, Z, y)
    probabilities = loss.activate(Z.copy())
    assert size / 10 < value < 10 * size
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(probabilities, [[1, 0], [0, 1], [0.5, 0.5]], rtol=1e-6)
    if "sigmoid" in name:
        assert (probabilities < 1).all()


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_logits_that_are_sure_and_right_cost_nothing(size, losses, dtype):
    Z = np.array([[size, -size], [-size, size]], dtype=dtype)
    assert evaluate(losses["softmax"](), Z, np.array([0, 1]))[0] == 0
    assert evaluate(losses["sigmoid"](), Z, np.eye(2, dtype=dtype))[0] == 0


def test_far_squared_errors_are_finite(dtype):
    Z = np.array([[1e4, -1e4]], dtype=dtype)
    value, gradient = evaluate(nn.SquaredError(), Z, np.zeros_like(Z))
    assert value == pytest.approx(1e8)
    np.testing.assert_array_equal(gradient, Z)


def test_poisson_takes_zeros_and_vanishing_rates(dtype):
    Z = np.array([[-1e30], [-1e4], [0.0], [50.0]], dtype=dtype)
    y = np.zeros_like(Z)
    value, gradient = evaluate(nn.PoissonDeviance(), Z, y)
    assert value == pytest.approx((1 + np.exp(50)) / 4, rel=1e-5)
    np.testing.assert_allclose(gradient.ravel(), np.array([0, 0, 1, np.exp(50)]) / 4, rtol=1e-5)


def test_poisson_loss_of_a_rate_past_the_largest_float_is_infinite_never_nan(dtype):
    Z = np.array([[1e4], [1e4]], dtype=dtype)
    with np.errstate(over="ignore"):
        value, _ = evaluate(nn.PoissonDeviance(), Z, np.array([[0.0], [3.0]], dtype))
    assert value == np.inf


@pytest.mark.parametrize("name", ["squared error", "poisson"])
def test_a_prediction_that_equals_its_target_costs_nothing(name, losses):
    y = np.array([[1.0, 2.0], [3.0, 4.0]])
    Z = np.log(y) if name == "poisson" else y
    value, gradient = evaluate(losses[name](), Z, y)
    assert value == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(gradient, 0, atol=1e-14)


def test_predictions_are_what_the_name_of_the_output_activation_says(loss, generator):
    Z = generator.standard_normal((5, 3))
    formula = {
        "softmax": lambda: np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True),
        "logistic": lambda: 1 / (1 + np.exp(-Z)),
        "identity": lambda: Z,
        "exp": lambda: np.exp(Z),
    }[loss.output_activation]
    np.testing.assert_allclose(loss.activate(Z.copy()), formula(), rtol=1e-12)


def test_smoothing_0_changes_nothing(losses, make_targets, generator):
    for make in (nn.SoftmaxCrossEntropy, nn.BinaryCrossEntropy):
        Z, y = generator.standard_normal((5, 3)), make_targets(make(), 5, 3, generator)
        assert evaluate(make(0.0), Z, y)[0] == evaluate(make(), Z, y)[0]
        assert evaluate(make(0.3), Z, y)[0] != evaluate(make(), Z, y)[0]


@given(
    st.sampled_from(["softmax", "smoothed softmax", "sigmoid", "squared error", "poisson"]),
    st.integers(1, 7),
    st.integers(1, 6),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_any_shape_gives_finite_values_in_the_dtype(
    losses, make_targets, name, n, n_outputs, dtype, weighted
):
    loss, generator = losses[name](), np.random.default_rng(n)
    Z = generator.standard_normal((n, n_outputs)).astype(dtype)
    y = make_targets(loss, n, n_outputs, generator, dtype)
    if y.ndim == 1 and n_outputs > 1:
        y %= n_outputs - 1  # the last class is missing from the batch
    weights = generator.uniform(0, 2, n).astype(dtype) if weighted else None
    value, gradient = evaluate(loss, Z, y, weights)
    assert np.isfinite(value)
    assert value > -1e-6
    assert gradient.shape == Z.shape
    assert gradient.dtype == loss.activate(Z).dtype == dtype
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_soft_targets_equals_finite_differences(weighted, label_smoothing, generator):
    loss = nn.SoftmaxCrossEntropy(label_smoothing)
    Z, targets = generator.standard_normal((6, 4)), generator.dirichlet(np.ones(4), 6)
    weights = generator.uniform(0, 3, size=6) if weighted else None
    _, gradient = evaluate(loss, Z, targets, weights)
    numeric = numerical_gradient(lambda: evaluate(loss, Z, targets, weights)[0], Z)
    assert relative_error(gradient, numeric) < 1e-6


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_one_hot_targets_give_the_bytes_of_classes(label_smoothing, dtype, generator):
    loss = nn.SoftmaxCrossEntropy(label_smoothing)
    Z = (3 * generator.standard_normal((50, 10))).astype(dtype)
    y = generator.integers(0, 10, 50)
    value, gradient = evaluate(loss, Z, y)
    for targets in (np.eye(10, dtype=dtype)[y], np.eye(10, dtype=int)[y]):
        soft_value, soft_gradient = evaluate(loss, Z, targets)
        assert soft_value == value
        np.testing.assert_array_equal(soft_gradient, gradient)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
@pytest.mark.parametrize("is_soft", [False, True])
def test_softmax_cross_entropy_is_its_equations(
    is_soft, label_smoothing, dtype, tolerance, generator
):
    Z = (3 * generator.standard_normal((200, 10))).astype(dtype)
    y = generator.dirichlet(np.ones(10), 200) if is_soft else generator.integers(0, 10, 200)
    losses, gradient = softmax_cross_entropy(Z, y, label_smoothing)
    memory = nn.Memory(dtype, training=True)
    loss, dZ = nn.SoftmaxCrossEntropy(label_smoothing).loss_and_gradient(Z.copy(), y, None, memory)
    assert loss == pytest.approx(losses.mean(), rel=10 * tolerance)
    np.testing.assert_allclose(dZ, gradient / 200, atol=tolerance)
