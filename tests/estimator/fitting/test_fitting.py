"""Ways to fit: whole, in halves, in parts, epoch by epoch, interrupted, repeated."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from digit_recognizer import NumpyNetClassifier

unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# Nothing ends a training early.
ENDLESS = {"n_iter_no_change": np.inf, "random_state": 0}
STOCHASTIC = [
    {"solver": "adam"},
    {"solver": "adamw", "dropout": 0.3, "batch_norm": True},
    {"solver": "sgd", "batch_size": 32},
    {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5, "shuffle": False},
    {"ema_decay": 0.9},
]
stochastic = pytest.mark.parametrize("options", STOCHASTIC, ids=str)


# --- several fits --------------------------------------------------------------------------------


@unfinished
@stochastic
def test_warm_start_in_two_halves_equals_one_fit(both, options, assert_same_model):
    make, X, y = both
    whole = make(max_iter=10, **ENDLESS, **options).fit(X, y)
    halves = make(max_iter=5, warm_start=True, **ENDLESS, **options)
    halves.fit(X, y)
    assert halves.n_iter_ == 5
    halves.fit(X, y)
    assert halves.n_iter_ == 5
    assert halves.loss_curve_ == whole.loss_curve_
    assert halves.t_ == whole.t_ == 10 * len(X)
    assert_same_model(halves, whole)


@unfinished
@stochastic
def test_partial_fits_equal_the_epochs_of_one_fit(both, options, assert_same_model):
    make, X, y = both
    whole = make(max_iter=6, **ENDLESS, **options).fit(X, y)
    parts = make(**ENDLESS, **options)
    classes = {"classes": np.unique(y)} if make is NumpyNetClassifier else {}
    for _ in range(6):
        parts.partial_fit(X, y, **classes)
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.n_iter_ == 1
    assert_same_model(parts, whole)


@unfinished
def test_fit_forgets_the_last_fit_unless_warm(both, assert_same_model):
    make, X, y = both
    model = make(max_iter=3, random_state=0).fit(X, y)
    first = model.loss_curve_
    assert model.fit(X, y).loss_curve_ == first
    assert_same_model(model, make(max_iter=3, random_state=0).fit(X, y))


@unfinished
def test_a_warm_start_of_lbfgs_goes_on_from_its_weights(both):
    make, X, y = both
    model = make(solver="lbfgs", max_iter=4, warm_start=True, random_state=0)
    losses = [model.fit(X, y).loss_ for _ in range(4)]
    assert losses == sorted(losses, reverse=True)
    assert losses[3] < 0.9 * losses[0]


@unfinished
def test_a_changed_learning_rate_counts_from_the_next_warm_start(iris):
    clf = NumpyNetClassifier(max_iter=2, warm_start=True, learning_rate_init=0.01, random_state=0)
    clf.fit(*iris)
    before = clf.coefs_[0].copy()
    assert (clf.fit(*iris).coefs_[0] != before).all()
    before = clf.coefs_[0].copy()
    clf.set_params(learning_rate_init=1e-12).fit(*iris)
    np.testing.assert_allclose(clf.coefs_[0], before, atol=1e-9)


@unfinished
@pytest.mark.parametrize("options", [{}, {"ema_decay": 0.9}, {"early_stopping": True}], ids=str)
def test_a_warm_start_goes_on_from_the_weights_of_another_solver(both, options):
    make, X, y = both
    small = {"learning_rate_init": 1e-12, "warm_start": True, "random_state": 0}
    model = make(max_iter=2, **small, **options).fit(X, y)
    average = model.ema_decay
    model.set_params(solver="lbfgs", max_iter=60, ema_decay=None).fit(X, y)
    weights = [weight.copy() for weight in model.coefs_]
    model.set_params(solver="adam", max_iter=2, ema_decay=average).fit(X, y)
    for now, then in zip(model.coefs_, weights, strict=True):
        np.testing.assert_allclose(now, then, atol=1e-9)
    assert len(model.loss_curve_) == 2


@unfinished
@pytest.mark.parametrize("first", [True, False])
def test_a_warm_start_may_begin_or_end_early_stopping(both, first):
    make, X, y = both
    model = make(early_stopping=first, warm_start=True, max_iter=3, random_state=0).fit(X, y)
    model.set_params(early_stopping=not first).fit(X, y)
    assert (model.validation_scores_ is None) == (model.best_loss_ is not None) == first
    assert len(model.loss_curve_) == 3


@unfinished
def test_a_warm_start_refuses_other_classes(iris):
    X, y = iris
    clf = NumpyNetClassifier(max_iter=2, warm_start=True).fit(X, y)
    for other in (y + 1, np.minimum(y, 1)):
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
            clf.fit(X, other)
    clf.set_params(warm_start=False).fit(X, y + 1)
    np.testing.assert_array_equal(clf.classes_, [1, 2, 3])


# --- epochs --------------------------------------------------------------------------------------


@unfinished
@pytest.mark.parametrize("options", [*STOCHASTIC, {"early_stopping": True}], ids=str)
def test_fit_epochs_yields_a_record_an_epoch_and_ends_as_fit_does(both, options, assert_same_model):
    make, X, y = both
    options = {"max_iter": 7, "random_state": 0} | options
    fitted, stepped = make(**options).fit(X, y), make(**options)
    records = list(stepped.fit_epochs(X, y))
    assert [record["epoch"] for record in records] == list(range(1, 8))
    assert [record["loss"] for record in records] == fitted.loss_curve_
    assert all(record["learning_rate"] == 0.001 and record["seconds"] >= 0 for record in records)
    scores = [record.get("validation_score") for record in records]
    assert scores == (fitted.validation_scores_ or [None] * 7)
    assert_same_model(stepped, fitted)


@unfinished
def test_fit_epochs_of_lbfgs_yields_its_iterations(both, assert_same_model):
    make, X, y = both
    options = {"solver": "lbfgs", "max_iter": 7, "random_state": 0}
    fitted, stepped = make(**options).fit(X, y), make(**options)
    records = list(stepped.fit_epochs(X, y))
    assert [record["epoch"] for record in records] == list(range(1, fitted.n_iter_ + 1))
    assert records[-1]["loss"] == fitted.loss_
    assert_same_model(stepped, fitted)


@stochastic
def test_fit_epochs_can_be_left_at_any_epoch(both, options, assert_same_model):
    make, X, y = both
    left = make(**ENDLESS, **options)
    for record in left.fit_epochs(X, y):
        inside = left.predict(X)
        if record["epoch"] == 3:
            break
    np.testing.assert_array_equal(left.predict(X), inside)
    with pytest.warns(ConvergenceWarning):
        assert_same_model(left, make(max_iter=3, **ENDLESS, **options).fit(X, y))


def test_fit_epochs_checks_parameters_as_fit_does(iris):
    with pytest.raises(ValueError, match="The 'dropout' parameter"):
        next(NumpyNetClassifier(dropout=1.0).fit_epochs(*iris))


# --- interruption --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [*STOCHASTIC, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("at_step", [1, 2, 12])
def test_ctrl_c_warns_and_leaves_a_usable_model(both, options, at_step, interrupt_step):
    make, X, y = both
    options = ENDLESS | {"batch_size": 16} | options
    model = make(**options)
    interrupt_step(at_step)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X).astype(float)).all()
    n_epochs = len(model.loss_curve_)
    assert n_epochs == model.n_iter_ == (at_step - 1) // -(-len(X) // options["batch_size"])
    if "early_stopping" not in options:
        model.partial_fit(X, y)
        assert len(model.loss_curve_) == n_epochs + 1


@unfinished
def test_ctrl_c_while_scoring_loses_no_step(iris, monkeypatch):
    options = {"warm_start": True, "early_stopping": True, "ema_decay": 0.9, "max_iter": 2}
    straight = NumpyNetClassifier(**ENDLESS, **options).fit(*iris)
    straight.fit(*iris)

    clf = NumpyNetClassifier(**ENDLESS, **options)
    score_on, scores = NumpyNetClassifier._score_predictions, []

    def interrupted(self, *arguments):
        scores.append(score_on(self, *arguments))
        if len(scores) == 4:
            raise KeyboardInterrupt
        return scores[-1]

    monkeypatch.setattr(NumpyNetClassifier, "_score_predictions", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(*iris)
    clf.fit(*iris)
    assert clf.loss_curve_ == straight.loss_curve_


# --- randomness ----------------------------------------------------------------------------------


@unfinished
@stochastic
def test_the_same_random_state_gives_the_same_bytes(both, options, assert_same_model):
    make, X, y = both
    for same in (3, np.random.RandomState):
        first, second = (
            make(max_iter=3, random_state=same if same == 3 else same(3), **options).fit(X, y)
            for _ in range(2)
        )
        assert_same_model(first, second)


@unfinished
@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)], ids=["None", "shared"])
def test_a_random_state_that_moves_on_gives_another_model(iris, random_state):
    first, second = (
        NumpyNetClassifier(max_iter=1, random_state=random_state).fit(*iris) for _ in range(2)
    )
    assert (first.coefs_[0] != second.coefs_[0]).all()


@unfinished
def test_weights_start_as_those_of_scikit_learn_do(iris):
    for activation, gain in (("relu", 6), ("logistic", 2)):
        options = {"activation": activation, "learning_rate_init": 1e-15, "max_iter": 1}
        clf = NumpyNetClassifier((400,), **options, random_state=0).fit(*iris)
        for weight, bias in zip(clf.coefs_, clf.intercepts_, strict=True):
            bound = np.sqrt(gain / sum(weight.shape))
            assert 0.97 * bound < np.abs(weight).max() <= bound + 1e-9
            assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
            assert 0 < np.abs(bias).max() <= bound + 1e-9


@unfinished
def test_predictions_from_several_threads_equal_those_from_one(problem):
    make, X, y = problem
    model = make(hidden_layer_sizes=(300, 300), max_iter=2, batch_norm=True).fit(X, y)
    parts = np.random.default_rng(0).standard_normal((12, 1200, X.shape[1]))
    expected = [model.predict(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for actual, one in zip(pool.map(model.predict, parts), expected, strict=True):
            np.testing.assert_array_equal(actual, one)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"early_stopping": True, "validation_fraction": 0.999}, {}),
        ({}, {"X_val": [[1.0]], "y_val": [0]}),
        ({"class_weight": {"no such class": 1}}, {}),
    ],
    ids=["split", "set", "weights"],
)
def test_a_fit_that_fails_before_an_epoch_leaves_no_random_weights(iris, refit, options, given):
    X, y = iris
    model = NumpyNetClassifier(max_iter=100, tol=1.0)
    if refit:
        model.fit(X, y)
    with pytest.raises(ValueError):
        model.set_params(**options).fit(X, y, **given)
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.set_params(**NumpyNetClassifier(max_iter=1).get_params())
    with pytest.warns(ConvergenceWarning):
        assert model.fit(X, y).predict(X).shape == y.shape
