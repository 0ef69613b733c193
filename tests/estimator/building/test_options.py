"""What the parameters beyond scikit-learn's change."""

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.nn import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# So small a step that the model stays what it was drawn as.
STILL = {"learning_rate_init": 1e-13, "max_iter": 2, "random_state": 0}
# So many that statistics, which take a tenth of each batch's, reach the batch's.
SLOW = {"max_iter": 100, "n_iter_no_change": np.inf}


def test_dropout_acts_in_training_and_not_in_prediction(both):
    make, X, y = both
    plain, dropped = make(**STILL).fit(X, y), make(dropout=0.5, **STILL).fit(X, y)
    np.testing.assert_allclose(dropped.predict(X[:9]), plain.predict(X[:9]), rtol=1e-6)
    assert plain.loss_curve_[0] == pytest.approx(plain.loss_curve_[1], rel=1e-6)
    assert dropped.loss_curve_[0] != pytest.approx(dropped.loss_curve_[1], rel=1e-3)
    assert dropped.loss_ > 1.01 * plain.loss_


def test_dropout_holds_back_what_is_learnt_by_heart(both):
    make, X, y = both
    y = np.random.default_rng(0).permutation(y)
    options = {"learning_rate_init": 0.01, "max_iter": 60, "random_state": 0}
    plain, dropped = make(**options).fit(X, y), make(dropout=0.7, **options).fit(X, y)
    assert dropped.score(X, y) < plain.score(X, y)


def test_batch_norm_makes_the_scale_of_the_features_irrelevant(both):
    make, X, y = both
    for batch_norm in (False, True):
        small, large = (
            make(batch_norm=batch_norm, **STILL).fit(scale * X, y) for scale in (1, 100)
        )
        assert (large.loss_ == pytest.approx(small.loss_, rel=1e-3)) == batch_norm


def test_batch_norm_replaces_the_biases_of_hidden_layers(both):
    make, X, y = both
    model = make(batch_norm=True, hidden_layer_sizes=(5, 4), max_iter=20).fit(X, y)
    assert not model.intercepts_[0].any()
    assert not model.intercepts_[1].any()
    assert model.intercepts_[2].any()
    assert [bias.shape for bias in model.intercepts_[:2]] == [(5,), (4,)]


def test_batch_norm_predicts_with_what_it_saw_in_training(both):
    make, X, y = both
    model = make(batch_norm=True, batch_size=len(X), **STILL | SLOW).fit(X, y)
    shifted = model.predict(X + 5)
    assert (shifted != model.predict(X)).any()
    if not hasattr(model, "predict_proba"):
        residual = model.predict(X) - y
        assert (residual**2).mean() / 2 == pytest.approx(model.loss_, rel=0.02)


def test_label_smoothing_keeps_probabilities_from_the_ends(iris):
    X, y = iris
    X = np.eye(3)[y]  # separable: without smoothing, the surer the better
    options = {"solver": "lbfgs", "alpha": 0.0, "tol": 1e-7, "max_iter": 2000}
    for target, n_classes in ((y, 3), (y == 0, 2)):
        clf = NumpyNetClassifier((), label_smoothing=0.3, **options).fit(X, target)
        probabilities = clf.predict_proba(X)
        np.testing.assert_allclose(probabilities.max(axis=1), 0.7 + 0.3 / n_classes, atol=1e-3)
        np.testing.assert_allclose(probabilities.min(axis=1), 0.3 / n_classes, atol=1e-3)
        clf = NumpyNetClassifier((), **options).fit(X, target)
        assert clf.predict_proba(X).max(axis=1).min() > 0.999


def test_adamw_without_decay_is_adam(both, assert_same_model):
    make, X, y = both
    options = {"max_iter": 5, "random_state": 0}
    adamw = make(solver="adamw", weight_decay=0.0, **options).fit(X, y)
    assert_same_model(adamw, make(solver="adam", **options).fit(X, y))


