"""The training of one member of the ensemble, in whatever process."""

import os
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from math import ceil
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from digit_recognizer.estimator import WrongState, granted_cores, planned_epochs
from digit_recognizer.estimator.saving import persistence
from digit_recognizer.files import write_array, write_bytes
from digit_recognizer.nn import Views
from digit_recognizer.pipeline.compute.shared_context import SharedContext
from digit_recognizer.pipeline.compute.teaching import lesson, read_teaching, wait_for_teachers
from digit_recognizer.pipeline.runs import history
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints
from digit_recognizer.pipeline.runs.locks import locked
from digit_recognizer.pipeline.runs.members import (
    MODEL_FILE,
    RESULT_FILE,
    TRAIN_FILE,
    Member,
    read_result,
    write_predictions,
    write_result,
)
from digit_recognizer.pipeline.runs.scratch import scratch_folder
from digit_recognizer.pipeline.runs.status import PASSES_OF_STEP, StatusFile

SECONDS_BETWEEN_LOOKS = 0.2
# What the network itself predicts at once.
BLOCK_ROWS = 1024


def train_member(
    member: Member, X, y, X_test, teaching=None, cores=lambda: 1, after_epoch=None
) -> dict:
    """Train a network to its end and write its files, from where its folder says it stopped.

    BLAS takes one thread, so that the result does not depend on how many networks are trained
    beside it, nor on how many cores this one has.

    Parameters
    ----------
    member : Member
    X, X_test : ndarray of uint8, shape (n, n_pixels)
    y : ndarray of int, shape (n,)
    teaching : dict or None, default=None
        From `read_teaching`; None to wait for the member's teachers, where it has any, and to read
        it from their folders.
    cores : callable
        Says, before each epoch and each prediction, how many cores the network takes.
    after_epoch : callable, default=None
        Called after each epoch, once its checkpoint is written; ends the training by raising.

    Returns
    -------
    dict
        ``fold``, ``network``, of a teacher ``teacher`` (True), ``parameters``, ``multiply_adds``
        (of one image), ``epochs``, ``loss``, ``accuracy`` (out of fold), ``seconds`` (of training),
        ``peak_memory_mb`` (of the process up to here, None where the system does not tell).
    """
    with locked(member.folder, wait=True):
        result = read_result(member.folder)
        if result is not None:
            Checkpoints(member.folder).clear()
            return result
        # Those beside it would count a damaged one as finished.
        (member.folder / RESULT_FILE).unlink(missing_ok=True)
        if teaching is None:
            wait_for_teachers(member)
            teaching = read_teaching(member)
        with _ONE_BLAS_THREAD, granted_cores(cores), np.errstate(all="ignore"):
            return _train(member, (X, y, X_test), teaching, after_epoch)


@contextmanager
def _one_blas_thread():
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # The accuracy says how far training came, and an error that weights are not finite.
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# Both settings are the whole process's, in which a Dask worker may train several networks.
_ONE_BLAS_THREAD = SharedContext(_one_blas_thread)


def _train(member, arrays, teaching, after_epoch):
    X, y, X_test = arrays
    folder, rows = member.folder, member.fold.validation_rows
    X_validation, y_validation = X[rows], y[rows]
    model = load_model(member)
    status = _status_of(member, len(X_test))
    if model is None:
        data = lesson(member, *arrays, teaching)
        model = _fit(member, data, (X_validation, y_validation), status, after_epoch)
        write_bytes(folder / MODEL_FILE, persistence.to_bytes(model))
    oof = model.predict_proba(X_validation)

    def predict(images, n_before):
        n_views = _n_views(model)
        return predict_blocks(
            model, images, on_block=lambda n: status.predicted((n_before + n) * n_views)
        )

    test = predict(X_test, len(rows))
    if TRAIN_FILE in member.files:
        of_rows = predict(X[member.fold.train_rows], len(rows) + len(test))
        write_array(folder / TRAIN_FILE, of_rows)
    write_predictions(folder, oof, test)
    history.write_history(folder / history.FILE, model.history_)
    summary = model.summary()
    last = model.history_[-1] if model.history_ else {"epoch": 0, "loss": model.loss_}
    result = {
        "fold": member.fold.number,
        "network": member.number,
        **({"teacher": True} if member.is_teacher else {}),
        "parameters": summary.n_parameters,
        "multiply_adds": summary.multiply_adds,
        "epochs": last["epoch"],
        "loss": float(last["loss"]),
        "accuracy": float((model.classes_[oof.argmax(axis=1)] == y_validation).mean()),
        "seconds": sum(record.get("seconds", 0.0) for record in model.history_),
        "peak_memory_mb": peak_memory_mb(),
    }
    write_result(folder, result, member.files)
    Checkpoints(folder).clear()
    status.clear()
    return result


