"""Sample weights: repeated rows, rows left out, no weight at all."""

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EXACT = {"hidden_layer_sizes": (), "solver": "lbfgs", "tol": 1e-7, "max_iter": 5000, "alpha": 1.0}


def whole_batches(n):
    return {"batch_size": n, "shuffle": False, "max_iter": 8, "random_state": 0, "alpha": 2.0}


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw"])
def test_a_weight_of_2_is_a_repeated_row(problem, solver, assert_same_model):
    make, X, y = problem
    doubled = np.arange(0, len(X), 3)
    weight = np.ones(len(X))
    weight[doubled] = 2
    rows = np.sort(np.concatenate([np.arange(len(X)), doubled]))
    options = {"solver": solver, "activation": "tanh"}
    weighted = make(**options, **whole_batches(len(X))).fit(X, y, sample_weight=weight)
    repeated = make(**options, **whole_batches(len(rows))).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)
    assert_same_model(weighted, repeated, rtol=1e-6, atol=1e-8)


def test_lbfgs_leaves_out_rows_without_weight(problem, assert_same_model):
    make, X, y = problem
    weight = (np.arange(len(X)) % 4 > 0).astype(float)
    kept = weight > 0
    weighted = make(random_state=0, **EXACT).fit(X, y, sample_weight=weight)
    left_out = make(random_state=0, **EXACT).fit(X[kept], y[kept])
    # The loss_ of several targets is not what is minimized, and so not flat at the end.
    assert weighted.loss_ == pytest.approx(left_out.loss_, rel=1e-5)
    assert_same_model(weighted, left_out, atol=1e-4)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_whole_batches_leave_out_rows_without_weight(problem, solver, assert_same_model):
    make, X, y = problem
    weight = (np.arange(len(X)) % 4 > 0).astype(float)
    kept = weight > 0
    options = {"solver": solver, "activation": "tanh"}
    weighted = make(**options, **whole_batches(len(X))).fit(X, y, sample_weight=weight)
    left_out = make(**options, **whole_batches(kept.sum())).fit(X[kept], y[kept])
    assert_same_model(weighted, left_out, rtol=1e-6, atol=1e-8)


def test_weights_of_1_change_nothing(problem, assert_same_model):
    make, X, y = problem
    options = {"max_iter": 4, "random_state": 0, "batch_size": 40}
    weighted = make(**options).fit(X, y, sample_weight=np.ones(len(X)))
    assert_same_model(weighted, make(**options).fit(X, y), rtol=1e-7, atol=1e-9)


def test_the_size_of_weights_does_not_matter_without_a_penalty(problem):
    make, X, y = problem
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    options = {"max_iter": 4, "random_state": 0, "alpha": 0.0}
    small, large = (make(**options).fit(X, y, sample_weight=w) for w in (weight, 100 * weight))
    np.testing.assert_allclose(small.loss_curve_, large.loss_curve_, rtol=1e-9)


def test_partial_fit_takes_weights(both, assert_same_model):
    make, X, y = both
    weight = np.random.default_rng(0).uniform(0, 2, len(X))
    classes = {"classes": np.unique(y)} if make is NumpyNetClassifier else {}
    options = {"max_iter": 1, "random_state": 0}
    parts = make(**options).partial_fit(X, y, sample_weight=weight, **classes)
    assert_same_model(parts, make(**options).fit(X, y, sample_weight=weight))
    assert (parts.coefs_[0] != make(**options).fit(X, y).coefs_[0]).any()


def test_a_batch_without_weight_teaches_nothing(problem, assert_same_model):
    make, X, y = problem
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order], y[order]
    weight = np.repeat([0.0, 1.0], [50, len(X) - 50])
    # Plain steps have no momentum that would go on through the empty batch.
    options = {"solver": "sgd", "momentum": 0, "batch_size": 50, "shuffle": False, "alpha": 1.0}
    options |= {"max_iter": 5, "random_state": 0, "activation": "tanh"}
    weighted = make(**options).fit(X, y, sample_weight=weight)
    assert_same_model(weighted, make(**options).fit(X[50:], y[50:]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_do_not_change_the_dtype(diabetes, dtype):
    X, y = diabetes
    reg = NumpyNetRegressor(max_iter=2).fit(X.astype(dtype), y, sample_weight=np.ones(len(X)))
    assert reg.predict(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_common_factor_of_weights_may_be_negative(problem, solver, assert_same_model):
    make, X, y = problem
    given = (-np.ones(len(X)), np.ones(len(X)))
    options = {"solver": solver, "max_iter": 5, "alpha": 0.0, "random_state": 0}
    negative, positive = (make(**options).fit(X, y, weights) for weights in given)
    assert_same_model(negative, positive, rtol=1e-7, atol=1e-9)
