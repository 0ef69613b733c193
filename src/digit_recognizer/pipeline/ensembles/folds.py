"""Folds: the split of the training rows into parts to train on and parts to check with."""

from dataclasses import dataclass

import numpy as np

from digit_recognizer.errors import InputError, counted
from digit_recognizer.pipeline.recipes.sections import CrossValidation


@dataclass(frozen=True)
class Fold:
    """One part of the cross-validation.

    Parameters
    ----------
    number : int
        1 for the first; a repeated cross-validation counts on.
    train_rows, validation_rows : ndarray of intp
        Indices into the training data, ascending; no row is in both.
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
        # Two bits a row: a fold goes to other processes and machines with each of its networks.
        parts = (self.train_rows, self.validation_rows)
        masks = np.zeros((2, 1 + max(rows.max(initial=0) for rows in parts)), bool)
        for mask, rows in zip(masks, parts, strict=True):
            mask[rows] = True
        return _unpack_fold, (self.number, np.packbits(masks, axis=1), self.seeds)


def _unpack_fold(number, bits, seeds):
    return Fold(number, *map(np.flatnonzero, np.unpackbits(bits, axis=1)), seeds)


def make_folds(
    y: np.ndarray, settings: CrossValidation, n_networks: int = 1, groups: np.ndarray | None = None
) -> list[Fold]:
    """Split the training rows into stratified folds with seeds for their networks.

    Parameters
    ----------
    y : ndarray of int of shape (n_samples,)
    settings : CrossValidation
    n_networks : int, default=1
        Networks a fold.
    groups : ndarray of intp of shape (n_samples,) or None
        Rows of the same number stay in one fold; None if each row stands for itself.

    Raises
    ------
    InputError
        If a class has fewer rows, or groups of them, than there are folds.
    """
    groups = np.arange(len(y)) if groups is None else groups
    _check_classes(y, groups, settings.folds)
    n_folds = settings.folds * settings.repeats
    split, *sequences = np.random.SeedSequence(settings.seed).spawn(n_folds + 1)
    # More repeats leave the folds there are as they are.
    splits = [split, *split.spawn(settings.repeats - 1)]
    parts = [
        part
        for sequence in splits
        for part in _split(y, groups, settings.folds, int(sequence.generate_state(1)[0]))
    ]
    return [
        Fold(
            number,
            _share(train, y, settings.train_fraction, sequence),
            validation,
            _seeds(sequence, n_networks),
        )
        for number, ((train, validation), sequence) in enumerate(
            zip(parts, sequences, strict=True), start=1
        )
    ]


def _split(y, groups, n_folds, seed):
    """Yield the training and the validation rows of each fold."""
    from sklearn.model_selection import StratifiedKFold

    if len(np.unique(groups)) == len(y):
        split = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        yield from split.split(np.zeros(len(y)), y)
        return
    fold_of_row = _deal_groups(y, groups, n_folds, np.random.default_rng(seed))
    for fold in range(n_folds):
        yield np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)


def _deal_groups(y, groups, n_folds, generator):
    """Return the fold of each row, with folds as stratified as whole groups allow.

    It is the greedy choice of scikit-learn's StratifiedGroupKFold, large groups first, which takes
    12 s for 42,000 groups because it weighs all folds anew for each; this takes 0.3 s.
    """
    _, y = np.unique(y, return_inverse=True)
    _, groups = np.unique(groups, return_inverse=True)
    rows = np.zeros((groups.max() + 1, y.max() + 1), int)  # of each group and class
    np.add.at(rows, (groups, y), 1)
    order = generator.permutation(len(rows))
    order = order[np.argsort(-rows[order].sum(axis=1), kind="stable")]
    dealt = np.zeros((n_folds, rows.shape[1]), int)
    fold_of_group = np.empty(len(rows), int)
    for group in order:
        # Where its classes are rarest; among those, where the fewest rows are.
        fold = np.lexsort((dealt.sum(axis=1), dealt @ rows[group]))[0]
        dealt[fold] += rows[group]
        fold_of_group[group] = fold
    return fold_of_group[groups]


def _share(rows, y, fraction, sequence):
    """So much of the rows, ascending: of each class that share, at least one."""
    if fraction == 1:
        return rows
    # A generator beside that of the fold's seeds, which stay what they are without a fraction.
    rows = np.random.default_rng(sequence.spawn(1)[0]).permutation(rows)
    chosen = [
        of_class[: max(1, round(fraction * len(of_class)))]
        for of_class in (rows[y[rows] == label] for label in np.unique(y))
    ]
    return np.sort(np.concatenate(chosen))


def _check_classes(y, groups, n_folds):
    classes = np.unique(y)
    counts = np.array([len(np.unique(groups[y == label])) for label in classes])
    if len(classes) < 2:
        raise InputError(
            f"All {len(y)} training rows are of class {classes[0]}; add rows of another class."
        )
    rarest = counts.argmin()
    if counts[rarest] < n_folds:
        # Fewer than two folds cannot be.
        remedy = "lower [cv] folds or " if counts[rarest] >= 2 else ""
        different = " of different images" if len(np.unique(groups)) < len(y) else ""
        raise InputError(
            f"Class {classes[rarest]} has {counted(counts[rarest], 'training row')}{different}, "
            f"fewer than the {n_folds} folds; {remedy}add rows of that class."
        )


def _seeds(sequence, n_networks):
    """Seeds below 2³¹, of which the first does not depend on how many there are."""
    return tuple(int(state >> 1) for state in sequence.generate_state(n_networks))
