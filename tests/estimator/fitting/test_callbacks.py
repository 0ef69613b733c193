"""scikit-learn's callbacks, from its version 1.9 on."""

import copy

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator import Checkpoint
from fit_recorder import Recorder, outputs

callback = pytest.importorskip("sklearn.callback")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SCORING = {NumpyNetClassifier: "accuracy", NumpyNetRegressor: "r2"}
SOLVERS = ["sgd", "adam", "lbfgs"]
OPTIONS = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}


# --- the hooks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fit_and_each_epoch_of_it_begin_and_end_once(both, solver):
    make, X, y = both
    recorder = Recorder()
    make(solver=solver, **OPTIONS).set_callbacks(recorder).fit(X, y)
    name = "iteration" if solver == "lbfgs" else "epoch"
    epochs = [f"{name} {i} {what}" for i in range(4) for what in ("begins", "ends")]
    expected = ["setup", "fit 0 begins", *epochs, "fit 0 ends", "teardown"]
    assert recorder.calls == expected


@pytest.mark.parametrize("solver", SOLVERS)
def test_hooks_get_what_fit_was_given(both, solver):
    make, X, y = both
    weight = np.ones(len(X))
    recorder = Recorder()
    make(solver=solver, **OPTIONS).set_callbacks(recorder).fit(X, y, sample_weight=weight)
    assert len(recorder.data) == 10
    for X_seen, y_seen, metadata in recorder.data:
        assert X_seen is X
        assert y_seen is y
        assert metadata["sample_weight"] is weight


def test_hooks_get_no_metadata_where_there_is_none(both):
    make, X, y = both
    recorder = Recorder()
    make(**OPTIONS).set_callbacks(recorder).fit(X, y)
    assert {metadata for _, _, metadata in recorder.data} == {None}


@pytest.mark.parametrize(
    "options",
    [{"solver": solver} for solver in SOLVERS]
    + [{"ema_decay": 0.8}, {"batch_norm": True, "dropout": 0.2}],
    ids=str,
)
def test_the_fitted_estimator_predicts_as_if_stopped_there(problem, options):
    make, X, y = problem
    recorder = Recorder()
    model = make(**options, **OPTIONS).set_callbacks(recorder).fit(X, y)
    for n_epochs, then in enumerate(recorder.models, start=1):
        stopped = make(**options, **OPTIONS | {"max_iter": n_epochs}).fit(X, y)
        np.testing.assert_array_equal(outputs(then, X), outputs(stopped, X))
        np.testing.assert_array_equal(then.coefs_[0], stopped.coefs_[0])
        assert len(then.history_) == n_epochs
    np.testing.assert_array_equal(outputs(recorder.models[-1], X), outputs(model, X))
    assert (outputs(recorder.models[0], X) != outputs(model, X)).any()


def test_training_the_fitted_estimator_does_not_disturb_the_fit(both, assert_same_model):
    make, X, y = both

    class Meddler(Recorder):
        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            for _ in range(2):
                fitted_estimator.partial_fit(X, y)
            fitted_estimator.coefs_[0][...] = 0

    model = make(**OPTIONS).set_callbacks(Meddler()).fit(X, y)
    plain = make(**OPTIONS).fit(X, y)
    assert_same_model(model, plain)
    assert model.loss_curve_ == plain.loss_curve_


def test_callbacks_change_no_weight(both, assert_same_model):
    make, X, y = both
    for solver in SOLVERS:
        options = OPTIONS | {"solver": solver}
        watched = make(**options).set_callbacks(Recorder()).fit(X, y)
        assert_same_model(watched, make(**options).fit(X, y))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_callback_may_stop_the_fit(both, solver, stop_at):
    make, X, y = both
    recorder = Recorder(stop_at)
    model = make(solver=solver, **OPTIONS | {"max_iter": 30}).set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == len(model.history_) == len(recorder.models) == stop_at
    assert recorder.calls[-2:] == ["fit 0 ends", "teardown"]
    np.testing.assert_array_equal(outputs(model, X), outputs(recorder.models[-1], X))
    assert model.loss_ == model.history_[-1]["loss"]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_a_stop_that_was_asked_for_is_no_warning(both, solver):
    make, X, y = both
    options = OPTIONS | {"max_iter": 30}
    model = make(solver=solver, **options).set_callbacks(Recorder(stop_at=2)).fit(X, y)
    assert model.n_iter_ == 2


def test_one_that_asks_to_stop_is_enough(both):
    make, X, y = both
    model = make(**OPTIONS).set_callbacks(Recorder(stop_at=2), Recorder()).fit(X, y)
    assert model.n_iter_ == 2


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fit_that_fails_is_torn_down_once(both, solver):
    make, X, y = both
    recorder = Recorder(fail_at=2)
    model = make(solver=solver, **OPTIONS).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="no further"):
        model.fit(X, y)
    assert recorder.calls.count("setup") == recorder.calls.count("teardown") == 1
    assert recorder.calls[-1] == "teardown"


def test_data_that_fail_are_torn_down_as_often_as_set_up(both):
    make, X, y = both
    recorder = Recorder()
    with pytest.raises(ValueError):
        make(**OPTIONS).set_callbacks(recorder).fit(X, y[1:])
    assert recorder.calls.count("setup") == recorder.calls.count("teardown")


