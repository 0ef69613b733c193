"""Scaling: values as people have them, such as pixels from 0 to 255, to what a network takes."""

from dataclasses import dataclass

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse

SCALINGS = ("unit", "standard")
# The ranges of pixels that are stored in these; of others the data say it.
RANGES = {np.dtype(kind): float(np.iinfo(kind).max) for kind in (np.uint8, np.uint16)}
# Measured at once: a wide copy of all would take eight times the memory of 8-bit pixels.
BLOCK_VALUES = 100_000


@dataclass(frozen=True)
class Scaling:
    """``(x − shift) / scale``, one of each for all values.

    Parameters
    ----------
    shift : float
    scale : float
        Not 0.
    """

    shift: float
    scale: float

    @classmethod
    def fit(cls, X, name: str, sample_weight=None) -> "Scaling":
        """The scaling named `name` for training data.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n, n_features)
        name : {"unit", "standard"}
            "unit" maps to [0, 1] the range of X's dtype if that is uint8 or uint16, or else the
            smallest to the largest value of X; "standard" makes the mean of all values 0 and their
            standard deviation 1. Where X is constant, the scale is 1.
        sample_weight : ndarray of shape (n,) or None, default=None
            A row of weight 2 counts as two, one of weight 0 not at all.

        Raises
        ------
        ValueError
            If X has values too large to measure.
        """
        if name == "unit" and X.dtype in RANGES:
            return cls(0.0, RANGES[X.dtype])
        weight = np.ones(X.shape[0]) if sample_weight is None else np.float64(sample_weight)
        with np.errstate(over="ignore", invalid="ignore"):
            shift, scale = (_extent if name == "unit" else _moments)(X, weight)
        if not np.isfinite([shift, scale]).all():
            raise ValueError(
                f"scaling={name!r} is not possible: X holds values too large to measure; divide X "
                "by a number first."
            )
        return cls(float(shift), float(scale) or 1.0)

    def __call__(self, X, dtype) -> np.ndarray:
        """A scaled copy of rows, dense and row by row.

        Parameters
        ----------
        X : ndarray of shape (n, …) or sparse matrix of shape (n, n_features)
        dtype : dtype
        """
        scaled = (X.toarray() if is_sparse(X) else X).astype(dtype, order="C")
        scaled -= scaled.dtype.type(self.shift)
        scaled *= scaled.dtype.type(1 / self.scale)
        return scaled


def _extent(X, weight):
    """Smallest value of the rows with weight, and the difference to the largest."""
    shown = (block[w != 0] for block, w in _blocks(X, weight) if w.any())
    ranges = [(block.min(), block.max()) for block in shown] or [(0.0, 0.0)]
    low, high = np.min(ranges), np.max(ranges)
    return low, high - low


def _moments(X, weight):
    """Mean and standard deviation of all values."""
    total = (weight.sum() or 1.0) * X.shape[1]
    # Measured from one of them, so that those of a constant X are exact.
    origin = np.float64(X[int((weight != 0).argmax()), 0])
    beyond = sum((block - origin).sum(axis=1) @ w for block, w in _blocks(X, weight))
    mean = origin + beyond / total
    squares = sum(((block - mean) ** 2).sum(axis=1) @ w for block, w in _blocks(X, weight))
    return mean, (squares / total) ** 0.5


def _blocks(X, weight):
    """Some rows after the other, dense and in float64, with their weights."""
    n_rows = max(1, BLOCK_VALUES // X.shape[1])
    for start in range(0, X.shape[0], n_rows):
        block = X[start : start + n_rows]
        block = block.toarray() if is_sparse(block) else block
        yield block.astype(np.float64), weight[start : start + n_rows]
