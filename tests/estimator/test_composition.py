"""The estimators inside scikit-learn's own tools."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

# "cosine" runs over a planned number of epochs and so does not warn that it did not converge.
PLANNED = {"learning_rate": "cosine", "learning_rate_init": 0.02, "random_state": 0}


def make_search(n_jobs):
    steps = [("scale", StandardScaler()), ("net", NumpyNetClassifier(max_iter=40, **PLANNED))]
    grid = {"net__hidden_layer_sizes": [(2,), (24,), (16, 8)], "net__dropout": [0.0, 0.2]}
    return GridSearchCV(Pipeline(steps), grid, cv=StratifiedKFold(3), n_jobs=n_jobs)


def test_grid_search_over_layers_and_dropout_in_two_processes(iris):
    X, y = 1000 * iris[0] + 7, iris[1]
    search = make_search(n_jobs=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert search.best_score_ > 0.9
    assert search.best_params_["net__hidden_layer_sizes"] != (2,)
    assert search.score(X, y) > 0.9
    best = search.best_estimator_.named_steps["net"]
    assert best.coefs_[0].shape[1] == search.best_params_["net__hidden_layer_sizes"][0]
    alone = make_search(n_jobs=1).fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


def test_cross_validation_scores_and_probabilities(iris):
    clf = NumpyNetClassifier(max_iter=20, **PLANNED)
    scores = cross_validate(clf, *iris, cv=3, scoring=["accuracy", "neg_log_loss", "roc_auc_ovr"])
    assert scores["test_accuracy"].mean() > 0.9
    assert scores["test_roc_auc_ovr"].mean() > 0.95
    probabilities = cross_val_predict(clf, *iris, cv=3, method="predict_proba")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == iris[1]).mean() > 0.9


def test_columns_of_a_frame_go_through_a_transformer(iris):
    X, y = iris
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["kind"] = np.where(y == 2, "red", "blue")
    columns = make_column_transformer((OneHotEncoder(), ["kind"]), (StandardScaler(), ["a", "b"]))
    pipeline = make_pipeline(columns, NumpyNetClassifier(max_iter=40, **PLANNED))
    assert pipeline.fit(frame, y).score(frame, y) > 0.9


def test_weights_reach_the_net_through_a_pipeline(iris):
    X, y = iris
    weight = (y != 1).astype(float)
    pipeline = make_pipeline(StandardScaler(), NumpyNetClassifier(max_iter=40, **PLANNED))
    predicted = pipeline.fit(X, y, numpynetclassifier__sample_weight=weight).predict(X)
    assert (predicted[y != 1] == y[y != 1]).mean() > 0.95
    assert (predicted == 1).mean() < 0.1


def test_votes_and_bags(iris):
    members = [
        (activation, NumpyNetClassifier(activation=activation, max_iter=20, **PLANNED))
        for activation in ("relu", "tanh", "silu")
    ]
    assert VotingClassifier(members, voting="soft").fit(*iris).score(*iris) > 0.9
    bag = BaggingClassifier(members[0][1], n_estimators=3, max_samples=0.7, random_state=0)
    assert bag.fit(*iris).score(*iris) > 0.85
    first, second = (member.coefs_[0] for member in bag.estimators_[:2])
    assert (first != second).all()


def test_regressor_learns_a_transformed_target(diabetes):
    X, y = diabetes
    net = NumpyNetRegressor(max_iter=40, **PLANNED)
    model = TransformedTargetRegressor(net, func=np.log, inverse_func=np.exp)
    assert model.fit(X, np.exp(y)).score(X, np.exp(y)) > 0.4


@pytest.mark.parametrize("make", [NumpyNetClassifier, NumpyNetRegressor])
def test_shows_changed_parameters_only(make):
    assert repr(make(dropout=0.5)) == f"{make.__name__}(dropout=0.5)"
    assert make().set_params(dropout=0.5, hidden_layer_sizes=(3,)).hidden_layer_sizes == (3,)