def test_each_fit_is_set_up_anew(both):
    make, X, y = both
    recorder = Recorder()
    model = make(warm_start=True, **OPTIONS).set_callbacks(recorder)
    model.fit(X, y).fit(X, y)
    assert recorder.calls.count("setup") == recorder.calls.count("teardown") == 2
    assert len(recorder.models) == 8


def test_a_model_with_callbacks_is_copied_with_them(both, assert_same_model):
    make, X, y = both
    model = make(**OPTIONS).set_callbacks(Recorder()).fit(X, y)
    restored = copy.deepcopy(model)
    assert_same_model(restored, model)
    np.testing.assert_array_equal(outputs(restored, X), outputs(model, X))


# --- scikit-learn's callbacks --------------------------------------------------------------------


def make_callbacks(make):
    pytest.importorskip("rich")
    return callback.ProgressBar(), callback.ScoringMonitor(scoring=SCORING[make])


def nested(model, n_jobs=1):
    pipeline = make_pipeline(StandardScaler(), model)
    name = type(model).__name__.lower()
    return GridSearchCV(pipeline, {f"{name}__alpha": [0.0, 10.0]}, cv=2, n_jobs=n_jobs)


@pytest.mark.parametrize("solver", SOLVERS)
def test_progress_bar_and_monitor_on_the_estimator_alone(both, solver, capsys):
    make, X, y = both
    progress, monitor = make_callbacks(make)
    make(solver=solver, **OPTIONS).set_callbacks(progress, monitor).fit(X, y)
    assert make.__name__ in capsys.readouterr().out
    rows = [row for row in monitor.get_logs().data if row["task_name"] != "fit"]
    assert [row["task_id"] for row in rows] == [0, 1, 2, 3]


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_monitor_logs_the_scores_of_the_training_rows(both, solver):
    make, X, y = both
    monitor, recorder = callback.ScoringMonitor(scoring=SCORING[make]), Recorder()
    make(solver=solver, **OPTIONS).set_callbacks(monitor, recorder).fit(X, y)
    score = accuracy_score if make is NumpyNetClassifier else r2_score
    by_hand = [score(y, model.predict(X)) for model in recorder.models]
    frame = monitor.get_logs().data_as_pandas
    logged = frame.loc[frame["task_name"] != "fit", SCORING[make]]
    np.testing.assert_allclose(logged, by_hand)
    assert len(set(by_hand)) > 1


def test_the_monitor_takes_weights_into_its_scores(iris):
    X, y = iris
    weight = (y == 1).astype(float)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    recorder = Recorder()
    clf = NumpyNetClassifier(**OPTIONS).set_callbacks(monitor, recorder)
    clf.fit(X, y, sample_weight=weight)
    by_hand = [
        accuracy_score(y, model.predict(X), sample_weight=weight) for model in recorder.models
    ]
    logged = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert logged == pytest.approx(by_hand)


@pytest.mark.parametrize("solver", SOLVERS)
def test_progress_bar_and_monitor_inside_a_pipeline(both, solver, capsys):
    make, X, y = both
    progress, monitor = make_callbacks(make)
    model = make(solver=solver, **OPTIONS).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), model)
    pipeline.set_callbacks(progress).fit(X, y)
    printed = capsys.readouterr().out
    assert "Pipeline" in printed
    assert make.__name__ in printed
    names = [row["task_name"] for row in monitor.get_logs().data]
    assert names.count("iteration" if solver == "lbfgs" else "epoch") == 4


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("solver", SOLVERS)
def test_callbacks_inside_a_grid_search(iris, solver, n_jobs, capsys, tmp_path):
    progress, monitor = make_callbacks(NumpyNetClassifier)
    clf = NumpyNetClassifier(solver=solver, **OPTIONS)
    clf.set_callbacks(monitor, Checkpoint(tmp_path / "model"))
    search = nested(clf, n_jobs).set_callbacks(progress).fit(*iris)
    assert "GridSearchCV" in capsys.readouterr().out
    plain = nested(NumpyNetClassifier(solver=solver, **OPTIONS)).fit(*iris)
    scores = [model.cv_results_["mean_test_score"] for model in (search, plain)]
    np.testing.assert_array_equal(*scores)
    rows = [row for row in monitor.get_logs().data if row["task_name"] in ("epoch", "iteration")]
    # Two candidates on two folds, and the best on all rows.
    assert len(rows) == 5 * 4
    assert len({row["parent_task_id_path"] for row in rows}) == 5
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    # The last to end is the best on all rows.
    best = search.best_estimator_[-1]
    loaded = NumpyNetClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.coefs_[0], best.coefs_[0])
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_what_is_no_callback_is_refused(both):
    make, _, _ = both
    for wrong in (print, Recorder, object()):
        with pytest.raises(TypeError, match="FitCallback protocol"):
            make().set_callbacks(wrong)


def test_an_unfinished_fit_warns_with_callbacks_too(both):
    make, X, y = both
    with pytest.warns(ConvergenceWarning):
        make(**OPTIONS).set_callbacks(Recorder()).fit(X, y)
