"""Runs of which there is no more than their predictions."""

import numpy as np

from digit_recognizer.checksummed import write_checksummed
from digit_recognizer.pipeline.runs.results import write_oof

LABELS = np.arange(40) % 4


def write_run(folder, wrong_rows=(), labels=LABELS, data="abc", rows=None):
    """A run that predicts all rows right but those; `rows` are their numbers in the data."""
    folder.mkdir(parents=True)
    probabilities = np.full((len(labels), 4), 0.1, dtype=np.float32)
    predictions = labels.copy()
    predictions[list(wrong_rows)] = (predictions[list(wrong_rows)] + 1) % 4
    probabilities[np.arange(len(labels)), predictions] = 0.7
    fold_of_row = np.arange(len(labels)) // 4 % 2 + 1
    write_oof(folder / "oof.csv", probabilities, fold_of_row, labels, np.arange(4), rows)
    metrics = {"n_train": len(labels), "data": data}
    write_checksummed(folder / "metrics.json", metrics)
    return folder
