"""Which classes are taken for which, and how well each is found."""

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

# A larger matrix fits no screen: then the most frequent confusions are listed.
MOST_CLASSES, MOST_PAIRS = 40, 100
# Of the images shown for a cell, and of all of them.
MOST_IN_CELL, MOST_SHOWN = 60, 1500


def section(run, pictures):
    """The matrix, the images of its cells, and a row a class."""
    classes, n_classes = run.out_of_fold.classes, len(run.out_of_fold.classes)
    counts = confusion_matrix(run.y, run.predicted, labels=np.arange(n_classes))
    totals = counts.sum(axis=1)
    rates = counts / np.maximum(totals, 1)[:, np.newaxis]
    fits = n_classes <= MOST_CLASSES
    return {
        "classes": classes,
        "counts": counts.tolist() if fits else None,
        "rates": rates.tolist(),
        "most": float((rates - np.diag(np.diag(rates))).max()),
        "pairs": _pairs(counts, classes),
        "per_class": _per_class(run, classes, counts),
        "cells": _cells(run, pictures) if fits else {},
        "n_shown": MOST_IN_CELL,
    }


def _pairs(counts, classes):
    """The most frequent confusions: label, prediction, number of images."""
    errors = counts - np.diag(np.diag(counts))
    order = np.argsort(-errors, axis=None, kind="stable")[:MOST_PAIRS]
    places = zip(*np.unravel_index(order, errors.shape), strict=True)
    return [(classes[i], classes[j], int(errors[i, j])) for i, j in places if errors[i, j]]


def _per_class(run, classes, counts):
    """A row a class: images, errors, recall, precision, F1, what it is most taken for."""
    scores = precision_recall_fscore_support(
        run.y, run.predicted, labels=np.arange(len(classes)), zero_division=0
    )
    rows = []
    for index, (name, precision, recall, f1, support) in enumerate(
        zip(classes, *scores, strict=True)
    ):
        others = counts[index].copy()
        others[index] = 0
        most = int(others.argmax())
        taken_for = f"{classes[most]} ({others[most]:,})" if others[most] else ""
        rows.append((name, int(support), int(others.sum()), recall, precision, f1, taken_for))
    return rows


def _cells(run, pictures):
    """For each cell, "label,prediction": its images, [place, row, probability], the surest last.

    Of what is right, the least certain come first, in what room the errors leave.
    """
    probabilities = run.out_of_fold.probabilities
    of_prediction = probabilities[np.arange(len(run.y)), run.predicted]
    is_right = run.y == run.predicted
    # Errors by how sure they are, then what is right by how unsure.
    order = np.lexsort((np.where(is_right, of_prediction, -of_prediction), is_right))
    n_classes = len(run.out_of_fold.classes)
    cell_of = run.y * n_classes + run.predicted
    taken = np.zeros(n_classes**2, int)
    cells, n_shown = {}, 0
    for position in order:
        cell = cell_of[position]
        if taken[cell] >= MOST_IN_CELL:
            continue
        if n_shown >= MOST_SHOWN:
            break
        place = pictures.train.place(position)
        if place is None:
            break
        taken[cell] += 1
        n_shown += 1
        key = f"{cell // n_classes},{cell % n_classes}"
        row, probability = int(run.out_of_fold.rows[position]), float(of_prediction[position])
        cells.setdefault(key, []).append([place, row, round(probability, 3)])
    return cells
