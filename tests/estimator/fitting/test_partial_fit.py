"""Training batch by batch: partial_fit."""

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier

unfinished = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_partial_fit_learns_from_batches_that_miss_classes(iris):
    X, y = iris
    clf = NumpyNetClassifier(learning_rate_init=0.01, random_state=0)
    generator = np.random.default_rng(0)
    for _ in range(100):
        some = generator.choice(3, size=2, replace=False)
        rows = np.flatnonzero(np.isin(y, some))
        clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert clf.score(X, y) > 0.9


def test_partial_fit_needs_the_classes_first_and_refuses_others_later(iris):
    X, y = iris
    clf = NumpyNetClassifier()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clf.partial_fit(X, y)
    clf.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
        clf.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="is not the same as on last call"):
        clf.partial_fit(X, y, classes=[0, 1, 2, 3])


def test_partial_fit_takes_several_labels(iris):
    X, y = iris
    labels = np.column_stack([y == 0, y != 1]).astype(int)
    clf = NumpyNetClassifier(learning_rate_init=0.05, random_state=0)
    for _ in range(100):
        clf.partial_fit(X, labels, classes=[0, 1])
    assert clf.score(X, labels) > 0.9


@unfinished
def test_partial_fit_goes_on_after_fit(both):
    make, X, y = both
    model = make(max_iter=5, random_state=0, learning_rate_init=0.01).fit(X, y)
    after_fit = model.loss_
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.loss_ < 0.9 * after_fit
    assert len(model.loss_curve_) == 25


@unfinished
@pytest.mark.parametrize("options", [{"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_partial_fit_goes_on_after_any_fit(both, options):
    make, X, y = both
    model = make(max_iter=5, random_state=0, **options).fit(X, y)
    model.set_params(solver="adam", early_stopping=False, learning_rate_init=1e-12)
    weight = model.coefs_[0].copy()
    np.testing.assert_allclose(model.partial_fit(X, y).coefs_[0], weight, atol=1e-9)
    assert model.loss_curve_ == [model.loss_]


def test_partial_fit_computes_in_the_dtype_of_the_first_data(iris, assert_same_model):
    X, y = iris[0].astype(np.float32), iris[1]
    single, mixed = (
        NumpyNetClassifier(random_state=0).partial_fit(X, y, classes=[0, 1, 2]) for _ in range(2)
    )
    assert_same_model(mixed.partial_fit(X.astype(np.float64), y), single.partial_fit(X, y))


def test_lbfgs_has_no_partial_fit(both):
    make, X, y = both
    model = make(solver="lbfgs")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        model.partial_fit(X, y)
    assert "lbfgs is not stochastic" in str(caught.value.__cause__ or caught.value)


def test_partial_fit_refuses_early_stopping(both):
    make, X, y = both
    classes = {"classes": np.unique(y)} if make is NumpyNetClassifier else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        make(early_stopping=True).partial_fit(X, y, **classes)


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_planned_schedules_have_no_partial_fit(both, name):
    make, X, y = both
    model = make(learning_rate=name)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        model.partial_fit(X, y)
    assert "use learning_rate='constant'" in str(caught.value.__cause__ or caught.value)
