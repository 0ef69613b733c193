"""scikit-learn's callbacks, from its version 1.9 on, and the callback that saves."""

import copy

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.estimator import Checkpoint
from digit_recognizer.estimator.fitting import callbacks
from digit_recognizer.estimator.saving import documents
from digit_recognizer.nn import training

callback = pytest.importorskip("sklearn.callback")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SCORING = {NumpyNetClassifier: "accuracy", NumpyNetRegressor: "r2"}
SOLVERS = ["sgd", "adam", "lbfgs"]
OPTIONS = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}


class Recorder:
    """Remembers each call; stops after the epoch `stop_at`, fails at `fail_at`."""

    def __init__(self, stop_at=None, fail_at=None):
        self.stop_at = stop_at
        self.fail_at = fail_at
        self.calls = []
        self.data = []
        self.models = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.calls.append(f"{context.task_name} {context.task_id} begins")
        self.data.append((X, y, metadata))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(f"{context.task_name} {context.task_id} ends")
        self.data.append((X, y, metadata))
        if context.task_name != "fit":
            self.models.append(fitted_estimator)
        if context.task_id + 1 == self.fail_at:
            raise RuntimeError("no further")
        return context.task_name != "fit" and context.task_id + 1 == self.stop_at


def outputs(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


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


# --- checkpoints ---------------------------------------------------------------------------------


class Copies(Checkpoint):
    """Loads and keeps what each save left."""

    loaded = None

    def on_fit_task_end(self, estimator, context):
        result = super().on_fit_task_end(estimator, context)
        saved = type(estimator).load(self.path) if self.path.exists() else None
        self.loaded = [*(self.loaded or []), saved]
        return result


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_checkpoint_loads_as_the_estimator_at_that_epoch(problem, solver, tmp_path):
    make, X, y = problem
    options = OPTIONS | {"solver": solver}
    checkpoint = Copies(tmp_path / "model.safetensors")
    recorder = Recorder()
    model = make(**options).set_callbacks(checkpoint, recorder).fit(X, y)
    for loaded, then in zip(checkpoint.loaded[:4], recorder.models, strict=True):
        np.testing.assert_array_equal(outputs(loaded, X), outputs(then, X))
        assert len(loaded.history_) == len(then.history_)
    np.testing.assert_array_equal(outputs(checkpoint.loaded[-1], X), outputs(model, X))


def test_a_checkpoint_is_written_every_few_epochs_and_at_the_end(both, tmp_path):
    make, X, y = both
    checkpoint = Copies(tmp_path / "model.safetensors", every=2)
    make(**OPTIONS | {"max_iter": 5}).set_callbacks(checkpoint).fit(X, y)
    lengths = [None if model is None else len(model.history_) for model in checkpoint.loaded]
    assert lengths == [None, 2, 2, 4, 4, 5]
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_checkpoint_outlives_a_fit_that_fails(both, tmp_path):
    make, X, y = both
    checkpoint = Checkpoint(tmp_path / "model.safetensors")
    model = make(**OPTIONS).set_callbacks(checkpoint, Recorder(fail_at=3))
    with pytest.raises(RuntimeError):
        model.fit(X, y)
    loaded = type(model).load(tmp_path / "model.safetensors")
    assert len(loaded.history_) == 3
    expected = make(**OPTIONS | {"max_iter": 3}).fit(X, y)
    np.testing.assert_array_equal(outputs(loaded, X), outputs(expected, X))


@pytest.mark.parametrize("options", [{"ema_decay": 0.8}, {"early_stopping": True}], ids=str)
def test_a_checkpoint_holds_the_weights_that_the_epoch_ended_with(both, options, tmp_path):
    make, X, y = both
    checkpoint, recorder = Copies(tmp_path / "model"), Recorder()
    model = make(**options, **OPTIONS).set_callbacks(checkpoint, recorder).fit(X, y)
    for loaded, then in zip(checkpoint.loaded, [*recorder.models, model], strict=True):
        np.testing.assert_array_equal(outputs(loaded, X), outputs(then, X))


def test_a_checkpoint_changes_no_weight(both, tmp_path, assert_same_model):
    make, X, y = both
    watched = make(**OPTIONS).set_callbacks(Checkpoint(tmp_path / "model")).fit(X, y)
    assert_same_model(watched, make(**OPTIONS).fit(X, y))


def test_a_checkpoints_path_is_relative_to_where_it_was_given(both, tmp_path, monkeypatch):
    make, X, y = both
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint("models/net")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    make(**OPTIONS).set_callbacks(checkpoint).fit(X, y)
    assert checkpoint.path == tmp_path / "models" / "net.safetensors"
    make.load(checkpoint.path)


@pytest.fixture
def no_training(monkeypatch):
    """Training a step, or evaluating a whole objective, fails."""

    def fail(*arguments):
        raise AssertionError("training has begun")

    monkeypatch.setattr(training, "train_step", fail)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"activation": (np.tanh, lambda Z: 1 - np.tanh(Z) ** 2)}, "Parameter activation: .*"),
        ({"scoring": lambda estimator, X, y: 0.0}, "Parameter scoring: .*<lambda>"),
        ({"architecture": [nn.Dense(4), type("Own", (nn.ReLU,), {})()]}, ".* of the class Own"),
    ],
    ids=["activation", "scoring", "layer"],
)
@pytest.mark.usefixtures("no_training")
def test_what_cannot_be_saved_is_said_before_training(both, options, sentence, tmp_path):
    make, X, y = both
    model = make(**OPTIONS | {"hidden_layer_sizes": (6,)} | options)
    model.set_callbacks(Checkpoint(tmp_path / "model", every=20))
    with pytest.raises(ValueError, match=f"{sentence}.* cannot be saved without pickle; give a"):
        model.fit(X, y)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_training")
