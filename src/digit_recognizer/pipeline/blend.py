"""Blends: a submission from the predictions of several runs."""

import hashlib
import tomllib
from pathlib import Path
from time import perf_counter

import numpy as np
import tomli_w

from digit_recognizer.checksummed import write_checksummed
from digit_recognizer.errors import InputError
from digit_recognizer.files import make_folder, sha256, write_bytes
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.submission import write_submission
from digit_recognizer.pipeline.ensembles.combining import Split, combine
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import Outcome, hand_out
from digit_recognizer.pipeline.runs import locks, results, run_directory
from digit_recognizer.pipeline.runs.named_runs import find_newest
from digit_recognizer.pipeline.runs.predictions import (
    REPLACE,
    check_same_data,
    check_unchanged,
    read_out_of_fold,
    read_test,
)

NAME = "blend"


def blend(runs: list[str], how: str = "mean") -> Outcome:
    """Combine the predictions of finished runs of the same data, and write the submission.

    The blend is a run itself, with its own folder: it can be compared, uploaded and blended.

    Parameters
    ----------
    runs : list of str
        See `find_newest`.
    how : {"mean", "weights", "stacking"}
        As in a recipe's ``[ensemble] combine``: what is learned on the out-of-fold predictions is
        used where it helps.

    Raises
    ------
    InputError
        If there are fewer than two runs, one is not finished or damaged, or they were not made with
        the same data and test images.
    """
    start = perf_counter()
    folders = find_newest(runs, run_directory.RUNS_FOLDER)
    if len({folder.resolve() for folder in folders}) < max(len(folders), 2):
        raise InputError("A blend is made of two or more different runs; name each once.")
    parts = [read_out_of_fold(folder, run_directory.RUNS_FOLDER) for folder in folders]
    tests = [read_test(folder) for folder in folders]
    for part, test, folder in zip(parts[1:], tests[1:], folders[1:], strict=True):
        check_same_data(parts[0], part, "blend")
        if part.classes != parts[0].classes or not np.array_equal(test.ids, tests[0].ids):
            raise InputError(
                f"{folders[0].name} and {folder.name} predict other classes or test images; blend "
                "runs of the same data."
            )
    check_unchanged(folders[0], run_directory.RECIPE_FILE)
    competition = load_recipe(folders[0] / run_directory.RECIPE_FILE).competition
    combined, split, y = _combined(parts, tests, how)
    classes = np.array(parts[0].classes)
    path = _make_directory(folders, how)
    with locks.locked(path):
        test_ids, labels = tests[0].ids, classes[combined.test.argmax(axis=1)]
        metrics = results.measure(combined, [split], [], classes[y], classes)
        metrics |= {"data": parts[0].data_fingerprint, "blend": [part.name for part in parts]}
        predicted = combined.oof, split.fold_of_row, classes[y], classes, parts[0].rows
        results.write_oof(path / run_directory.OOF_FILE, *predicted)
        results.write_test(
            path / run_directory.TEST_FILE, combined.test, test_ids, classes, competition
        )
        known = Classes.listed(competition) or Classes.found(classes.tolist())
        submission = path / run_directory.SUBMISSION_FILE
        write_submission(submission, test_ids, labels, competition, known)
        metrics |= {"seconds": perf_counter() - start, "was_continued": False}
        metrics["files"] = {name: sha256(path / name) for name in run_directory.FILES}
        write_checksummed(path / run_directory.METRICS_FILE, metrics)
        is_sample = run_directory.read_identity(path)["is_sample"]
        place = hand_out(NAME, competition, path, metrics, is_sample)
    return Outcome(path.name, metrics, place)


def _combined(parts, tests, how):
    """The combined predictions, the parts as networks of one split, and the classes' indices."""
    # Numbers, as texts, are not in the order that searchsorted needs.
    places = {label: place for place, label in enumerate(parts[0].classes)}
    y = np.array([places[label] for label in parts[0].labels])
    by_run = np.stack([test.probabilities for test in tests])
    split = Split(
        fold_of_row=parts[0].folds,
        oof=np.stack([part.probabilities for part in parts]),
        test={int(fold): by_run for fold in np.unique(parts[0].folds)},
    )
    return combine([split], y, how), split, y


def _make_directory(folders, how) -> Path:
    """The blend's directory, with what it is known by."""
    first = run_directory.read_identity(folders[0])
    if not first:
        file = folders[0] / run_directory.IDENTITY_FILE
        raise InputError(f"{file} is missing or damaged; {REPLACE}.")
    names = "\n".join([how, *(folder.name for folder in folders)])
    path = run_directory.RUNS_FOLDER / f"{NAME}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"
    make_folder(path)
    kept = ("data", "data_folder", "files", "is_sample")
    identity = {key: first[key] for key in kept} | {"recipe": names, "networks": 0}
    write_checksummed(path / run_directory.IDENTITY_FILE, identity)
    recipe = tomllib.loads((folders[0] / run_directory.RECIPE_FILE).read_text(encoding="utf-8"))
    content = tomli_w.dumps({"competition": recipe["competition"]})
    write_bytes(path / run_directory.RECIPE_FILE, content.encode())
    return path