def peak_memory_mb() -> int | None:
    """The most memory that this process has had at a time; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        # Windows has none.
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, elsewhere kilobytes.
    return ceil(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6)


def _status_of(member, n_test):
    """The file in which the member's training says how far it is."""
    n_train, n_validation = len(member.fold.train_rows), len(member.fold.validation_rows)
    n_predicted = n_validation + n_test + (n_train if TRAIN_FILE in member.files else 0)
    n_train += n_test if member.teachers else 0
    return StatusFile(
        member.folder,
        planned_epochs(member.estimator, n_train),
        # After each epoch it predicts the validation rows.
        epoch_passes=n_train * PASSES_OF_STEP + n_validation,
        prediction_passes=n_predicted * _n_views(member.estimator),
    )


def _n_views(estimator):
    return len(Views(**estimator.views).transforms()) if estimator.views else 1


def load_model(member: Member):
    """The member's trained estimator if its files are there and whole, else None."""
    try:
        model = type(member.estimator).load(member.folder / MODEL_FILE)
    except (OSError, ValueError):
        return None
    # What an earlier version of this package left does not know its scaling.
    return model if model.scaling == member.estimator.scaling else None


def _fit(member, data, validation, status, after_epoch):
    model = clone(member.estimator).set_params(views=None)
    checkpoints = Checkpoints(member.folder)
    # L-BFGS hands out its records at its end: there is nothing to go on from.
    in_steps = model.solver != "lbfgs"
    for record in _epochs(model, checkpoints, data, status.step):
        if in_steps:
            record["accuracy"] = float(model.score(*validation))
            history.write_history(member.folder / history.FILE, model.history_)
            checkpoints.save(model.training_state(), record["epoch"])
        if after_epoch is not None:
            after_epoch()
    if model.history_ and not in_steps:
        model.history_[-1]["accuracy"] = float(model.score(*validation))
    return model.set_params(views=member.estimator.views)


def _epochs(model, checkpoints, data, on_step):
    """The epochs that are left, after the last checkpoint."""
    state = None if model.solver == "lbfgs" else checkpoints.latest(_ignore)
    try:
        yield from model.fit_epochs(**data, state=state, on_step=on_step)
    except WrongState:
        # Another version of this package left it.
        checkpoints.clear()
        yield from model.fit_epochs(**data, on_step=on_step)


def _ignore(sentence):
    """What is damaged was reported before the training began."""


def predict_blocks(model, X: np.ndarray, block_rows=BLOCK_ROWS, on_block=None) -> np.ndarray:
    """Probabilities for images; `on_block` is called with the number of rows predicted so far."""
    blocks = []
    for start in range(0, len(X), block_rows):
        if on_block is not None:
            on_block(start)
        blocks.append(model.predict_proba(X[start : start + block_rows]))
    return np.concatenate(blocks)


def train_beside(parent: int, *arguments, **options) -> dict:
    """`train_member` in a process of its own, which ends with its parent and leaves it Ctrl-C."""
    belong_to(parent)
    return train_member(*arguments, **options)


@cache
def belong_to(parent: int) -> None:
    """Leave Ctrl-C to the parent process, and end this one as soon as that has ended.

    Where joblib has no processes to give, this one is the parent itself.
    """
    if os.getpid() == parent:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch():
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def train_anywhere(token_file: Path, token: str, member: Member, *work, **options) -> dict:
    """`train_member` on a machine that may not see the run directory.

    Where it does not, the files come back with the result, as ``contents``, for the other side to
    write, and the epochs of a process that is killed are lost.

    Parameters
    ----------
    token_file : Path
        A file of the run directory
    token : str
        and what it says.
    member : Member
    *work, **options
        The other arguments of `train_member`.
    """
    if _says(token_file, token):
        return train_member(member, *work, **options)
    with scratch_folder("digit-recognizer-away-", Path(gettempdir())) as place:
        away = replace(member, folder=place / "member")
        result = train_member(away, *work, **options)
        names = (*member.files, RESULT_FILE)
        return result | {"contents": {n: (away.folder / n).read_bytes() for n in names}}


def _says(path, text):
    try:
        return path.read_text() == text
    except OSError:
        return False