def test_adamw_shrinks_the_weights_by_its_decay_and_not_the_biases(both):
    make, X, y = both
    options = {"random_state": 0, "batch_size": len(X), "max_iter": 1, "alpha": 0.0}
    start = make(learning_rate_init=1e-15, **options).fit(X, y)
    options["learning_rate_init"] = 1e-3
    plain, decayed = (
        make(solver="adamw", weight_decay=decay, **options).fit(X, y) for decay in (0.0, 50.0)
    )
    for first, without, with_decay in zip(start.coefs_, plain.coefs_, decayed.coefs_, strict=True):
        np.testing.assert_allclose(with_decay, without - 1e-3 * 50 * first, atol=1e-9)
    for without, with_decay in zip(plain.intercepts_, decayed.intercepts_, strict=True):
        np.testing.assert_array_equal(with_decay, without)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_weight_decay_acts_on_adamw_only(both, solver, assert_same_model):
    make, X, y = both
    options = {"solver": solver, "max_iter": 2, "random_state": 0}
    assert_same_model(make(weight_decay=5.0, **options).fit(X, y), make(**options).fit(X, y))


@pytest.mark.parametrize(
    ("options", "optimizer"),
    [
        ({"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False}, nn.SGD(0.5, False)),
        ({"solver": "sgd", "momentum": 0.7}, nn.SGD(0.7, True)),
        (
            {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2},
            nn.Adam(0.5, 0.9, 1e-2),
        ),
        (
            {"solver": "adamw", "beta_1": 0.8, "beta_2": 0.7, "epsilon": 1e-3, "weight_decay": 2},
            nn.AdamW(0.8, 0.7, 1e-3, weight_decay=2),
        ),
        (
            {"solver": "muon", "momentum": 0.5, "nesterovs_momentum": False, "weight_decay": 2},
            nn.Muon(0.5, False, weight_decay=2),
        ),
        (
            {"solver": "muon", "momentum": 0.7, "beta_1": 0.8, "beta_2": 0.7, "epsilon": 1e-3},
            nn.Muon(0.7, True, 0.8, 0.7, 1e-3, weight_decay=0.01),
        ),
    ],
    ids=lambda value: value["solver"] if isinstance(value, dict) else "",
)
def test_parameters_of_the_optimizer_reach_it(diabetes, options, optimizer):
    X, y = diabetes
    common = {"hidden_layer_sizes": (7,), "activation": "tanh", "batch_size": len(X)}
    common |= {"shuffle": False, "random_state": 0, "alpha": 0.0}
    start = NumpyNetRegressor(**common, learning_rate_init=1e-15, max_iter=1).fit(X, y)
    reg = NumpyNetRegressor(**common, **options, learning_rate_init=0.01, max_iter=6).fit(X, y)

    layers = [nn.Dense(7), nn.Tanh(), nn.Dense(1)]
    network = nn.Network(layers, nn.SquaredError(), X.shape[1:], np.float64)
    dense = network.layers[::2]
    for layer, weight, bias in zip(dense, start.coefs_, start.intercepts_, strict=True):
        layer.values["weight"][...], layer.values["bias"][...] = weight, bias
    plan = nn.TrainingPlan(optimizer, nn.Constant(0.01), len(X), 6, shuffle=False)
    list(network.fit_epochs(X, y[:, np.newaxis], plan, np.random.default_rng(0)))
    for layer, weight in zip(dense, reg.coefs_, strict=True):
        np.testing.assert_allclose(weight, layer.values["weight"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_ema_decay_predicts_with_the_average_of_the_steps(both, batch_norm):
    make, X, y = both
    options = {"batch_size": len(X), "max_iter": 12, "learning_rate_init": 0.01}
    options |= {"random_state": 0, "batch_norm": batch_norm}
    model, averages = make(ema_decay=0.6, **options), []
    for _ in model.fit_epochs(X, y):
        averages.append(model.coefs_[0].copy())
    plain, points = make(**options), []
    for _ in plain.fit_epochs(X, y):
        points.append(plain.coefs_[0].copy())
    expected = points[0]
    for t, (point, average) in enumerate(zip(points, averages, strict=True)):
        decay = min(0.6, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * point
        np.testing.assert_allclose(average, expected, rtol=1e-9)
    np.testing.assert_array_equal(model.coefs_[0], averages[-1])
    assert model.loss_curve_ == plain.loss_curve_


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_learns(both, activation):
    make, X, y = both
    options = {"learning_rate_init": 0.02, "max_iter": 40, "random_state": 0}
    score = make(activation=activation, **options).fit(X, y).score(X, y)
    assert score > (0.9 if make is NumpyNetClassifier else 0.4)


def test_no_two_activations_learn_the_same(both):
    make, X, y = both
    models = (make(activation=name, max_iter=2, random_state=0) for name in ACTIVATIONS)
    assert len({model.fit(X, y).loss_ for model in models}) == len(ACTIVATIONS)


def test_without_intercepts_all_biases_stay_zero(both):
    make, X, y = both
    for layers in ({}, {"architecture": "9N-R-5N-T"}, {"architecture": [nn.Dense(4, bias=False)]}):
        model = make(fit_intercept=False, **layers, max_iter=3, random_state=0).fit(X, y)
        assert not any(bias.any() for bias in model.intercepts_)
        assert model.summary().n_parameters == sum(weights.size for weights in model.coefs_)


def test_an_initializer_draws_all_weights_and_leaves_biases_zero(both):
    make, X, y = both

    def constant(generator, shape, fan_in, fan_out):
        return np.full(shape, 1 / (fan_in + fan_out))

    for layers in ({"hidden_layer_sizes": (6, 4)}, {"architecture": "6N-R-4N-R"}):
        model = make(initializer=constant, **layers, **STILL).fit(X, y)
        for weights, bias in zip(model.coefs_, model.intercepts_, strict=True):
            np.testing.assert_allclose(weights, 1 / sum(weights.shape), rtol=1e-9)
            assert np.abs(bias).max() < 1e-9


def test_an_initializer_by_name_or_by_its_formula_draws_the_same(both):
    make, X, y = both
    by_name, by_formula, other = (
        make(initializer=initializer, **STILL).fit(X, y).coefs_[0]
        for initializer in ("he_normal", nn.VarianceScaling(2.0), "product_uniform")
    )
    np.testing.assert_array_equal(by_name, by_formula)
    assert np.abs(other).max() <= 1 / np.sqrt(other.size)


def test_max_steps_end_a_fit_without_a_warning_and_say_how_many_rows_it_saw(both):
    make, X, y = both
    steps = []
    model = make(max_steps=7, batch_size=50, max_iter=90, random_state=0)
    records = list(model.fit_epochs(X, y, on_step=lambda clock, *_: steps.append(clock.step)))
    assert steps == list(range(1, 8))
    assert (len(records), model.n_iter_, model.t_) == (3, 3, 350)
    assert make(max_steps=7, batch_size=50, max_iter=2).fit(X, y).t_ == 300


def test_a_batch_of_all_rows_takes_a_step_an_epoch(both):
    make, X, y = both
    steps = []
    model = make(batch_size="all", max_iter=4, solver="sgd", random_state=0)
    list(model.fit_epochs(X, y, on_step=lambda clock, *_: steps.append(clock.epoch)))
    assert steps == [0, 1, 2, 3]
    of_n = make(batch_size=len(X), max_iter=4, solver="sgd", random_state=0).fit(X, y)
    np.testing.assert_array_equal(of_n.coefs_[0], model.coefs_[0])


def test_summed_losses_are_steps_as_many_times_as_long(both):
    make, X, y = both
    options = {"batch_size": "all", "solver": "sgd", "max_iter": 5, "random_state": 0}
    summed = make(reduction="sum", learning_rate_init=1e-4, **options).fit(X, y)
    mean = make(learning_rate_init=1e-4 * len(X), **options).fit(X, y)
    np.testing.assert_allclose(summed.coefs_[0], mean.coefs_[0], rtol=1e-6)
    assert summed.loss_ == pytest.approx(mean.loss_)
