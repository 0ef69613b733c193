"""The training of one network of a fold."""

import sys

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_info

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.pipeline.compute import fold_training
from digit_recognizer.pipeline.compute.fold_training import predict_blocks, train_member
from digit_recognizer.pipeline.ensembles.folds import Fold, make_folds
from digit_recognizer.pipeline.recipes.sections import CrossValidation
from digit_recognizer.pipeline.runs import members, status
from digit_recognizer.pipeline.runs.history import read_history
from digit_recognizer.pipeline.runs.members import Member
from digit_recognizer.pipeline.runs.status import StatusFile, read_status


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15).astype(np.uint8), y


def make_member(folder, fold, **options):
    estimator = NumpyNetClassifier(
        learning_rate="one_cycle",
        learning_rate_init=0.02,
        batch_size=32,
        random_state=0,
        scaling="standard",
    )
    return Member(fold, 1, estimator.set_params(**{"max_iter": 4} | options), folder)


@pytest.fixture
def fold(digits):
    return make_folds(digits[1], CrossValidation(folds=3))[0]


def test_a_trained_network_leaves_its_files_and_its_accuracy(digits, fold, tmp_path):
    X, y = digits
    member = make_member(tmp_path / "fold-1", fold)
    result = train_member(member, X, y, X[:7])
    assert {path.name for path in member.folder.iterdir()} == {
        *members.FILES,
        members.RESULT_FILE,
        ".lock",
    }
    oof, test = members.read_predictions(member)
    assert oof.shape == (len(fold.validation_rows), 10)
    assert test.shape == (7, 10)
    assert result["accuracy"] == (oof.argmax(axis=1) == y[fold.validation_rows]).mean() > 0.9
    history = read_history(member.folder / "history.csv")
    assert [int(row["epoch"]) for row in history] == [1, 2, 3, 4]
    assert float(history[-1]["accuracy"]) == result["accuracy"]
    assert float(history[-1]["loss"]) == result["loss"]
    assert members.read_result(member.folder) == result


def test_the_weights_it_leaves_make_its_predictions(digits, fold, tmp_path):
    X, y = digits
    member = make_member(tmp_path, fold, views={"shift": 1}, input_shape=(8, 8, 1))
    train_member(member, X, y, X[:7])
    model = NumpyNetClassifier.load(tmp_path / "model.safetensors")
    assert model.views == {"shift": 1}
    oof, test = members.read_predictions(member)
    np.testing.assert_array_equal(model.predict_proba(X[fold.validation_rows]), oof)
    np.testing.assert_array_equal(model.predict_proba(X[:7]), test)


def test_views_count_at_the_end_only(digits, fold, tmp_path):
    X, y = digits
    histories = {}
    for views in (None, {"shift": 2}):
        member = make_member(tmp_path / str(views), fold, views=views, input_shape=(8, 8, 1))
        train_member(member, X, y, X[:7])
        rows = read_history(member.folder / "history.csv")
        histories[views is None] = [(row["loss"], row["accuracy"]) for row in rows]
    assert histories[True] == histories[False]


def test_a_finished_network_is_not_trained_again(digits, fold, tmp_path, monkeypatch):
    X, y = digits
    member = make_member(tmp_path, fold)
    result = train_member(member, X, y, X[:7])
    monkeypatch.setattr(fold_training, "_train", None)
    assert train_member(member, X, y, X[:7]) == result


@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_a_network_goes_on_from_its_last_epoch_to_the_same_bytes(
    digits, fold, tmp_path, monkeypatch, epochs
):
    X, y = digits
    whole, broken = (make_member(tmp_path / name, fold, dropout=0.2) for name in "ab")
    train_member(whole, X, y, X[:7])

    class Killed(BaseException):
        pass

    save = fold_training.Checkpoints.save
    n_saved = []

    def save_and_die(checkpoints, state, epoch):
        save(checkpoints, state, epoch)
        n_saved.append(epoch)
        if epoch == epochs:
            raise Killed

    monkeypatch.setattr(fold_training.Checkpoints, "save", save_and_die)
    with pytest.raises(Killed):
        train_member(broken, X, y, X[:7])
    monkeypatch.setattr(fold_training.Checkpoints, "save", save)
    n_saved.clear()
    train_member(broken, X, y, X[:7])
    for name in ("oof.npy", "test.npy"):
        assert (whole.folder / name).read_bytes() == (broken.folder / name).read_bytes()
    # The files themselves hold the seconds of each epoch too.
    weights, others = (load_file(m.folder / "model.safetensors") for m in (whole, broken))
    assert weights.keys() == others.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(array, others[name])
    assert len(read_history(broken.folder / "history.csv")) == 4
    assert not list(broken.folder.glob("epoch-*"))


