"""Results of a run: predictions, accuracies, and their files."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from digit_recognizer.files import write_text
from digit_recognizer.pipeline.ensembles.combining import Combined, Split, verdict
from digit_recognizer.pipeline.ensembles.statistics import wilson_interval
from digit_recognizer.pipeline.runs.members import Member, read_predictions


def gather(members: list[Member], n_folds: int, n_samples: int) -> list[Split]:
    """The networks' predictions, by the repeats of the cross-validation.

    Parameters
    ----------
    members : list of Member
        Trained.
    n_folds : int
        Folds a repeat.
    n_samples : int
        Training rows.
    """
    splits = []
    for first in range(0, max(member.fold.number for member in members), n_folds):
        numbers = range(first + 1, first + n_folds + 1)
        own = [member for member in members if member.fold.number in numbers]
        splits.append(_gather_split(own, n_samples))
    return splits


def _gather_split(members, n_samples):
    n_networks = max(member.number for member in members)
    fold_of_row = np.empty(n_samples, dtype=int)
    oof, test = None, {}
    for member in members:
        of_rows, of_test = read_predictions(member)
        if oof is None:
            oof = np.empty((n_networks, n_samples, of_rows.shape[1]), dtype=of_rows.dtype)
        fold, index = member.fold.number, member.number - 1
        fold_of_row[member.fold.validation_rows] = fold
        oof[index, member.fold.validation_rows] = of_rows
        test.setdefault(fold, np.empty((n_networks, *of_test.shape), of_test.dtype))[index] = (
            of_test
        )
    return Split(fold_of_row, oof, test)


def write_oof(path: Path, oof, fold_of_row, y, classes, rows=None) -> None:
    """Write a table of all training rows: row, fold, label, prediction, probabilities.

    `rows` are their numbers in the training file, where some were left out; else 1 to n.
    """
    table = pd.DataFrame(
        {
            "row": np.arange(1, len(y) + 1) if rows is None else rows,
            "fold": fold_of_row,
            "label": y,
            "prediction": classes[oof.argmax(axis=1)],
        }
    )
    _write_probabilities(path, table, oof, classes)


def write_test(path: Path, probabilities, ids, classes, competition) -> None:
    """Write a table of all test images: their ids, and the probability of each class."""
    table = pd.DataFrame({competition.id_column: ids})
    _write_probabilities(path, table, probabilities, classes)


def _write_probabilities(path, table, probabilities, classes):
    probabilities = pd.DataFrame(
        probabilities, columns=[f"probability_{label}" for label in classes]
    )
    text = io.StringIO()
    pd.concat([table, probabilities], axis=1).to_csv(
        text, index=False, lineterminator="\n", float_format="%.6g"
    )
    write_text(path, text.getvalue())


def measure(
    combined: Combined, splits: list[Split], member_results: list[dict], labels, classes
) -> dict:
    """Accuracies of a run.

    Parameters
    ----------
    combined : Combined
    splits : list of Split
    member_results : list of dict
        Of the networks.
    labels : ndarray of shape (n_train,)
        Of the training rows, each one of `classes`.
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    dict
        ``cv_accuracy_mean``, ``cv_accuracy_std`` (over the folds), ``oof_accuracy``,
        ``oof_accuracy_interval`` (95%: low, high), ``ensemble`` (how it was combined), ``folds``
        and ``networks`` (a dict each), ``n_train``, ``n_test``.
    """
    right = classes[combined.oof.argmax(axis=1)] == labels
    folds = [
        {"fold": int(fold), "accuracy": float(right[split.fold_of_row == fold].mean())}
        for split in splits
        for fold in split.test
    ]
    accuracies = [fold["accuracy"] for fold in folds]
    interval = wilson_interval(int(right.sum()), len(right))
    return {
        "cv_accuracy_mean": float(np.mean(accuracies)),
        "cv_accuracy_std": float(np.std(accuracies)),
        "oof_accuracy": float(right.mean()),
        "oof_accuracy_interval": list(interval),
        "ensemble": combined.description,
        "folds": folds,
        "networks": member_results,
        "n_train": len(labels),
        "n_test": len(combined.test),
    }


def measure_teachers(teachers: list[Member], member_results: list[dict], n_folds: int, y) -> dict:
    """How well the teachers predict out of fold, by the mean of their probabilities.

    Parameters
    ----------
    teachers : list of Member
        Trained.
    member_results : list of dict
        Theirs.
    n_folds : int
        Folds a repeat.
    y : ndarray of int of shape (n_train,)
        Indices of the classes.

    Returns
    -------
    dict
        ``oof_accuracy``, and ``networks`` (a dict each).
    """
    splits = gather(teachers, n_folds, len(y))
    oof = np.mean([split.oof.mean(axis=0, dtype=np.float64) for split in splits], axis=0)
    accuracy = float((oof.argmax(axis=1) == y).mean())
    return {"oof_accuracy": accuracy, "networks": member_results}


def describe_results(metrics: dict, how: str) -> dict[str, str]:
    """What to tell of a run, by name; `how` is the combining that the recipe asks for."""
    low, high = metrics["oof_accuracy_interval"]
    networks = [network["accuracy"] for network in metrics["networks"]]
    sizes = {network["network"]: network for network in metrics["networks"]}.values()
    network = "; ".join(
        dict.fromkeys(
            f"{size['parameters']:,} parameters, {size['multiply_adds']:,} multiply-adds"
            for size in sizes
        )
    )
    lines = ({"Network": network} if sizes else {"Of": ", ".join(metrics["blend"])}) | {
        "CV accuracy": f"{metrics['cv_accuracy_mean']:.2%} ± {metrics['cv_accuracy_std']:.2%}",
        "OOF accuracy": f"{metrics['oof_accuracy']:.2%} (95% interval {low:.2%} to {high:.2%})",
    }
    if len(networks) > len(metrics["folds"]):
        lines["Networks"] = f"{len(networks)}, each {np.mean(networks):.2%} on average"
    if "teachers" in metrics:
        teachers = metrics["teachers"]
        n_wrong = [round((1 - m["oof_accuracy"]) * metrics["n_train"]) for m in (teachers, metrics)]
        lines["Teachers"] = (
            f"{len(teachers['networks'])}, OOF accuracy {teachers['oof_accuracy']:.2%}: "
            f"{n_wrong[0]:,} errors, and {n_wrong[1]:,} of the networks they taught"
        )
    combining = verdict(metrics["ensemble"], how)
    if combining:
        lines["Combining"] = combining
    if "test_accuracy" in metrics:
        lines["Test accuracy"] = f"{metrics['test_accuracy']:.2%} (labels held back)"
    since = " since it was continued" if metrics["was_continued"] else ""
    lines["Time"] = f"{metrics['seconds']:.1f} s{since}"
    return lines
