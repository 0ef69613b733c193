"""L-BFGS: the same minimum as scikit-learn, and the same objective however it is computed."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from digit_recognizer import nn
from digit_recognizer.estimator.fitting import lbfgs
from digit_recognizer.estimator.fitting.lbfgs import Objective, minimize_lbfgs

# scikit-learn's own use of L-BFGS, where it is older than SciPy.
pytestmark = pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
HIDDEN = [nn.Dense(6), nn.Tanh()]


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def minimize(layers, loss, X, y, alpha, seed=0, **options):
    network = nn.Network([*layers, nn.Dense(loss[1])], loss[0], X.shape[1:], X.dtype, seed)
    objective = Objective(network, X, y, None, alpha)
    result = minimize_lbfgs(objective, max_iter=5000, max_fun=50000, tol=1e-7, **options)
    return network, result


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), y


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


@pytest.fixture
def objective_parts(generator):
    X = generator.standard_normal((23, 4))
    X[X < 0] = 0
    return X, generator.integers(3, size=23), generator.uniform(0, 2, 23)


def make_objective(X, y, sample_weight=None, alpha=0.5):
    layers = [*HIDDEN, nn.Dense(3)]
    network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (4,), np.float64)
    return Objective(network, X, y, sample_weight, alpha)


def evaluate(objective):
    n = objective.network.parameters.n_trainable
    return objective(np.random.default_rng(9).standard_normal(n))


@pytest.mark.parametrize(("alpha", "tolerance"), [(1e-4, None), (1.0, 1e-3), (10.0, 1e-4)])
def test_linear_softmax_on_iris_reaches_the_loss_and_weights_of_scikit_learn(
    iris, alpha, tolerance
):
    options = {"solver": "lbfgs", "alpha": alpha, "tol": 1e-7, "max_iter": 5000}
    peer = MLPClassifier((), random_state=1, **options).fit(*iris)
    network, result = minimize([], (nn.SoftmaxCrossEntropy(), 3), *iris, alpha)
    assert result.fun == pytest.approx(peer.loss_, rel=1e-3)
    if tolerance:  # a weaker penalty leaves the weights a long flat valley
        weight = network.layers[0].values["weight"]
        np.testing.assert_allclose(weight, peer.coefs_[0], atol=tolerance)


@pytest.mark.parametrize("alpha", [1e-2, 10.0])
def test_linear_regression_on_diabetes_reaches_the_loss_and_weights_of_scikit_learn(
    diabetes, alpha
):
    options = {"solver": "lbfgs", "alpha": alpha, "tol": 1e-7, "max_iter": 5000}
    peer = MLPRegressor(hidden_layer_sizes=(), random_state=1, **options).fit(*diabetes)
    X, y = diabetes
    network, result = minimize([], (nn.SquaredError(), 1), X, y[:, np.newaxis], alpha)
    assert result.fun == pytest.approx(peer.loss_, rel=1e-6)
    np.testing.assert_allclose(network.layers[0].values["weight"], peer.coefs_[0], atol=1e-3)
    np.testing.assert_allclose(network.layers[0].values["bias"], peer.intercepts_[0], atol=1e-3)


def test_hidden_identity_layers_on_diabetes_reach_the_loss_of_scikit_learn(diabetes):
    options = {"activation": "identity", "solver": "lbfgs", "tol": 1e-7, "max_iter": 5000}
    peer = MLPRegressor(hidden_layer_sizes=(5,), random_state=1, **options).fit(*diabetes)
    X, y = diabetes
    _, result = minimize([nn.Dense(5)], (nn.SquaredError(), 1), X, y[:, np.newaxis], 1e-4)
    assert result.fun == pytest.approx(peer.loss_, abs=1e-3)


def test_ridge_regression_has_its_closed_form(diabetes):
    X, y = diabetes  # centred, so that the bias is 0
    alpha = 30.0
    network, _ = minimize([], (nn.SquaredError(), 1), X, y[:, np.newaxis], alpha)
    expected = np.linalg.solve(X.T @ X + alpha * np.eye(X.shape[1]), X.T @ y)
    np.testing.assert_allclose(network.layers[0].values["weight"][:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_of_the_objective_equals_finite_differences(objective_parts, weighted):
    X, y, weights = objective_parts
    objective = make_objective(X, y, weights if weighted else None)
    values = np.random.default_rng(9).standard_normal(objective.network.parameters.n_trainable)
    _, gradient = objective(values)
    for index in range(0, len(values), 5):
        step = 1e-6 * (np.arange(len(values)) == index)
        slope = (objective(values + step)[0] - objective(values - step)[0]) / 2e-6
        used = objective.network.parameters.values[index] != 0
        assert not used or gradient[index] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("block_rows", [1, 5, 22])
def test_evaluation_in_blocks_equals_evaluation_at_once(
    objective_parts, weighted, block_rows, monkeypatch
):
    X, y, weights = objective_parts
    weights[:5] = 0  # a block without weight
    weights = weights if weighted else None
    whole = evaluate(make_objective(X, y, weights))
    monkeypatch.setattr(lbfgs, "BLOCK_ROWS", block_rows)
    loss, gradient = evaluate(make_objective(X, y, weights))
    assert loss == pytest.approx(whole[0], rel=1e-13)
    np.testing.assert_allclose(gradient, whole[1], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
def test_sparse_data_give_the_same_objective(objective_parts, make, monkeypatch):
    X, y, weights = objective_parts
    monkeypatch.setattr(lbfgs, "BLOCK_ROWS", 10)
    dense = evaluate(make_objective(X, y, weights))
    loss, gradient = evaluate(make_objective(make(X), y, weights))
    assert loss == pytest.approx(dense[0], rel=1e-13)
    np.testing.assert_allclose(gradient, dense[1], rtol=1e-11, atol=1e-14)


def test_zero_weight_leaves_a_row_out(objective_parts):
    X, y, _ = objective_parts
    weights = np.ones(len(y))
    weights[::4] = 0
    kept = weights > 0
    loss, gradient = evaluate(make_objective(X, y, weights))
    expected = evaluate(make_objective(X[kept], y[kept]))
    assert loss == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-10, atol=1e-14)


def test_no_weight_at_all_gives_no_loss_and_no_gradient(objective_parts):
    X, y, _ = objective_parts
    loss, gradient = evaluate(make_objective(X, y, np.zeros(len(y))))
    assert loss == 0
    np.testing.assert_array_equal(gradient, 0)


def test_float32_network_is_minimized_in_float32(iris):
    X, y = iris
    network, result = minimize(
        [], (nn.SoftmaxCrossEntropy(), 3), X.astype(np.float32), y, alpha=1.0
    )
    exact = minimize([], (nn.SoftmaxCrossEntropy(), 3), X, y, alpha=1.0)[1]
    assert network.parameters.values.dtype == np.float32
    assert result.fun == pytest.approx(exact.fun, rel=1e-4)


def test_iterations_and_evaluations_are_limited(iris):
    network = nn.Network([*HIDDEN, nn.Dense(3)], nn.SoftmaxCrossEntropy(), (4,), np.float64)
    objective = Objective(network, *iris, None, 0.0)
    assert minimize_lbfgs(objective, max_iter=3, max_fun=1000, tol=0).nit == 3
    assert minimize_lbfgs(objective, max_iter=1000, max_fun=5, tol=0).nfev <= 25


def test_callback_hears_of_falling_losses(iris):
    heard = []

    def callback(intermediate_result):
        heard.append(intermediate_result.fun)

    _, result = minimize(HIDDEN, (nn.SoftmaxCrossEntropy(), 3), *iris, alpha=1.0, callback=callback)
    assert len(heard) == result.nit > 5
    assert heard == sorted(heard, reverse=True)


@pytest.mark.parametrize("max_fun", [2, 5, 50000])
def test_the_network_keeps_the_best_values_and_not_the_last_tried(iris, max_fun):
    network = nn.Network([*HIDDEN, nn.Dense(3)], nn.SoftmaxCrossEntropy(), (4,), np.float64)
    objective, tried = Objective(network, *iris, None, 1.0), []

    def first_then_far(values):
        tried.append(values.copy())
        loss, gradient = objective(values)
        # A steep first slope makes the line search try values that are too far.
        return (loss, 1e4 * gradient) if len(tried) == 1 else (loss, gradient)

    first_then_far.network = network
    result = minimize_lbfgs(first_then_far, max_iter=5000, max_fun=max_fun, tol=1e-7)
    values = network.parameters.values[: network.parameters.n_trainable]
    np.testing.assert_array_equal(values, result.x)