def test_more_names_than_a_file_can_hold_are_said_before_training(iris, tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 300)
    clf = NumpyNetClassifier(**OPTIONS).set_callbacks(Checkpoint(tmp_path / "model", every=20))
    with pytest.raises(ValueError, match="shorten the names of features"):
        clf.fit(*iris)


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("taken", IsADirectoryError, "Is a directory; remove the folder of that name"),
        ("file/model", FileExistsError, "File exists; remove the file that stands"),
    ],
)
@pytest.mark.usefixtures("no_training")
def test_a_file_that_cannot_be_written_is_said_before_training(both, path, kind, sentence, folder):
    make, X, y = both
    (folder / "file").touch()
    (folder / "taken.safetensors").mkdir()
    with pytest.raises(kind, match=sentence):
        make(**OPTIONS).set_callbacks(Checkpoint(folder / path, every=20)).fit(X, y)
    assert sorted(entry.name for entry in folder.iterdir()) == ["file", "taken.safetensors"]


@pytest.mark.usefixtures("no_training")
def test_a_checkpoint_on_what_has_no_save_asks_for_the_estimator_in_it(iris, tmp_path):
    search = nested(NumpyNetClassifier(**OPTIONS)).set_callbacks(Checkpoint(tmp_path / "model"))
    with pytest.raises(TypeError, match="GridSearchCV has no save; give the Checkpoint to the"):
        search.fit(*iris)


@pytest.mark.parametrize("every", [0, 2.5, "2", None])
def test_a_checkpoints_epochs_are_counted_in_integers(every):
    with pytest.raises(ValueError, match="every must be an integer of at least 1, got"):
        Checkpoint("model", every)


@pytest.mark.parametrize("path", ["", "models/"])
def test_a_checkpoints_path_must_name_a_file(path):
    with pytest.raises(ValueError, match="names a folder"):
        Checkpoint(path)


def test_a_save_soon_after_another_does_not_wait_for_the_disk(both, tmp_path, monkeypatch):
    make, X, y = both
    flushed, seconds = [], iter(np.arange(1000) * 0.4)

    def save(estimator, path, flush=True):
        flushed.append(flush)

    monkeypatch.setattr(callbacks.persistence, "save", save)
    monkeypatch.setattr(callbacks, "monotonic", lambda: next(seconds))
    make(**OPTIONS | {"max_iter": 7}).set_callbacks(Checkpoint(tmp_path / "model")).fit(X, y)
    # The clock is read at each save, and once more where it waited.
    assert flushed == [True, False, False, True, False, False, True, True]


def test_an_unfinished_fit_warns_with_callbacks_too(both):
    make, X, y = both
    with pytest.warns(ConvergenceWarning):
        make(**OPTIONS).set_callbacks(Recorder()).fit(X, y)
