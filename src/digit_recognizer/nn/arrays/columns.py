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
# Whole vectors of the processor; and few shapes to know of, see `rows.alike`.
COLUMN_MULTIPLE = 16
UNSIGNED = {4: np.uint32, 8: np.uint64}


def union_of_rows(bits):
    """The bits that are set in any of the rows."""
    return np.bitwise_or.reduce(bits, axis=0)


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
    if not (layer.is_first and memory.training and memory.is_whole and is_ours(layer)):
        return X
    if is_sparse(X) or not X.flags.c_contiguous:
        return X
    columns = nonzero_columns(X, layer.n_units)
    return X if columns is None else NonzeroColumns(X, columns, memory)


def nonzero_columns(X, n_units: int, union=union_of_rows) -> np.ndarray | None:
    """The columns that are not zero, and some that are so that they are a multiple of 16.

    Parameters
    ----------
    X : ndarray of shape (n, n_features), C-contiguous
    n_units : int
        Columns of what X is multiplied by.
    union : callable
        ``union(bits)`` gives the union of all rows' bits.

    Returns
    -------
    ndarray of int of shape (n_columns,), or None where it does not pay to take those only
    """
    if not pays(X.shape, SHARE_OF_COLUMNS * X.shape[1], n_units):
        return None
    # Their bits: neither NaN nor −0 counts as zero.
    of_a_value = UNSIGNED[X.itemsize]
    first = union_of_rows(X[:FIRST_ROWS].view(of_a_value))
    if not pays(X.shape, np.count_nonzero(first), n_units):
        return None
    # Wide ones take half the time.
    bits = X.view(np.uint64 if X.strides[0] % 8 == 0 else of_a_value)
    present = union(bits).view(of_a_value) != 0
    n_missing = -np.count_nonzero(present) % COLUMN_MULTIPLE
    present[np.flatnonzero(~present)[:n_missing]] = True
    columns = np.flatnonzero(present)
    return columns if pays(X.shape, len(columns), n_units) else None


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
