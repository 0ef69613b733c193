"""Validation: a given set, a splitter, any scorer, and what is recorded of each epoch."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import PredefinedSplit, ShuffleSplit, train_test_split

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator.fitting import validation

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


def test_what_is_measured_block_by_block_is_that_of_all_rows(both, monkeypatch):
    make, X, y = both
    weight = np.random.default_rng(0).uniform(size=len(y))
    losses = []
    for n_rows in (len(y), 4):
        monkeypatch.setattr(validation, "EVALUATION_ROWS", n_rows)
        model = make(early_stopping=True, **OPTIONS).fit(X, y, sample_weight=weight)
        losses.append(values_of(model.history_, "validation_loss"))
    np.testing.assert_allclose(*losses, rtol=1e-10)


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
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting"):
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
    with pytest.raises(ValueError, match=r"classes|labels|columns"):
        NumpyNetClassifier().fit(X, y, X_val=X, y_val=y[:, labels])


def test_other_kinds_of_targets_are_refused(iris):
    X, y = iris
    labels = np.column_stack([y == 0, y == 1, y == 2]).astype(int)
    for train, val in ((y, labels), (labels, y)):
        with pytest.raises(ValueError, match="y_val has another kind of targets than y"):
            NumpyNetClassifier().fit(X, train, X_val=X, y_val=val)
        if train is y:
            with pytest.raises(ValueError, match="y has another kind of targets than y of the fit"):
                NumpyNetClassifier(warm_start=True).fit(X, train).partial_fit(X, val)


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_array])
def test_a_sparse_x_val_gives_the_numbers_of_a_dense_one(both, convert):
    make, X, y = both
    X, X_val, y, y_val = part(np.where(X > 0, X, 0), y)
    dense = make(**OPTIONS).fit(X, y, X_val=X_val, y_val=y_val).history_
    thin = make(**OPTIONS).fit(X, y, X_val=convert(X_val), y_val=y_val).history_
    for key in MEASURES:
        np.testing.assert_allclose(values_of(thin, key), values_of(dense, key), rtol=1e-9)


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


@pytest.mark.parametrize(
    ("splitter", "what"),
    [
        (PredefinedSplit(np.full(150, -1)), "makes no split"),
        (PredefinedSplit(np.zeros(150)), "leaves no rows to train on"),
    ],
    ids=["no split", "nothing to train on"],
)
def test_a_splitter_that_cannot_part_the_rows_is_named(both, splitter, what):
    make, X, y = both
    with pytest.raises(ValueError, match=rf"validation_fraction=PredefinedSplit.* {what}; give"):
        make(early_stopping=True, validation_fraction=splitter).fit(X, y)
