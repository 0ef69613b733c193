"""Results of a run: out-of-fold and test probabilities, accuracies, and their files."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd

from digit_recognizer.files import write_text
from digit_recognizer.pipeline.data import Data
from digit_recognizer.pipeline.folds import Fold


def gather_oof(folder: Path, folds: list[Fold], n_samples: int, n_classes: int) -> np.ndarray:
    """Out-of-fold probabilities of all training rows, float32 of shape (n_samples, n_classes)."""
    oof = np.empty((n_samples, n_classes), dtype=np.float32)
    for fold in folds:
        oof[fold.validation_rows] = np.load(folder / fold.name / "oof.npy")
    return oof


def mean_test(folder: Path, folds: list[Fold]) -> np.ndarray:
    """Mean over the folds of the test probabilities, float64 of shape (n_test, n_classes)."""
    total = 0.0
    for fold in folds:
        total = total + np.load(folder / fold.name / "test.npy").astype(np.float64)
    return total / len(folds)


def write_oof(path: Path, oof, folds: list[Fold], y, classes) -> None:
    """Write a table of all training rows: row (from 1), fold, label, prediction, probabilities."""
    fold_of_row = np.empty(len(y), dtype=int)
    for fold in folds:
        fold_of_row[fold.validation_rows] = fold.number
    table = pd.DataFrame(
        {
            "row": np.arange(1, len(y) + 1),
            "fold": fold_of_row,
            "label": y,
            "prediction": classes[oof.argmax(axis=1)],
        }
    )
    probabilities = pd.DataFrame(oof, columns=[f"probability_{label}" for label in classes])
    text = io.StringIO()
    pd.concat([table, probabilities], axis=1).to_csv(
        text, index=False, lineterminator="\n", float_format="%.6g"
    )
    write_text(path, text.getvalue())


def measure(oof, test_labels, fold_results: list[dict], data: Data, classes) -> dict:
    """Accuracies of a run.

    Returns
    -------
    dict
        ``cv_accuracy_mean``, ``cv_accuracy_std`` (over the folds), ``oof_accuracy``, ``folds`` (a
        dict a fold), ``n_train``, ``n_test``, ``data``, and ``test_accuracy`` where the test
        labels are known, as they are for the embedded sample.
    """
    accuracies = [result["accuracy"] for result in fold_results]
    metrics = {
        "cv_accuracy_mean": float(np.mean(accuracies)),
        "cv_accuracy_std": float(np.std(accuracies)),
        "oof_accuracy": float((classes[oof.argmax(axis=1)] == data.y_train).mean()),
        "folds": fold_results,
        "n_train": len(data.y_train),
        "n_test": len(test_labels),
        "data": data.fingerprint,
    }
    if data.held_back_labels is not None:
        metrics["test_accuracy"] = float((test_labels == data.held_back_labels).mean())
    return metrics


def write_metrics(path: Path, metrics: dict) -> None:
    """Write the metrics as JSON."""
    write_text(path, json.dumps(metrics, indent=2) + "\n")
