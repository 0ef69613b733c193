"""Folds: the split of the training rows, and the training of one."""

import csv
import io
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from digit_recognizer.errors import InputError
from digit_recognizer.files import replacing, write_array
from digit_recognizer.pipeline.recipe import CrossValidation

HISTORY_FILE = "history.csv"
HISTORY_COLUMNS = ("epoch", "loss", "accuracy", "learning_rate", "seconds")


@dataclass(frozen=True)
class Fold:
    """One part of the cross-validation.

    Parameters
    ----------
    number : int
        1 for the first.
    train_rows, validation_rows : ndarray of intp
        Indices into the training data.
    seed : int
        Of everything random in this fold's training.
    """

    number: int
    train_rows: np.ndarray
    validation_rows: np.ndarray
    seed: int

    @property
    def name(self) -> str:
        """Name of the fold's folder in the run directory."""
        return f"fold-{self.number}"


def make_folds(y: np.ndarray, settings: CrossValidation) -> list[Fold]:
    """Split the training rows into stratified folds, each with a seed of its own.

    Parameters
    ----------
    y : ndarray of int of shape (n_samples,)
    settings : CrossValidation

    Raises
    ------
    InputError
        If a class has fewer rows than there are folds.
    """
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise InputError(
            f"All {len(y)} training rows are of class {classes[0]}; add rows of another class."
        )
    rarest = counts.argmin()
    if counts[rarest] < settings.folds:
        raise InputError(
            f"Class {classes[rarest]} has {counts[rarest]} training rows, fewer than the "
            f"{settings.folds} folds; lower [cv] folds or add rows of that class."
        )
    split_sequence, *fold_sequences = np.random.SeedSequence(settings.seed).spawn(
        settings.folds + 1
    )
    splitter = StratifiedKFold(
        settings.folds, shuffle=True, random_state=int(split_sequence.generate_state(1)[0])
    )
    parts = splitter.split(np.zeros(len(y)), y)
    return [
        Fold(number, train, validation, int(sequence.generate_state(1)[0] >> 1))
        for number, ((train, validation), sequence) in enumerate(
            zip(parts, fold_sequences, strict=True), start=1
        )
    ]


@dataclass(frozen=True)
class Scaler:
    """Pixels as the network takes them: ``(x − shift) · factor`` in float32.

    Parameters
    ----------
    shift, factor : float
    """

    shift: float
    factor: float

    @classmethod
    def fit(cls, X: np.ndarray, scaling: str) -> "Scaler":
        """The scaler named `scaling` for the training images X, uint8."""
        if scaling == "unit":
            return cls(0.0, 1 / 255)
        counts = np.bincount(X.reshape(-1), minlength=256)
        values = np.arange(256)
        mean = (counts * values).sum() / X.size
        deviation = ((counts * (values - mean) ** 2).sum() / X.size) ** 0.5
        return cls(float(mean), float(1 / deviation) if deviation > 0 else 1.0)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Scale images of shape (n, n_pixels), uint8, to float32."""
        scaled = X.astype(np.float32)
        scaled -= np.float32(self.shift)
        scaled *= np.float32(self.factor)
        return scaled


def train_fold(fold: Fold, estimator, scaler: Scaler, data, folder: Path) -> dict:
    """Train one fold and write its files to `folder`.

    The processor's threads stay out of it: one BLAS thread, so that the result does not depend on
    how many folds are trained beside it.

    Parameters
    ----------
    fold : Fold
    estimator : NumpyNetClassifier
        Cloned.
    scaler : Scaler
    data : tuple of ndarray
        X_train (uint8), y_train, X_test (uint8).
    folder : Path

    Returns
    -------
    dict
        ``fold``, ``epochs``, ``loss``, ``accuracy`` (out of fold), ``seconds``.
    """
    X, y, X_test = data
    model = clone(estimator).set_params(random_state=fold.seed)
    with threadpool_limits(limits=1), warnings.catch_warnings(), np.errstate(all="ignore"):
        # The accuracy says how far training came, and an error that weights are not finite.
        warnings.simplefilter("ignore", ConvergenceWarning)
        X_validation, y_validation = scaler(X[fold.validation_rows]), y[fold.validation_rows]
        history = []
        for record in model.fit_epochs(scaler(X[fold.train_rows]), y[fold.train_rows]):
            history.append(record)
            # L-BFGS hands out its records at its end: the accuracy then is of the last one only.
            if model.solver != "lbfgs":
                record["accuracy"] = float(model.score(X_validation, y_validation))
                write_history(folder / HISTORY_FILE, history)
        probabilities = model.predict_proba(X_validation)
        model.save(folder / "model.safetensors")
        write_array(folder / "oof.npy", probabilities)
        write_array(folder / "test.npy", predict_blocks(model, scaler, X_test))
    accuracy = float((model.classes_[probabilities.argmax(axis=1)] == y_validation).mean())
    if model.solver == "lbfgs":
        history = history or [{"epoch": 0, "loss": model.loss_}]
        history[-1]["accuracy"] = accuracy
        write_history(folder / HISTORY_FILE, history)
    return {
        "fold": fold.number,
        "epochs": history[-1]["epoch"],
        "loss": history[-1]["loss"],
        "accuracy": accuracy,
        "seconds": sum(record.get("seconds", 0.0) for record in history),
    }


def train_fold_in_worker(*arguments) -> dict:
    """`train_fold` in a process of its own, which leaves Ctrl-C to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return train_fold(*arguments)


def predict_blocks(model, scaler: Scaler, X: np.ndarray, block_rows=4096) -> np.ndarray:
    """Probabilities for uint8 images, scaled block by block to bound the memory."""
    blocks = [
        model.predict_proba(scaler(X[start : start + block_rows]))
        for start in range(0, len(X), block_rows)
    ]
    return np.concatenate(blocks)


def write_history(path: Path, history: list[dict]) -> None:
    """Write the epochs so far as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HISTORY_COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(history)
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def read_history(path: Path) -> list[dict]:
    """The epochs written so far; none if the file is not there yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return list(csv.DictReader(io.StringIO(text)))
