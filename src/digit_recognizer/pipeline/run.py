"""A run: folds, training, ensemble, submission; started again it goes on where it stopped."""

import sys
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from digit_recognizer.checksummed import write_checksummed
from digit_recognizer.errors import InputError
from digit_recognizer.files import make_folder, sha256, write_bytes
from digit_recognizer.pipeline.compute.backends import train_all
from digit_recognizer.pipeline.compute.progress import Progress
from digit_recognizer.pipeline.compute.unfinished import inspect_members
from digit_recognizer.pipeline.data.dataset import Data, digest_files
from digit_recognizer.pipeline.data.dropping import digest_with, drop_rows
from digit_recognizer.pipeline.data.submission import write_submission
from digit_recognizer.pipeline.ensembles.combining import combine
from digit_recognizer.pipeline.ensembles.folds import make_folds
from digit_recognizer.pipeline.recipes.recipe import Recipe
from digit_recognizer.pipeline.runs import history, locks, results, run_directory
from digit_recognizer.pipeline.runs.members import (
    RESULT_FILE,
    Member,
    key_of,
    make_members,
    read_result,
)
from digit_recognizer.pipeline.runs.run_directory import RunDirectory
from digit_recognizer.pipeline.runs.versions import machine
from digit_recognizer.pipeline.submissions import log

# What a Kaggle notebook leaves there is its output, which its "Submit" button offers.
KAGGLE_WORKING = Path("/kaggle/working")


@dataclass(frozen=True)
class Outcome:
    """What a finished run has to show.

    Parameters
    ----------
    run_id : str
    metrics : dict
        The content of ``metrics.json``.
    submission : Path
        The newest submission.
    """

    run_id: str
    metrics: dict
    submission: Path


