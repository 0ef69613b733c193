"""Prediction, in blocks of rows."""

import threading

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.arrays.sharing import has_many_calls, share_rows
from digit_recognizer.nn.interface.checks import check_rows

# Rows predicted at once, for full speed in little memory; blocks of a CSR matrix are copies, and
# 3,000 rows take a third less time at once. Images pass in smaller pieces anyway.
PREDICTION_ROWS, SPARSE_PREDICTION_ROWS, IMAGE_ROWS = 1024, 8192, 256
# Smaller predictions keep a thread's memory for the next: one row takes a third less time.
MOST_KEPT_ROWS = 64


def predict(network, X, activate=True, kept=None) -> np.ndarray:
    """`Network.predict`, or what the last layer returns; `kept`, a threading.local, has memory."""
    X = X.tocsr() if is_sparse(X) else np.asarray(X)
    check_rows(X, network.input_shape)
    n, size = X.shape[0], IMAGE_ROWS if has_many_calls(network) else PREDICTION_ROWS
    predictions = np.empty((n, *network.output_shape), dtype=network.dtype)
    if is_sparse(X) and network.takes_sparse and network.scaling is None:
        size = SPARSE_PREDICTION_ROWS
    kept = kept or (network.kept if n <= MOST_KEPT_ROWS else threading.local())

    def predict_rows(rows):
        own, Z = vars(kept), predictions[rows]
        memories = own.get("memories") or own.setdefault("memories", network.memories(False))
        Z[...] = network.run(X if n <= size else X[rows], memories)
        if activate:
            network.loss.activate(Z)

    share_rows(predict_rows, [predictions], size, network)
    return predictions
