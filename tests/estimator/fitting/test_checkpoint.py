"""The callback that saves."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digit_recognizer import NumpyNetClassifier, nn
from digit_recognizer.estimator import Checkpoint
from digit_recognizer.estimator.fitting import callbacks
from digit_recognizer.estimator.saving import documents
from digit_recognizer.nn import training
from fit_recorder import Recorder, outputs

callback = pytest.importorskip("sklearn.callback")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SOLVERS = ["sgd", "adam", "lbfgs"]
OPTIONS = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}


def nested(model, n_jobs=1):
    pipeline = make_pipeline(StandardScaler(), model)
    name = type(model).__name__.lower()
    return GridSearchCV(pipeline, {f"{name}__alpha": [0.0, 10.0]}, cv=2, n_jobs=n_jobs)


@pytest.fixture
def no_training(monkeypatch):
    """Training a step, or evaluating a whole objective, fails."""

    def fail(*arguments):
        raise AssertionError("training has begun")

    monkeypatch.setattr(training, "train_step", fail)


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
