"""The rows on which a fit is watched, and what is measured on them after each epoch."""

import copy
import warnings

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing

from digit_recognizer.estimator.inputs import validated

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
        self.training = _as_many(training, validation[0].shape[0], estimator._split_seed)
        self.scorer = None
        if estimator.scoring is not None:
            self.scorer = check_scoring(estimator, estimator.scoring)

    def measure(self) -> dict:
        """``train_score``, ``validation_loss`` and ``validation_score`` of the network as it is."""
        X, y, sample_weight = self.validation
        loss, predictions = evaluate(self.estimator._network, X, y, sample_weight)
        X_train, y_train, weight_train = self.training
        return {
            "train_score": self._score(X_train, y_train, weight_train),
            "validation_loss": loss * self.estimator._loss_scale,
            "validation_score": self._score(X, y, sample_weight, predictions),
        }

    def _score(self, X, y, sample_weight, predictions=None):
        if self.scorer is None:
            if predictions is None:
                predictions = self.estimator._network.predict(X)
            if not np.isfinite(predictions).all():
                return np.nan
            return float(self.estimator._score_predictions(predictions, y, sample_weight))
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        fitted = nameless(self.estimator)
        return float(self.scorer(fitted, X, self.estimator._decode(y), **weights))


def nameless(estimator):
    """A fitted copy that shares the network and takes arrays without column names."""
    fitted = copy.copy(estimator)
    fitted.__dict__.pop("feature_names_in_", None)
    return fitted


def _as_many(rows, n, seed):
    """At most `n` of the training rows, always the same ones."""
    n_samples = rows[0].shape[0]
    if n_samples <= n:
        return rows
    chosen = np.random.default_rng(seed).choice(n_samples, n, replace=False)
    chosen.sort()
    return tuple(None if array is None else array[chosen] for array in rows)


def evaluate(network, X, y, sample_weight):
    """Loss of a network and its predictions, block by block, without training it.

    Returns
    -------
    loss : float
        The weighted mean over the rows; nan if the weights add up to zero.
    predictions : ndarray of shape (n_samples, n_outputs)
    """
    memories = network.memories(training=False)
    total = total_weight = 0.0
    predictions = np.empty((X.shape[0], *network.output_shape), dtype=network.dtype)
    for start in range(0, X.shape[0], EVALUATION_ROWS):
        rows = slice(start, start + EVALUATION_ROWS)
        block = X[rows] if isinstance(X, np.ndarray) else X[rows].toarray()
        Z = network.forward(block, memories).copy()
        predictions[rows] = network.loss.activate(Z.copy())
        weight = None if sample_weight is None else sample_weight[rows]
        loss, _ = network.loss.loss_and_gradient(Z, y[rows], weight, memories[-1])
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
    stratify = estimator._stratify_by(y)
    if hasattr(estimator.validation_fraction, "split"):
        targets = y if stratify is None else stratify
        train, test = _first_split(estimator.validation_fraction, X, targets)
    else:
        train, test = train_test_split(
            np.arange(X.shape[0]),
            random_state=estimator._split_seed,
            test_size=estimator.validation_fraction,
            stratify=stratify,
        )
    if len(test) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    arrays = (X, y, sample_weight)
    return tuple(
        tuple(None if array is None else _safe_indexing(array, rows) for array in arrays)
        for rows in (train, test)
    )


def _first_split(splitter, X, targets):
    train, test = next(iter(splitter.split(X, targets)), (None, None))
    if train is None or len(train) == 0:
        what = "makes no split" if train is None else "leaves no rows to train on"
        raise ValueError(
            f"validation_fraction={splitter} {what}; give a splitter such as "
            "ShuffleSplit(test_size=0.1), a number, or X_val and y_val."
        )
    return train, test


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
    X, y = validated(
        estimator,
        X_val,
        y_val,
        multi_output=True,
        dtype=estimator._network.dtype,
        reset=False,
    )
    return X if isinstance(X, np.ndarray) else X.tocsr(), estimator._encode_known(y), None
