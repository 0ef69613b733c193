"""Rows of data as the network takes them: dense rows one after the other, sparse ones as CSR.

A sparse matrix is known by its methods: SciPy's are passed in, and not imported.
"""

import numpy as np


def is_sparse(X) -> bool:
    """Whether X is a sparse matrix or array of SciPy."""
    return hasattr(X, "tocsr")


def contiguous(X, dtype=None):
    """X row by row and of one dtype: X itself where it is so already, otherwise one copy.

    Rows are gathered for every batch, which costs a copy of the whole array each time where it is
    laid out otherwise, as the columns of a DataFrame are.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n, …)
    dtype : dtype or None
        None for that of X.

    Returns
    -------
    ndarray of shape (n, …), C-contiguous, or CSR matrix of shape (n, n_features)
    """
    if is_sparse(X):
        return X.tocsr().astype(dtype or X.dtype, copy=False)
    return np.ascontiguousarray(X, dtype)


def multipliable(X, dtype):
    """X of that dtype, with neighbouring rows or columns, or CSR; copied only where it is not.

    NumPy hands BLAS nothing else: it copies such an array or, before version 2.3, multiplies it by
    loops of its own.
    """
    X = X.astype(dtype, copy=False)
    return X if is_sparse(X) or min(X.strides) == X.itemsize else np.ascontiguousarray(X)


def smallest(X) -> float:
    """The smallest value of X, zeros that a sparse X does not store included."""
    if is_sparse(X) and not X.has_canonical_format:
        # SciPy's minimum would add up duplicates in the user's own arrays.
        X = X.copy()
    return float(X.min())