def say(sentence: str) -> None:
    """Tell the user, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def submit(recipe: Recipe, data: Data, data_folder: Path, fresh=False, report=say) -> Outcome:
    """Train all networks that are not trained yet, and write the submission.

    Parameters
    ----------
    recipe : Recipe
    data : Data
    data_folder : Path
        Where the data were read from.
    fresh : bool, default=False
        Whether to forget what the run did before.
    report : callable, default=say
        Called with each sentence for the user.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If the data do not suit the recipe or changed since the run began, or a file cannot be
        written.
    OutsideError
        If another process works on the run, or one of its own is ended from outside.
    """
    n_rows = len(data.X_train)
    data = drop_rows(data, recipe.data.drop)
    if len(data.X_train) < n_rows:
        report(f"{n_rows - len(data.X_train):,} training rows of {recipe.data.drop} are left out.")
    folds = make_folds(data.y_train, recipe.cv, recipe.networks_per_fold, data.groups)
    # What would fail at the end is better known now.
    make_folder(log.SUBMISSIONS_FOLDER)
    log.read(log.LOG_FILE)
    with RunDirectory(recipe, data, data_folder).opened(fresh, report) as run:
        members = make_members(recipe, folds, run.path.resolve())
        finished = inspect_members(members, report)
        metrics = (
            run_directory.finished_metrics(run.path) if len(finished) == len(members) else None
        )
        if metrics is None:
            metrics = _complete(recipe, data, run, members, finished)
        else:
            report(f"Run {run.id} is finished; --fresh would train it again.")
        hand_out(recipe.name, recipe.competition, run.path, metrics, data.is_sample)
    return Outcome(run.id, metrics, log.SUBMISSION_FILE)


def submit_finished(recipe: Recipe, data_folder: Path, report=say) -> Outcome | None:
    """What `submit` does for a run that is finished, without reading its data.

    Parameters
    ----------
    recipe : Recipe
    data_folder : Path
    report : callable, default=say

    Returns
    -------
    Outcome or None
        None if there is no finished run of this recipe and these files, or one of its own files is
        damaged.
    """
    for path in run_directory.run_directories():
        identity = run_directory.read_identity(path)
        if identity.get("recipe") != recipe.fingerprint():
            continue
        metrics = run_directory.finished_metrics(path)
        if metrics is None:
            continue
        digest = digest_files(data_folder, recipe.competition)
        if identity["files"] != digest_with(digest, recipe.data.drop):
            continue
        with locks.locked(path):
            results = [read_result(file.parent) for file in path.rglob(RESULT_FILE)]
            if len(results) != identity["networks"] or None in results:
                return None
            report(f"Run {path.name} is finished; --fresh would train it again.")
            hand_out(recipe.name, recipe.competition, path, metrics, identity["is_sample"])
        return Outcome(path.name, metrics, log.SUBMISSION_FILE)
    return None


def _complete(recipe, data, run, members, finished):
    """Train what is not finished, combine all, and write the results; returns the metrics."""
    start = perf_counter()
    was_continued = any((member.folder / history.FILE).exists() for member in members)
    member_results = _train(recipe, data, run, members, finished)
    classes, y = np.unique(data.y_train, return_inverse=True)
    taught = [member for member in members if not member.is_teacher]
    teachers = [member for member in members if member.is_teacher]
    splits = results.gather(taught, recipe.cv.folds, len(y))
    with threadpool_limits(limits=1):
        combined = combine(splits, y, recipe.ensemble.combine)
    own_results = [member_results[member.key] for member in taught]
    metrics = results.measure(combined, splits, own_results, data.y_train, classes)
    if teachers:
        own_results = [member_results[member.key] for member in teachers]
        metrics["teachers"] = results.measure_teachers(teachers, own_results, recipe.cv.folds, y)
    metrics["data"] = data.whole_fingerprint or data.fingerprint
    oof_file, test_file = run.path / run_directory.OOF_FILE, run.path / run_directory.TEST_FILE
    submission_file = run.path / run_directory.SUBMISSION_FILE
    fold_of_row = splits[0].fold_of_row
    results.write_oof(oof_file, combined.oof, fold_of_row, data.y_train, classes, data.rows)
    results.write_test(test_file, combined.test, data.test_ids, classes, recipe.competition)
    labels = classes[combined.test.argmax(axis=1)]
    if data.held_back_labels is not None:
        metrics["test_accuracy"] = float((labels == data.held_back_labels).mean())
    write_submission(submission_file, data.test_ids, labels, recipe.competition, data.classes)
    metrics |= {"seconds": perf_counter() - start, "machine": machine()}
    metrics["was_continued"] = was_continued
    metrics["files"] = {name: sha256(run.path / name) for name in run_directory.FILES}
    write_checksummed(run.path / run_directory.METRICS_FILE, metrics)
    return metrics


def _train(recipe: Recipe, data: Data, run: RunDirectory, members: list[Member], finished: dict):
    """Train the networks that have no result yet; returns the results of all by their keys."""
    arrays = (data.X_train, data.y_train, data.X_test)
    member_results = dict(finished)
    missing = [member for member in members if member.key not in finished]
    try:
        with Progress(members, finished) as progress:
            for result in train_all(missing, arrays, recipe.compute, run):
                progress.finished(result)
                member_results[key_of(result)] = result
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"Recipe {recipe.name} cannot be trained: {error}") from error
    return member_results


def hand_out(recipe_name: str, competition, run_path: Path, metrics: dict, is_sample: bool):
    """Put a run's submission where the next command finds it, and into the log; its path."""
    content = (run_path / run_directory.SUBMISSION_FILE).read_bytes()
    digest = metrics["files"][run_directory.SUBMISSION_FILE]
    run_id = run_path.name
    places = [log.SUBMISSION_FILE]
    if KAGGLE_WORKING.is_dir() and Path.cwd().is_relative_to(KAGGLE_WORKING.resolve()):
        places.append(KAGGLE_WORKING / log.SUBMISSION_FILE.name)
    if all(
        sha256(kept) != digest for kept in log.SUBMISSIONS_FOLDER.glob(f"*_{escape(run_id)}.csv")
    ):
        places.append(log.SUBMISSIONS_FOLDER / f"{log.timestamp(for_file=True)}_{run_id}.csv")
    for path in places:
        write_bytes(path, content)
    status = log.SAMPLE if is_sample else log.WRITTEN
    log.append_once(log.LOG_FILE, run_id, recipe_name, metrics, digest, status, competition.slug)
    return log.SUBMISSION_FILE
