"""The rows on which a fit is watched, and what is measured on them after each epoch."""

import math
import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing

from digit_recognizer.estimator.fitting.cores import AllCores
from digit_recognizer.estimator.fitting.scoring import Score
from digit_recognizer.estimator.inputs.arrays import prepared, validated
from digit_recognizer.estimator.inputs.soft_targets import learned_targets
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.prediction import predict

EVALUATION_ROWS = 1024


class Validation:
    """Loss and score after each epoch, on validation rows and on as many training rows.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
    training, validation : tuple of (X, y, sample_weight)
        With encoded targets; weights may be None.
    """

    def __init__(self, estimator, training, validation):
        self.estimator = estimator
        self.validation = validation
        self.training = _draw(estimator, training, validation[0].shape[0])
        self.score = Score(estimator)

    def measure(self) -> dict:
        """``train_score``, ``validation_loss`` and ``validation_score`` of the network as it is."""
        X, y, sample_weight = self.validation
        with AllCores():
            loss, predictions = evaluate(
                self.estimator._network, X, learned_targets(y), sample_weight
            )
        return {
            "train_score": self.score.on_training_rows(self.training),
            "validation_loss": loss * self.estimator._loss_scale,
            "validation_score": self.score.on_validation_rows(self.validation, predictions),
        }


def _draw(estimator, training, n):
    """At most `n` of the training rows with weight, always the same: of each class its share."""
    X, y, sample_weight = training
    labels = _labels(estimator, y)
    rows = _rows_with_weight(labels, sample_weight)
    if len(rows) > n:
        rows = np.sort(rows[_stratified_order(labels[rows], estimator._split_seed)[:n]])
    return training if len(rows) == X.shape[0] else _take(training, rows)


def _stratified_order(labels, seed):
    """An order of rows whose first ones, however many, have of each label its share, at least one.

    The first row of each label comes first, its later ones spread evenly over the rest.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    _, classes, counts = np.unique(labels[order], return_inverse=True, return_counts=True)
    rank = np.empty(len(order))
    rank[np.argsort(classes, kind="stable")] = np.concatenate([np.arange(n) for n in counts])
    return order[np.argsort(rank / counts[classes], kind="stable")]


def _labels(estimator, y):
    """A label a row; the same for all where there are no classes to tell apart."""
    labels = estimator._stratify_by(y)
    return np.zeros(len(y), dtype=int) if labels is None else labels


def _rows_with_weight(labels, sample_weight):
    """Indices of the rows with weight; all rows of a label of which less than two have any."""
    if sample_weight is None:
        return np.arange(len(labels))
    weighs = sample_weight != 0
    is_bare = np.bincount(labels, weighs) < 2
    return np.flatnonzero(weighs | is_bare[labels])


def _take(arrays, rows):
    return tuple(None if array is None else _safe_indexing(array, rows) for array in arrays)


def evaluate(network, X, y, sample_weight):
    """Loss of a network and its predictions, block by block, without training it.

    Returns
    -------
    loss : float
        The weighted mean over the rows; nan if the weights add up to zero.
    predictions : ndarray of shape (n_samples, n_outputs)
    """
    predictions = predict(network, X, activate=False)
    total, total_weight, memory = 0.0, 0.0, Memory(network.dtype)
    for start in range(0, len(predictions), EVALUATION_ROWS):
        rows = slice(start, start + EVALUATION_ROWS)
        Z = predictions[rows].copy()
        network.loss.activate(predictions[rows])
        weight = None if sample_weight is None else sample_weight[rows]
        loss, _ = network.loss.loss_and_gradient(Z, y[rows], weight, memory)
        share = len(Z) if weight is None else float(weight.sum())
        total += share * loss
        total_weight += share
    return total / total_weight if total_weight else np.nan, predictions


def split_rows(estimator, X, y, sample_weight):
    """Part the training rows by `validation_fraction` or the splitter in its place.

    Returns
    -------
    training, validation : tuple of (X, y, sample_weight)
    """
    if hasattr(estimator.validation_fraction, "split"):
        labels = estimator._stratify_by(y)
        targets = y if labels is None else labels
        train, test = _first_split(estimator.validation_fraction, X, targets)
    else:
        train, test = _split_by_fraction(estimator, y, sample_weight)
    _check_size(len(test), X.shape[0])
    return tuple(_take((X, y, sample_weight), rows) for rows in (train, test))


def _split_by_fraction(estimator, y, sample_weight):
    """Rows to train on, and the share of those with weight to validate on."""
    labels = _labels(estimator, y)
    is_stratified = estimator._stratify_by(y) is not None
    rows = _rows_with_weight(labels, sample_weight)
    n_test, of_all = (math.ceil(estimator.validation_fraction * len(r)) for r in (rows, y))
    # Few rows with weight do not make the share too small that the whole would have given.
    n_test = max(n_test, min(of_all, max(len(np.unique(labels)), 2)))
    if is_stratified:
        estimator._check_can_be_split(labels)
    _check_size(n_test, len(y))
    if n_test >= len(rows):
        raise ValueError(
            f"validation_fraction={estimator.validation_fraction} leaves none of the {len(rows)} "
            "rows with weight to train on; lower it, or pass X_val and y_val."
        )
    strata, seed = _pool_rare(labels[rows]), estimator._split_seed
    if len(rows) == len(y):
        is_stratified &= len(np.unique(strata)) <= min(n_test, len(y) - n_test)
        stratify = strata if is_stratified else None
        return train_test_split(rows, random_state=seed, test_size=n_test, stratify=stratify)
    test, train = np.split(rows[_stratified_order(strata, seed)], [n_test])
    return np.concatenate([train, np.setdiff1d(np.arange(len(y)), rows)]), test


def _check_size(n_test, n_samples):
    if n_test < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset. Got {n_test} of n_samples={n_samples}."
        )


def _pool_rare(labels):
    """Labels of which each has two rows: those with one share a label, or take the commonest."""
    counts = np.bincount(labels)
    is_rare = counts[labels] == 1
    common = -1 if is_rare.sum() > 1 else counts.argmax()
    return np.where(is_rare, common, labels)


def _first_split(splitter, X, targets):
    train, test = next(iter(splitter.split(X, targets)), (None, None))
    if train is None or len(train) == 0:
        what = "makes no split" if train is None else "leaves no rows to train on"
        raise ValueError(
            f"validation_fraction={splitter} {what}; give a splitter such as "
            "ShuffleSplit(test_size=0.1), a number, or X_val and y_val."
        )
    return np.asarray(train), np.asarray(test)


def warn_of_idle_scoring(estimator, given) -> None:
    """Warn where `scoring` is set and nothing is scored."""
    splits = estimator.early_stopping and estimator.solver != "lbfgs"
    if estimator.scoring is not None and given is None and not splits:
        warnings.warn(
            f"scoring={estimator.scoring!r} has no effect without a validation set; give X_val and "
            "y_val, or set early_stopping=True with a stochastic solver.",
            stacklevel=3,
        )


def check_given(estimator, X_val, y_val):
    """Check the validation set given to `fit`; returns (X, y, None) with y encoded, or None."""
    if X_val is None and y_val is None:
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"A validation set needs both X_val and y_val: {missing} is missing.")
    X, y = validated(estimator, X_val, y_val, suffix="_val", reset=False)
    X = prepared(X, estimator._network, "X_val")
    return X, estimator._encode_known(y), None
