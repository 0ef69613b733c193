"""`class_weight`: what each row weighs by the classes it has."""

from numbers import Real

import numpy as np


def row_weights(class_weight, columns, classes, sample_weight) -> np.ndarray:
    """`sample_weight` times the weights of the classes, of several labels their product.

    Parameters
    ----------
    class_weight : dict, "balanced" or list of dict
        A list for several labels only.
    columns : ndarray of shape (n_labels, n)
        Indices into `classes`.
    classes : list
    sample_weight : ndarray of shape (n,) or None
        "balanced" counts a row of weight 2 as two.

    Returns
    -------
    ndarray of shape (n,), float64

    Raises
    ------
    ValueError
        Naming the class whose weight cannot be used, or the labels that have none.
    """
    weights = np.ones(columns.shape[1])
    if class_weight == "balanced":
        for column in columns:
            weights *= _balance(column, sample_weight)
    else:
        for i, given in enumerate(_one_a_label(class_weight, len(columns))):
            name = "class_weight" if len(columns) == 1 else f"class_weight[{i}]"
            weights *= _factors(name, given, classes)[columns[i]]
    if sample_weight is not None:
        weights *= sample_weight
    if not weights.any():
        product = "" if sample_weight is None else " times sample_weight"
        raise ValueError(
            f"class_weight={class_weight!r}{product} leaves every row without weight; give a class "
            "that is in y a weight above 0."
        )
    return weights


def _one_a_label(class_weight, n_labels):
    if n_labels == 1:
        if isinstance(class_weight, dict):
            return [class_weight]
        raise ValueError(
            "The 'class_weight' parameter is a list, which is for multilabel y; give a dict or "
            f"'balanced'. Got {class_weight!r}."
        )
    example = "such as [{0: 1, 1: 5}, {0: 1, 1: 2}, …]"
    if isinstance(class_weight, dict) or not all(isinstance(d, dict) for d in class_weight):
        raise ValueError(
            "For multi-output, class_weight should be a list of dicts, or the string 'balanced': "
            f"y has {n_labels} labels; give a dict for each, {example}."
        )
    if len(class_weight) != n_labels:
        raise ValueError(
            f"class_weight has {len(class_weight)} dicts, but y has {n_labels} labels; give one "
            f"for each, {example}."
        )
    return class_weight


def _factors(name, class_weight, classes):
    """The weight of each class, 1 for those left out."""
    unknown = [label for label in class_weight if label not in classes]
    if unknown and not all(label in class_weight for label in classes):
        raise ValueError(f"{name}: {unknown} are no classes of y; its classes are {classes}.")
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not 0 <= weight < np.inf:
            raise ValueError(f"{name}[{label!r}] is {weight!r}; a weight is a finite number >= 0.")
    return np.array([float(class_weight.get(label, 1)) for label in classes])


def _balance(column, sample_weight):
    """Row weights that give every class the same total."""
    _, indices = np.unique(column, return_inverse=True)
    totals = np.bincount(indices, weights=sample_weight)
    # A class whose rows have no weight adds nothing, whatever its factor.
    factors = np.divide(
        totals.sum(), len(totals) * totals, out=np.zeros(len(totals)), where=totals > 0
    )
    return factors[indices]
