"""Soft targets: the probabilities of the classes that a fit learns in place of one class a row.

Encoded targets are then records of both, so that what cuts, shuffles or digests rows need not know:
``label``, which classes are told apart and accuracies measured by, and ``target``, which the loss
takes.
"""

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.interface.checks import check_sums

# A weighted mean of probabilities may lie so far outside of 0 to 1.
ROUNDING = 1e-5
SHARE = "by targets / targets.sum(axis=1, keepdims=True)"


def with_targets(labels: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Records of encoded labels and what the loss takes in their place, of shape (n,)."""
    kinds = [(name, a.dtype, a.shape[1:]) for name, a in (("label", labels), ("target", targets))]
    records = np.empty(len(labels), kinds)
    records["label"], records["target"] = labels, targets
    return records


def labels_of(y: np.ndarray) -> np.ndarray:
    """The labels of encoded targets."""
    return y if y.dtype.names is None else y["label"]


def learned_targets(y: np.ndarray) -> np.ndarray:
    """What the loss takes of encoded targets."""
    return y if y.dtype.names is None else y["target"]


def check_probabilities(targets, classes, n_samples: int, is_multilabel: bool) -> np.ndarray:
    """The `targets` of a fit as an array, if they are probabilities of the classes.

    Parameters
    ----------
    targets : array-like, DataFrame or sparse matrix of shape (n_samples, n_classes)
        The columns of a DataFrame are taken by their names, as numbers or as text.
    classes : ndarray of shape (n_classes,)
    n_samples : int
    is_multilabel : bool
        Whether a row may have several labels, so that its probabilities do not add up to 1.

    Returns
    -------
    ndarray of float of shape (n_samples, n_classes), in the order of `classes`

    Raises
    ------
    ValueError
        Naming the shape, the column or the row that does not fit.
    """
    shape = n_samples, len(classes)
    if hasattr(targets, "columns"):
        targets = _in_order(targets, classes)
    try:
        targets = np.asarray(targets.toarray() if is_sparse(targets) else targets, float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"targets must be numbers, a probability of each class for each row: {error}."
        ) from error
    if targets.shape != shape:
        raise ValueError(
            f"targets must have a row for each of X and a column for each of the classes "
            f"{classes.tolist()}, shape {shape}, got {targets.shape}{_remedy(targets, shape)}."
        )
    nearest = targets.clip(0, 1)
    targets = np.where(abs(targets - nearest) <= ROUNDING, nearest, targets)
    wrong = np.argwhere(~((targets >= 0) & (targets <= 1)))
    if len(wrong):
        row, column = wrong[0]
        counts = "" if is_multilabel or not (targets >= 0).all() else f"; counts become one {SHARE}"
        raise ValueError(
            f"targets has {targets[row, column]} in row {row}, for class "
            f"{classes.tolist()[column]!r}; a probability is a number from 0 to 1{counts}."
        )
    if not is_multilabel:
        check_sums(targets, "targets")
    return targets


def _in_order(frame, classes):
    """The columns of a DataFrame, in the order of the classes."""
    columns = list(frame.columns)
    for spelled in (classes.tolist(), [str(label) for label in classes.tolist()]):
        if len(columns) == len(spelled) and set(columns) == set(spelled):
            return frame.to_numpy()[:, [columns.index(label) for label in spelled]]
    raise ValueError(
        f"targets has the columns {columns}, but the classes of y are {classes.tolist()}; name "
        "each column by its class, or give targets.to_numpy() in the order of classes_."
    )


def _remedy(targets, shape):
    if targets.ndim == 1 and shape[1] == 2:
        return "; np.column_stack([1 - p, p]) makes both columns of the second's probability p"
    if targets.ndim == 1 and len(targets) == shape[0]:
        return "; labels go into y"
    if targets.ndim == 2 and targets.shape[1] > shape[1]:
        return "; of classes that y does not show partial_fit learns, which is given them"
    return ""
