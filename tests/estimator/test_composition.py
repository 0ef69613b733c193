"""The estimators inside scikit-learn's own tools."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
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


def test_halving_search_gives_the_best_more_epochs(iris):
    net = NumpyNetClassifier(batch_size=16, **PLANNED)
    options = {"resource": "max_iter", "min_resources": 4, "max_resources": 36, "cv": 3}
    grid = {"hidden_layer_sizes": [(1,), (24,), (32,)]}
    search = HalvingGridSearchCV(net, grid, factor=3, random_state=0, **options).fit(*iris)
    assert search.n_resources_[0] == 4
    assert search.n_resources_[-1] > 4
    assert search.best_params_["hidden_layer_sizes"] != (1,)
    assert search.best_estimator_.n_iter_ == search.n_resources_[-1]
    assert search.score(*iris) > 0.9


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_probabilities_are_calibrated(iris, method):
    net = NumpyNetClassifier(max_iter=20, **PLANNED)
    calibrated = CalibratedClassifierCV(net, method=method, cv=3).fit(*iris)
    assert calibrated.score(*iris) > 0.9
    assert len(calibrated.calibrated_classifiers_) == 3
    np.testing.assert_allclose(calibrated.predict_proba(iris[0]).sum(axis=1), 1)


def test_a_stack_learns_from_the_probabilities_of_nets(iris):
    members = [
        (name, NumpyNetClassifier(activation=name, max_iter=20, **PLANNED))
        for name in ("relu", "tanh")
    ]
    stack = StackingClassifier(members, LogisticRegression(), cv=3).fit(*iris)
    assert stack.final_estimator_.n_features_in_ == 6
    assert stack.score(*iris) > 0.9


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_one_net_against_the_rest_of_each_class(iris, n_jobs):
    net = NumpyNetClassifier(max_iter=30, **PLANNED)
    model = OneVsRestClassifier(net, n_jobs=n_jobs).fit(*iris)
    assert [member.n_outputs_ for member in model.estimators_] == [1, 1, 1]
    assert model.score(*iris) > 0.9


def test_permutation_finds_the_columns_that_matter(iris):
    X, y = iris
    X = np.column_stack([np.random.default_rng(0).normal(size=150), X[:, 2:]])
    clf = NumpyNetClassifier(max_iter=40, alpha=1.0, **PLANNED).fit(X, y)
    importances = permutation_importance(clf, X, y, n_repeats=3, random_state=0).importances_mean
    assert importances[0] < 0.05
    assert importances[1:].min() > 0.1


def test_regressors_in_search_and_importance(diabetes):
    net = NumpyNetRegressor(max_iter=30, **PLANNED)
    search = GridSearchCV(net, {"alpha": [0.1, 1e6]}, cv=3).fit(*diabetes)
    assert search.best_params_ == {"alpha": 0.1}
    result = permutation_importance(search, *diabetes, n_repeats=2, random_state=0)
    assert result.importances_mean.max() > 0.05


# --- metadata routing ----------------------------------------------------------------------------


def weighted_accuracy():
    return make_scorer(accuracy_score).set_score_request(sample_weight=True)


def test_requested_weights_reach_the_net_through_pipeline_and_search(iris):
    X, y = iris
    weight = (y != 1).astype(float)
    with config_context(enable_metadata_routing=True):
        net = NumpyNetClassifier(max_iter=40, **PLANNED).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), net)
        grid = {"numpynetclassifier__dropout": [0.0, 0.1]}
        search = GridSearchCV(pipeline, grid, cv=StratifiedKFold(3), scoring=weighted_accuracy())
        predicted = search.fit(X, y, sample_weight=weight).predict(X)
    assert (predicted == 1).mean() < 0.1
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("request_weights", [True, False])
def test_cross_validation_routes_weights_as_requested(iris, request_weights):
    X, y = iris
    options = {"cv": StratifiedKFold(3), "return_estimator": True}
    with config_context(enable_metadata_routing=True):
        net = NumpyNetClassifier(max_iter=40, **PLANNED)
        net.set_fit_request(sample_weight=request_weights)
        params = {"sample_weight": (y != 1).astype(float)}
        results = cross_validate(net, X, y, scoring=weighted_accuracy(), params=params, **options)
    for fitted in results["estimator"]:
        assert ((fitted.predict(X) == 1).mean() < 0.1) == request_weights


def test_weights_that_are_not_requested_are_refused(iris):
    X, y = iris
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(NumpyNetClassifier(**PLANNED), {"dropout": [0.0]}, cv=2)
        with pytest.raises(ValueError, match="not explicitly set as requested or not requested"):
            search.fit(X, y, sample_weight=np.ones(150))


def test_a_validation_set_can_be_requested(iris):
    X, y = iris
    with config_context(enable_metadata_routing=True):
        net = NumpyNetClassifier(max_iter=3, **PLANNED).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), net).fit(X, y, X_val=X[:30], y_val=y[:30])
    assert "validation_score" in pipeline[-1].history_[0]


def test_regressor_learns_a_transformed_target(diabetes):
    X, y = diabetes
    net = NumpyNetRegressor(max_iter=40, **PLANNED)
    model = TransformedTargetRegressor(net, func=np.log, inverse_func=np.exp)
    assert model.fit(X, np.exp(y)).score(X, np.exp(y)) > 0.4


@pytest.mark.parametrize("make", [NumpyNetClassifier, NumpyNetRegressor])
def test_shows_changed_parameters_only(make):
    assert repr(make(dropout=0.5)) == f"{make.__name__}(dropout=0.5)"
    assert make().set_params(dropout=0.5, hidden_layer_sizes=(3,)).hidden_layer_sizes == (3,)
