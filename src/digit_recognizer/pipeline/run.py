"""A run: folds, training, ensemble, submission, and the directory that holds it all."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import make_folder, replacing_folder, sha256, write_text
from digit_recognizer.pipeline import log, results
from digit_recognizer.pipeline.data import Data
from digit_recognizer.pipeline.folds import (
    Fold,
    Scaler,
    make_folds,
    train_fold,
    train_fold_in_worker,
)
from digit_recognizer.pipeline.progress import Progress
from digit_recognizer.pipeline.recipe import Recipe
from digit_recognizer.pipeline.submission import write_submission
from digit_recognizer.pipeline.workers import SafeWorkers

RUNS_FOLDER = Path("runs")
SUBMISSIONS_FOLDER = Path("submissions")
SUBMISSION_FILE = SUBMISSIONS_FOLDER / "submission.csv"
LOG_FILE = SUBMISSIONS_FOLDER / "log.csv"
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


def run_id(recipe: Recipe, data: Data) -> str:
    """Name of the run: the recipe's, and a hash of what decides its result."""
    decisive = f"{recipe.fingerprint()}\n{data.fingerprint}"
    return f"{recipe.name}-{hashlib.sha256(decisive.encode()).hexdigest()[:8]}"


def submit(recipe: Recipe, data: Data) -> Outcome:
    """Train all folds and write the submission.

    Parameters
    ----------
    recipe : Recipe
    data : Data

    Returns
    -------
    Outcome

    Raises
    ------
    InputError
        If the data do not suit the recipe, or a file cannot be written.
    """
    start = perf_counter()
    name = run_id(recipe, data)
    folder = RUNS_FOLDER / name
    folds = make_folds(data.y_train, recipe.cv)
    # What would fail at the end is better known now.
    make_folder(SUBMISSIONS_FOLDER)
    log.read(SUBMISSIONS_FOLDER / "log.csv")
    with replacing_folder(folder) as fresh:
        labels, metrics = _run(recipe, data, folds, fresh)
        metrics["seconds"] = perf_counter() - start
        results.write_metrics(fresh / "metrics.json", metrics)

    newest = SUBMISSION_FILE
    kept = SUBMISSIONS_FOLDER / f"{log.timestamp(for_file=True)}_{name}.csv"
    places = [folder / "submission.csv", kept, newest]
    if KAGGLE_WORKING.is_dir() and Path.cwd().is_relative_to(KAGGLE_WORKING.resolve()):
        places.append(KAGGLE_WORKING / "submission.csv")
    for path in places:
        write_submission(
            path, data.test_ids, labels, recipe.competition, data.sample_submission_ids
        )
    status = log.SAMPLE if data.is_sample else log.WRITTEN
    log.append(LOG_FILE, name, recipe.name, metrics, sha256(newest), status)
    return Outcome(name, metrics, newest)


def _run(recipe: Recipe, data: Data, folds: list[Fold], folder: Path):
    """Train the folds and write their results; returns the test labels and the metrics."""
    write_text(folder / "recipe.toml", recipe.to_toml())
    fold_results = _train(recipe, data, folds, folder)
    classes = np.unique(data.y_train)
    oof = results.gather_oof(folder, folds, len(data.y_train), len(classes))
    labels = classes[results.mean_test(folder, folds).argmax(axis=1)]
    results.write_oof(folder / "oof.csv", oof, folds, data.y_train, classes)
    return labels, results.measure(oof, labels, fold_results, data, classes)


def _train(recipe: Recipe, data: Data, folds: list[Fold], folder: Path) -> list[dict]:
    """Train the folds, `jobs` at a time; returns their results in order."""
    scaler = Scaler.fit(data.X_train, recipe.data.scaling)
    arrays = (data.X_train, data.y_train, data.X_test)
    estimator = recipe.make_estimator()
    jobs = min(recipe.compute.jobs or os.cpu_count() or 1, len(folds))
    train = train_fold if jobs == 1 else train_fold_in_worker
    # Absolute, because a worker process may have started in another folder.
    target = folder.resolve()
    tasks = [delayed(train)(fold, estimator, scaler, arrays, target / fold.name) for fold in folds]
    finished = []
    try:
        with Progress(folder, folds, estimator.max_iter) as progress, SafeWorkers() as workers:
            parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
            with workers.starting():
                pending = parallel(tasks)
            for result in pending:
                progress.finished(result)
                finished.append(result)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"Recipe {recipe.name} cannot be trained: {error}") from error
    except TerminatedWorkerError as error:
        raise OutsideError(
            "A training process was ended from outside, perhaps for lack of memory; free some, or "
            "lower --jobs."
        ) from error
    return sorted(finished, key=lambda result: result["fold"])
