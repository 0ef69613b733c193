"""Columns of zeros in a batch, such as the border of images: products leave them out.

They add nothing to X W, and their rows of Xᵀ G are zeros. In 128 rows of MNIST they are a third of
all: 784-256-128-10 on batches of 128 trains 1.08 times as fast, 784-128-10 on 256 as well.
"""

import numpy as np

from digit_recognizer.nn.arrays.products import product
from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.arrays.workers import is_ours

# Time to gather a value of X, or to take one of W and write one of its gradient, in multiply-adds:
# with half of it batches of 32 lose up to 8%.
MOVE_COST = 50
# Where it does not pay with so large a share of the columns, zeros are not looked for.
SHARE_OF_COLUMNS = 2 / 3
# So many rows are looked at before all: where X has no zeros all this takes 2 µs.
FIRST_ROWS = 8
UNSIGNED = {4: np.uint32, 8: np.uint64}


def without_zero_columns(X, layer, memory):
    """X as `layer`'s factor in products: itself, or without zero columns where that pays.

    Which it is depends on the batch alone.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, n_features)
    layer : Dense
        What is not first sees no zeros that last; one of the user's may do more with X.
    memory : Memory
        Of the layer.

    Returns
    -------
    X or NonzeroColumns
    """
    if not (layer.is_first and memory.training and is_ours(layer)):
        return X
    if is_sparse(X) or not X.flags.c_contiguous:
        return X
    n_units = layer.n_units
    if not pays(X.shape, SHARE_OF_COLUMNS * X.shape[1], n_units):
        return X
    # Their bits: neither NaN nor −0 counts as zero.
    bits = X.view(UNSIGNED[X.itemsize])
    present = bits[0]
    for n_rows in FIRST_ROWS, len(X):
        if not pays(X.shape, np.count_nonzero(present), n_units):
            return X
        present = np.bitwise_or.reduce(bits[:n_rows], axis=0)
    columns = np.flatnonzero(present)
    return NonzeroColumns(X, columns, memory) if pays(X.shape, len(columns), n_units) else X


def pays(shape: tuple[int, int], n_columns: float, n_units: int) -> bool:
    """Whether both products of an X of that shape take less time with `n_columns` of it."""
    n_rows, n_features = shape
    saved = 2 * n_rows * (n_features - n_columns) * n_units
    return saved > MOVE_COST * n_columns * (n_rows + n_units)


class NonzeroColumns:
    """An X of which some columns only are not zero, as a factor of `product`, as is its ``T``.

    Parameters
    ----------
    X : ndarray of shape (n, n_features)
    columns : ndarray of int of shape (n_columns,)
        Those that are not zero.
    memory : Memory
    """

    def __init__(self, X, columns, memory):
        self.shape, self.columns, self.memory = X.shape, columns, memory
        self.values = X[:, columns]

    @property
    def T(self):
        return NonzeroRows(self)

    def multiply(self, B, out):
        """X B."""
        np.take(B, self.columns, axis=0, out=self.rows_like(B), mode="clip")
        return product(self.values, self.rows_like(B), out)

    def rows_like(self, B):
        """An array for a row of B for each of the columns."""
        return self.memory.array("rows", (len(self.columns), B.shape[1]))


class NonzeroRows:
    """Xᵀ of `NonzeroColumns`."""

    def __init__(self, transpose):
        self.transpose = transpose

    def multiply(self, B, out):
        """Xᵀ B."""
        X = self.transpose
        out[...] = 0
        out[X.columns] = product(X.values.T, B, X.rows_like(B))
        return out