def test_a_network_trains_on_one_blas_thread(digits, tmp_path, monkeypatch):
    X, y = digits
    threads = []
    real = NumpyNetClassifier.fit_epochs

    def fit_epochs(*arguments, **options):
        threads.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return real(*arguments, **options)

    monkeypatch.setattr(NumpyNetClassifier, "fit_epochs", fit_epochs)
    fold = Fold(1, np.arange(100), np.arange(100, 120), seeds=(0,))
    member = make_member(tmp_path, fold, max_iter=1)
    train_member(member, X, y, X[:5])
    assert threads
    assert set(threads) == {1}


def test_predicting_in_blocks_changes_nothing(digits):
    X, y = digits
    model = NumpyNetClassifier(learning_rate="cosine", max_iter=2, random_state=0, scaling="unit")
    model.fit(X, y)
    whole = predict_blocks(model, X)
    # A product of other shape may round differently in the last bit.
    np.testing.assert_allclose(predict_blocks(model, X, block_rows=100), whole, atol=1e-6)


def test_ctrl_c_ends_the_training_and_vouches_for_nothing(digits, fold, tmp_path, monkeypatch):
    X, y = digits
    member = make_member(tmp_path, fold)

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("digit_recognizer.nn.training.train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_member(member, X, y, X[:5])
    assert not (tmp_path / members.RESULT_FILE).exists()


def test_the_memory_that_the_process_took_is_recorded(digits, fold, tmp_path):
    X, y = digits
    before = fold_training.peak_memory_mb()
    member = make_member(tmp_path, fold)
    result = train_member(member, X, y, X[:7])
    assert before <= result["peak_memory_mb"] <= fold_training.peak_memory_mb() < 100_000
    # A finished one keeps its figure.
    assert train_member(member, X, y, X[:7]) == result


def test_where_the_system_does_not_tell_the_memory_nothing_is_recorded(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert fold_training.peak_memory_mb() is None


def test_a_state_of_another_training_is_left_aside(digits, fold, tmp_path):
    X, y = digits
    other = NumpyNetClassifier((8,), learning_rate="one_cycle", max_iter=4, random_state=1)
    epochs = other.fit_epochs(X[fold.train_rows], y[fold.train_rows])
    next(epochs)
    fold_training.Checkpoints(tmp_path / "a").save(other.training_state(), 1)
    results = [train_member(make_member(tmp_path / name, fold), X, y, X[:7]) for name in "ab"]
    for result in results:
        del result["seconds"], result["peak_memory_mb"]
    assert results[0] == results[1]


def test_while_it_trains_a_network_says_how_far_it_is(digits, fold, tmp_path, monkeypatch):
    X, y = digits
    monkeypatch.setattr(status, "SECONDS_BETWEEN_WRITES", 0)
    member = make_member(tmp_path, fold, views={"shift": 1}, input_shape=(8, 8, 1))
    told = []
    tell = StatusFile._tell

    def telling(self, *args):
        tell(self, *args)
        told.append(read_status(tmp_path))

    monkeypatch.setattr(StatusFile, "_tell", telling)
    train_member(member, X, y, X[:7])
    epochs = [one.epoch for one in told[:-1]]
    assert epochs == sorted(len(epochs) // 4 * [1, 2, 3, 4])
    assert told[-1].is_predicting
    done = [one.done for one in told]
    assert done == sorted(done)
    assert told[-1].total - told[-1].done == 5 * 7  # seven images, five views of each
