"""Rows of data as the network takes them: dense rows one after the other, sparse ones as CSR.

A sparse matrix is known by its methods: SciPy's are passed in, and not imported.
"""

from collections.abc import Iterator

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


class Batches:
    """Cuts the training data into batches, in buffers made once.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, \\*input_shape)
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
    batch_size : int
    drop_last : bool
    """

    def __init__(self, X, y, sample_weight, batch_size, drop_last):
        self.n_samples = X.shape[0]
        self.batch_size = min(batch_size, self.n_samples)
        # Where the batch begins, and somebody who may have gathered it.
        self.start, self.order, self.gathered = 0, None, None
        self.n_used = self.n_samples - (self.n_samples % self.batch_size if drop_last else 0)
        given = [X, y, sample_weight]
        self.arrays = [array if array is None else contiguous(array) for array in given]
        self._buffers = [
            None
            if array is None or is_sparse(array)
            else np.empty((self.batch_size, *array.shape[1:]), array.dtype)
            for array in self.arrays
        ]

    def __len__(self) -> int:
        return -(-self.n_used // self.batch_size)

    def __call__(self, order: np.ndarray | None) -> Iterator[list]:
        """Yield [X, y, sample_weight or None] for each batch; a sparse X stays sparse.

        Parameters
        ----------
        order : ndarray of shape (n_samples,), intp, or None
            Rows in the order to take them; None for the order they are in.
        """
        self.order = order
        for start in range(0, self.n_used, self.batch_size):
            self.start = start
            rows = slice(start, min(start + self.batch_size, self.n_used))
            rows = rows if order is None else order[rows]
            X = None if self.gathered is None else self.gathered(start)
            pairs = zip(self.arrays, self._buffers, strict=True)
            yield [
                X if number == 0 and X is not None else self._take(array, rows, buffer)
                for number, (array, buffer) in enumerate(pairs)
            ]

    @staticmethod
    def _take(array, rows, buffer):
        if array is None:
            return None
        if buffer is None or isinstance(rows, slice):
            return array[rows]
        # "clip" lets NumPy write to `out` directly; the indices are in range anyway.
        return np.take(array, rows, axis=0, out=buffer[: len(rows)], mode="clip")
