"""Folds: the split of the training rows into parts to train on and parts to check with."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedKFold

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.sections import CrossValidation


@dataclass(frozen=True)
class Fold:
    """One part of the cross-validation.

    Parameters
    ----------
    number : int
        1 for the first; a repeated cross-validation counts on.
    train_rows, validation_rows : ndarray of intp
        Indices into the training data, ascending; each row is in one of them.
    seeds : tuple of int
        Of everything random in the training of each of the fold's networks.
    """

    number: int
    train_rows: np.ndarray
    validation_rows: np.ndarray
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the fold's folder in the run directory."""
        return f"fold-{self.number}"

    def __reduce__(self):
        # One bit a row: a fold goes to other processes and machines with each of its networks.
        is_held_back = np.zeros(len(self.train_rows) + len(self.validation_rows), bool)
        is_held_back[self.validation_rows] = True
        bits = np.packbits(is_held_back)
        return _unpack_fold, (self.number, bits, len(is_held_back), self.seeds)


def _unpack_fold(number, bits, n_rows, seeds):
    is_held_back = np.unpackbits(bits, count=n_rows).view(bool)
    return Fold(number, np.flatnonzero(~is_held_back), np.flatnonzero(is_held_back), seeds)


def make_folds(y: np.ndarray, settings: CrossValidation, n_networks: int = 1) -> list[Fold]:
    """Split the training rows into stratified folds with seeds for their networks.

    Parameters
    ----------
    y : ndarray of int of shape (n_samples,)
    settings : CrossValidation
    n_networks : int, default=1
        Networks a fold.

    Raises
    ------
    InputError
        If a class has fewer rows than there are folds.
    """
    _check_classes(y, settings.folds)
    n_folds = settings.folds * settings.repeats
    split, *sequences = np.random.SeedSequence(settings.seed).spawn(n_folds + 1)
    # More repeats leave the folds there are as they are.
    splits = [split, *split.spawn(settings.repeats - 1)]
    parts = [
        part
        for sequence in splits
        for part in StratifiedKFold(
            settings.folds, shuffle=True, random_state=int(sequence.generate_state(1)[0])
        ).split(np.zeros(len(y)), y)
    ]
    return [
        Fold(number, train, validation, _seeds(sequence, n_networks))
        for number, ((train, validation), sequence) in enumerate(
            zip(parts, sequences, strict=True), start=1
        )
    ]


def _check_classes(y, n_folds):
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise InputError(
            f"All {len(y)} training rows are of class {classes[0]}; add rows of another class."
        )
    rarest = counts.argmin()
    if counts[rarest] < n_folds:
        raise InputError(
            f"Class {classes[rarest]} has {counts[rarest]} training rows, fewer than the "
            f"{n_folds} folds; lower [cv] folds or add rows of that class."
        )


def _seeds(sequence, n_networks):
    """Seeds below 2³¹, of which the first does not depend on how many there are."""
    return tuple(int(state >> 1) for state in sequence.generate_state(n_networks))
