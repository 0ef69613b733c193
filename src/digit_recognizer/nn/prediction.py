"""Prediction, in blocks of rows."""

import threading

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.arrays.workers import share
from digit_recognizer.nn.interface.checks import check_rows

# Rows predicted at once, for full speed in little memory; blocks of a CSR matrix are copies, and
# 3,000 rows take a third less time at once.
PREDICTION_ROWS, SPARSE_PREDICTION_ROWS = 1024, 8192
# Smaller predictions keep a thread's memory for the next: one row takes a third less time.
MOST_KEPT_ROWS = 64


def predict(network, X) -> np.ndarray:
    """The computation behind `Network.predict`, which documents it."""
    X = X.tocsr() if is_sparse(X) else np.asarray(X)
    check_rows(X, network.input_shape)
    n = X.shape[0]
    predictions = np.empty((n, *network.output_shape), dtype=network.dtype)
    stays_sparse = is_sparse(X) and network.takes_sparse and network.scaling is None
    size = SPARSE_PREDICTION_ROWS if stays_sparse else PREDICTION_ROWS
    thread = network.kept if n <= MOST_KEPT_ROWS else threading.local()

    def predict_rows(start):
        kept = vars(thread)
        memories = kept.get("memories") or kept.setdefault("memories", network.memories(False))
        Z = predictions[start : start + size]
        Z[...] = network.run(X if n <= size else X[start : start + size], memories)
        network.loss.activate(Z)

    share(predict_rows, range(0, n, size), calls=(*network.layers, network.loss))
    return predictions
