"""Validation: a given set, a splitter, any scorer, and what is recorded of each epoch."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    make_scorer,
)
from sklearn.model_selection import PredefinedSplit, ShuffleSplit, train_test_split

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"max_iter": 5, "random_state": 0, "learning_rate_init": 0.02}
MEASURES = ["train_score", "validation_loss", "validation_score"]


def part(X, y, test_size=0.3):
    """X, X_val, y, y_val."""
    return train_test_split(X, y, test_size=test_size, random_state=0)


def values_of(history, key):
    return [record[key] for record in history]


def outputs(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


# --- a given validation set ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_given_set_is_measured_after_every_epoch(problem, solver):
    make, X, y = problem
    X, X_val, y, y_val = part(X, y)
    model = make(solver=solver, **OPTIONS).fit(X, y, X_val=X_val, y_val=y_val)
    scores = []
    stepped = make(solver="adam" if solver == "lbfgs" else solver, **OPTIONS)
    for record in stepped.fit_epochs(X, y, X_val=X_val, y_val=y_val):
        assert record["validation_score"] == pytest.approx(stepped.score(X_val, y_val))
        scores.append(record["validation_score"])
    if solver != "lbfgs":
        assert values_of(model.history_, "validation_score") == scores
    assert len(model.history_) == 5
    assert model.history_[-1]["validation_score"] == pytest.approx(model.score(X_val, y_val))


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"ema_decay": 0.8}], ids=str)
def test_watching_changes_no_weight(both, options, assert_same_model):
    make, X, y = both
    X, X_val, y, y_val = part(X, y)
    plain = make(**OPTIONS, **options).fit(X, y)
    assert_same_model(make(**OPTIONS, **options).fit(X, y, X_val=X_val, y_val=y_val), plain)


def test_watching_does_not_disturb_dropout_and_batch_norm(both, assert_same_model):
    make, X, y = both
    X, X_val, y, y_val = part(X, y)
    options = OPTIONS | {"dropout": 0.3, "batch_norm": True, "batch_size": 32}
    plain = make(**options).fit(X, y)
    watched = make(**options).fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_model(watched, plain)
    np.testing.assert_array_equal(watched.predict(X), plain.predict(X))


def test_early_stopping_with_a_given_set_trains_on_all_rows(both):
    make, X, y = both
    X, X_val, y, y_val = part(X, y)
    model = make(early_stopping=True, **OPTIONS).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.t_ == len(X) * model.n_iter_
    assert model.validation_scores_ == values_of(model.history_, "validation_score")
    assert model.best_validation_score_ == pytest.approx(model.score(X_val, y_val))


def test_early_stopping_ends_by_the_given_set(both):
    make, X, y = both
    X, X_val, y, y_val = part(X, y)
    options = {"early_stopping": True, "learning_rate_init": 1e-9, "n_iter_no_change": 2}
    model = make(random_state=0, **options).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.n_iter_ == 4


def test_predictions_are_those_of_the_best_epoch(both):
    make, X, y = both
    X, X_val, y, y_val = part(X, y)
    options = {"learning_rate_init": 0.3, "max_iter": 25, "n_iter_no_change": np.inf}
    options["batch_size"] = 20
    model = make(early_stopping=True, random_state=0, **options)
    predictions, scores = [], []
    for record in model.fit_epochs(X, y, X_val=X_val, y_val=y_val):
        predictions.append(outputs(model, X_val))
        scores.append(record["validation_score"])
    best = int(np.argmax(scores))
    assert 0 < best < len(scores) - 1
    np.testing.assert_array_equal(outputs(model, X_val), predictions[best])
    assert (predictions[best] != predictions[-1]).any()


@pytest.mark.parametrize("missing", ["X_val", "y_val"])
def test_half_a_validation_set_is_refused(both, missing):
    make, X, y = both
    given = {"X_val": X, "y_val": y}
    del given[missing]
    with pytest.raises(ValueError, match=f"needs both X_val and y_val: {missing} is missing"):
        make().fit(X, y, **given)


@pytest.mark.parametrize("unknown", [7, -1])
def test_an_unknown_class_in_y_val_is_refused(iris, unknown):
    X, y = iris
    y_val = np.where(np.arange(150) == 3, unknown, y)
    with pytest.raises(ValueError, match="classes not in"):
        NumpyNetClassifier().fit(X, y, X_val=X, y_val=y_val)


def test_y_val_may_miss_classes(iris):
    X, y = iris
    some = y == 1
    clf = NumpyNetClassifier(**OPTIONS).fit(X, y, X_val=X[some], y_val=y[some])
    assert clf.history_[-1]["validation_score"] == clf.score(X[some], y[some])


def test_a_binary_y_val_may_be_all_of_one_class(iris):
    X, y = iris
    clf = NumpyNetClassifier(**OPTIONS).fit(X, y == 0, X_val=X[:9], y_val=(y == 0)[:9])
    expected = -np.log(clf.predict_proba(X[:9])[:, 1]).mean()
    assert clf.history_[-1]["validation_loss"] == pytest.approx(expected)


def test_another_number_of_features_or_rows_is_refused(both):
    make, X, y = both
    with pytest.raises(ValueError, match="X has 3 features, but .* is expecting"):
        make().fit(X, y, X_val=X[:, :3], y_val=y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        make().fit(X, y, X_val=X, y_val=y[1:])


def test_another_number_of_targets_is_refused(diabetes):
    X, y = diabetes
    with pytest.raises(ValueError, match="y_val has 2 targets, but y has 1"):
        NumpyNetRegressor().fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 0]], ids=["fewer", "more"])
def test_another_number_of_labels_is_refused(iris, labels):
    X, y = iris
    y = np.column_stack([y == 0, y == 1, y == 2]).astype(int)
    with pytest.raises(ValueError, match="classes|labels|columns"):
        NumpyNetClassifier().fit(X, y, X_val=X, y_val=y[:, labels])


def test_other_kinds_of_targets_are_refused(iris):
    X, y = iris
    labels = np.column_stack([y == 0, y == 1, y == 2]).astype(int)
    for train, val in ((y, labels), (labels, y)):
        with pytest.raises(ValueError, match="y_val has another kind of targets than y"):
            NumpyNetClassifier().fit(X, train, X_val=X, y_val=val)


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_array])
def test_a_sparse_x_val_gives_the_numbers_of_a_dense_one(both, convert):
    make, X, y = both
    X, X_val, y, y_val = part(np.where(X > 0, X, 0), y)
    dense = make(**OPTIONS).fit(X, y, X_val=X_val, y_val=y_val).history_
    thin = make(**OPTIONS).fit(X, y, X_val=convert(X_val), y_val=y_val).history_
    for key in MEASURES:
        assert values_of(thin, key) == values_of(dense, key)


@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error"])
def test_frames_give_the_numbers_of_arrays_without_a_warning(both, scoring):
    make, X, y = both
    X, X_val, y, y_val = part(X, y)
    names = [f"x{i}" for i in range(X.shape[1])]
    frame, frame_val = (pd.DataFrame(array, columns=names) for array in (X, X_val))
    options = OPTIONS | {"scoring": scoring}
    plain = make(**options).fit(X, y, X_val=X_val, y_val=y_val)
    framed = make(**options).fit(
        frame, pd.Series(y), X_val=frame_val, y_val=pd.Series(y_val, index=range(9, 9 + len(y_val)))
    )
    for key in MEASURES:
        assert values_of(framed.history_, key) == values_of(plain.history_, key)
    assert list(framed.feature_names_in_) == names
    with pytest.raises(ValueError, match="feature names should match"):
        make().fit(frame, y, X_val=frame_val.rename(columns={"x0": "z"}), y_val=y_val)


def test_x_val_is_computed_in_the_dtype_of_the_network(both):
    make, X, y = both
    X, X_val, y, y_val = part(X.astype(np.float32), y)
    histories = [
        make(**OPTIONS).fit(X, y, X_val=X_val.astype(dtype), y_val=y_val).history_
        for dtype in (np.float32, np.float64)
    ]
    assert values_of(histories[0], "validation_loss") == values_of(histories[1], "validation_loss")


# --- what is recorded ----------------------------------------------------------------------------


def test_history_is_what_a_frame_reads(both):
    make, X, y = both
    plain = make(**OPTIONS).fit(X, y)
    frame = pd.DataFrame(plain.history_)
    assert list(frame) == ["epoch", "loss", "learning_rate", "seconds"]
    assert list(frame["epoch"]) == [1, 2, 3, 4, 5]
    assert list(frame["loss"]) == plain.loss_curve_
    assert (frame["learning_rate"] == 0.02).all()
    for given in ({"X_val": X, "y_val": y}, {}):
        watched = make(early_stopping=not given, **OPTIONS).fit(X, y, **given)
        frame = pd.DataFrame(watched.history_)
        assert list(frame) == ["epoch", "loss", "learning_rate", "seconds", *MEASURES]
        assert len(frame) == watched.n_iter_
        assert (frame.dtypes[1:] == float).all()


def test_history_of_lbfgs_has_an_iteration_a_row(both):
    make, X, y = both
    model = make(solver="lbfgs", max_iter=6, random_state=0).fit(X, y, X_val=X, y_val=y)
    frame = pd.DataFrame(model.history_)
    assert list(frame) == ["epoch", "loss", *MEASURES]
    assert list(frame["epoch"]) == list(range(1, model.n_iter_ + 1))
    assert frame["loss"].iloc[-1] == pytest.approx(model.loss_)


def own_loss(model, X, y):
    """The loss from the public predictions."""
    if hasattr(model, "predict_proba") and y.ndim == 1:
        return log_loss(y, model.predict_proba(X))
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X)
        return -np.log(np.where(y, probabilities, 1 - probabilities)).sum(axis=1).mean()
    predicted = model.predict(X)
    if model.loss == "poisson":
        return (predicted - y + y * np.log(np.maximum(y, 1) / predicted)).mean()
    return ((predicted - y) ** 2).mean() / 2


@pytest.mark.parametrize("n_rows", [60, 1500])
def test_validation_loss_is_that_of_the_predictions_without_penalty(problem, n_rows):
    make, X, y = problem
    rows = np.random.default_rng(0).integers(len(X), size=n_rows)
    X_val, y_val = X[rows] + 0.1, y[rows]
    model = make(alpha=50.0, dropout=0.3, **OPTIONS).fit(X, y, X_val=X_val, y_val=y_val)
    expected = own_loss(model, X_val, y_val)
    assert model.history_[-1]["validation_loss"] == pytest.approx(expected, rel=1e-9)


def test_class_weights_do_not_weigh_the_validation_set(iris):
    X, y = iris
    X, X_val, y, y_val = part(X, y)
    clf = NumpyNetClassifier(class_weight={0: 9.0, 1: 0.1, 2: 1.0}, **OPTIONS)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    expected = log_loss(y_val, clf.predict_proba(X_val))
    assert clf.history_[-1]["validation_loss"] == pytest.approx(expected)
    assert clf.history_[-1]["validation_score"] == clf.score(X_val, y_val)


@pytest.mark.parametrize("n_validation", [10, 100])
def test_the_train_score_is_taken_on_as_many_rows_at_most(iris, n_validation):
    X, y = iris
    sizes = []

    def scorer(estimator, X, y):
        sizes.append(len(X))
        return estimator.score(X, y)

    options = {"max_iter": 2, "random_state": 0, "scoring": scorer}
    rows = np.arange(n_validation)
    NumpyNetClassifier(**options).fit(X[:70], y[:70], X_val=X[rows], y_val=y[rows])
    assert sorted(set(sizes)) == sorted({min(n_validation, 70), n_validation})
    assert sizes.count(n_validation) >= 2


def test_the_train_score_is_always_taken_on_the_same_rows(iris):
    X, y = iris
    seen = []

    def scorer(estimator, X, y):
        seen.append(X.copy())
        return 0.0

    options = {"max_iter": 3, "random_state": 0, "scoring": scorer}
    NumpyNetClassifier(**options).fit(X, y, X_val=X[:40], y_val=y[:40])
    train = [rows for rows in seen if not np.array_equal(rows, X[:40])]
    assert len(train) == 3
    np.testing.assert_array_equal(train[0], train[2])
    assert {row.tobytes() for row in train[0]} <= {row.tobytes() for row in X}


def test_early_stopping_may_end_a_planned_schedule(both):
    make, X, y = both
    for name in ("cosine", "one_cycle"):
        options = {"learning_rate": name, "learning_rate_init": 1e-9, "n_iter_no_change": 3}
        model = make(early_stopping=True, random_state=0, max_iter=60, **options).fit(X, y)
        assert model.n_iter_ == 5


# --- splitters -----------------------------------------------------------------------------------


def test_a_predefined_split_says_the_rows(both, assert_same_model):
    make, X, y = both
    fold = np.where(np.arange(len(X)) % 4 == 0, 0, -1)
    split = make(early_stopping=True, validation_fraction=PredefinedSplit(fold), **OPTIONS)
    split.fit(X, y)
    given = make(early_stopping=True, **OPTIONS)
    given.fit(X[fold < 0], y[fold < 0], X_val=X[fold == 0], y_val=y[fold == 0])
    assert split.t_ == split.n_iter_ * (fold < 0).sum()
    assert_same_model(split, given)
    assert split.validation_scores_ == given.validation_scores_


def test_the_first_split_of_a_splitter_is_taken(problem):
    make, X, y = problem
    splitter = ShuffleSplit(3, test_size=0.4, random_state=5)
    train, test = next(splitter.split(X))
    model = make(early_stopping=True, validation_fraction=splitter, **OPTIONS).fit(X, y)
    assert model.t_ == model.n_iter_ * len(train)
    assert model.best_validation_score_ == pytest.approx(model.score(X[test], y[test]))


def test_rows_left_out_by_a_splitter_keep_their_weights(iris, assert_same_model):
    X, y = iris
    weight = np.random.default_rng(0).uniform(size=150)
    fold = np.where(np.arange(150) % 4 == 0, 0, -1)
    options = {"early_stopping": True, "validation_fraction": PredefinedSplit(fold), **OPTIONS}
    clf = NumpyNetClassifier(**options).fit(X, y, sample_weight=weight)
    test = fold == 0
    expected = clf.score(X[test], y[test], sample_weight=weight[test])
    assert clf.best_validation_score_ == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [1.0, -0.1, "10%", None])
def test_a_wrong_fraction_is_named(both, wrong):
    make, X, y = both
    with pytest.raises(ValueError, match="The 'validation_fraction' parameter"):
        make(early_stopping=True, validation_fraction=wrong).fit(X, y)


# --- scorers -------------------------------------------------------------------------------------


def sureness(estimator, X, y):
    return float(estimator.predict_proba(X).max(axis=1).mean())


@pytest.mark.parametrize(
    ("scoring", "own"),
    [
        ("balanced_accuracy", lambda clf, X, y: balanced_accuracy_score(y, clf.predict(X))),
        (
            make_scorer(balanced_accuracy_score),
            lambda clf, X, y: balanced_accuracy_score(y, clf.predict(X)),
        ),
        ("neg_log_loss", lambda clf, X, y: -log_loss(y, clf.predict_proba(X))),
        (sureness, sureness),
        (None, lambda clf, X, y: accuracy_score(y, clf.predict(X))),
    ],
    ids=["name", "make_scorer", "probabilities", "callable", "None"],
)
@pytest.mark.parametrize("as_frame", [False, True])
def test_any_scorer_measures_the_epochs(iris, scoring, own, as_frame):
    X, y = iris
    if as_frame:
        X = pd.DataFrame(X, columns=list("abcd"))
    X, X_val, y, y_val = part(X, np.array(["a", "b", "c"])[y])
    clf = NumpyNetClassifier(scoring=scoring, early_stopping=True, **OPTIONS)
    for record in clf.fit_epochs(X, y, X_val=X_val, y_val=y_val):
        assert record["validation_score"] == pytest.approx(own(clf, X_val, y_val))
    assert clf.best_validation_score_ == max(values_of(clf.history_, "validation_score"))
    assert clf.best_validation_score_ == pytest.approx(own(clf, X_val, y_val))


def test_a_scorer_of_every_kind_of_target(problem):
    make, X, y = problem
    name = "neg_mean_absolute_error" if "Regressor" in repr(make) else "accuracy"
    X, X_val, y, y_val = part(X, y)
    model = make(scoring=name, **OPTIONS).fit(X, y, X_val=X_val, y_val=y_val)
    predicted = model.predict(X_val)
    wrong = np.abs(predicted - y_val).mean() if "neg" in name else None
    expected = -wrong if wrong is not None else accuracy_score(y_val, predicted)
    assert model.history_[-1]["validation_score"] == pytest.approx(expected)


def test_a_scorer_takes_the_weights_of_the_rows(iris):
    X, y = iris
    weight = np.random.default_rng(0).uniform(size=150)
    fold = np.where(np.arange(150) % 2 == 0, 0, -1)
    options = {"early_stopping": True, "validation_fraction": PredefinedSplit(fold)}
    clf = NumpyNetClassifier(scoring="accuracy", **options, **OPTIONS)
    clf.fit(X, y, sample_weight=weight)
    test = fold == 0
    expected = clf.score(X[test], y[test], sample_weight=weight[test])
    assert clf.best_validation_score_ == pytest.approx(expected)


def test_an_unknown_scorer_is_refused(both):
    make, X, y = both
    for scoring in ("acuracy", 3):
        with pytest.raises(ValueError, match="scoring"):
            make(scoring=scoring).fit(X, y, X_val=X, y_val=y)
