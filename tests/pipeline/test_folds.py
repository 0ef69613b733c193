"""Folds: the split, the scaling, the training of one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_info

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.folds import (
    Fold,
    Scaler,
    make_folds,
    predict_blocks,
    read_history,
    train_fold,
)
from digit_recognizer.pipeline.recipe import CrossValidation


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    n_folds=st.integers(2, 5),
    seed=st.integers(0, 2**32),
    counts=st.lists(st.integers(5, 20), min_size=2, max_size=5),
)
def test_folds_part_the_rows_and_keep_the_classes_shares(n_folds, seed, counts):
    y = np.repeat(np.arange(len(counts)), counts)
    folds = make_folds(y, CrossValidation(n_folds, seed))
    rows = np.concatenate([fold.validation_rows for fold in folds])
    assert sorted(rows) == list(range(len(y)))
    for fold in folds:
        assert sorted([*fold.train_rows, *fold.validation_rows]) == list(range(len(y)))
        shares = np.bincount(y[fold.validation_rows], minlength=len(counts))
        assert (np.abs(shares - np.array(counts) / n_folds) <= 1).all()


def test_folds_follow_the_seed_and_have_seeds_of_their_own():
    y = np.repeat(np.arange(3), 20)
    first, again, other = (make_folds(y, CrossValidation(4, seed)) for seed in (0, 0, 1))
    assert [fold.seed for fold in first] == [fold.seed for fold in again]
    assert (first[0].validation_rows == again[0].validation_rows).all()
    assert len({fold.seed for fold in first}) == 4
    assert (first[0].validation_rows != other[0].validation_rows).any()


def test_a_class_with_fewer_rows_than_folds_is_named():
    y = np.array([0] * 9 + [7] * 2)
    with pytest.raises(InputError, match="Class 7 has 2 training rows, fewer than the 3 folds"):
        make_folds(y, CrossValidation(folds=3))


def test_standard_scaling_gives_mean_0_and_deviation_1():
    X = np.random.default_rng(0).integers(0, 256, (50, 9), dtype=np.uint8)
    scaled = Scaler.fit(X, "standard")(X)
    assert scaled.dtype == np.float32
    assert scaled.mean() == pytest.approx(0, abs=1e-5)
    assert scaled.std() == pytest.approx(1, abs=1e-5)


def test_unit_scaling_gives_0_to_1():
    scaled = Scaler.fit(np.zeros((1, 2), np.uint8), "unit")(np.array([[0, 255]], np.uint8))
    assert scaled.tolist() == [[0, 1]]


def test_scaling_images_that_are_all_the_same_stays_finite():
    X = np.full((4, 3), 9, np.uint8)
    assert (Scaler.fit(X, "standard")(X) == 0).all()


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    return (X * 15).astype(np.uint8), y


def test_a_trained_fold_leaves_its_files_and_its_accuracy(digits, tmp_path):
    X, y = digits
    fold = make_folds(y, CrossValidation(folds=3))[0]
    scaler = Scaler.fit(X, "standard")
    estimator = NumpyNetClassifier(
        learning_rate="one_cycle", learning_rate_init=0.02, batch_size=32, max_iter=4
    )
    result = train_fold(fold, estimator, scaler, (X, y, X[:7]), tmp_path)
    oof, test = np.load(tmp_path / "oof.npy"), np.load(tmp_path / "test.npy")
    assert oof.shape == (len(fold.validation_rows), 10)
    assert test.shape == (7, 10)
    assert result["accuracy"] == (oof.argmax(axis=1) == y[fold.validation_rows]).mean() > 0.9
    history = read_history(tmp_path / "history.csv")
    assert [int(row["epoch"]) for row in history] == [1, 2, 3, 4]
    assert float(history[-1]["accuracy"]) == result["accuracy"]
    assert float(history[-1]["loss"]) == result["loss"]


def test_a_fold_trains_on_one_blas_thread(digits, tmp_path, monkeypatch):
    X, y = digits
    threads = []
    real = NumpyNetClassifier.fit_epochs

    def fit_epochs(*arguments):
        threads.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return real(*arguments)

    monkeypatch.setattr(NumpyNetClassifier, "fit_epochs", fit_epochs)
    fold = Fold(1, np.arange(100), np.arange(100, 120), seed=0)
    estimator = NumpyNetClassifier(learning_rate="cosine", max_iter=1)
    train_fold(fold, estimator, Scaler.fit(X, "unit"), (X, y, X[:5]), tmp_path)
    assert threads
    assert set(threads) == {1}


def test_predicting_in_blocks_changes_nothing(digits):
    X, y = digits
    scaler = Scaler.fit(X, "unit")
    model = NumpyNetClassifier(learning_rate="cosine", max_iter=2, random_state=0)
    model.fit(scaler(X), y)
    whole = predict_blocks(model, scaler, X)
    # A product of other shape may round differently in the last bit.
    np.testing.assert_allclose(predict_blocks(model, scaler, X, block_rows=100), whole, atol=1e-6)
