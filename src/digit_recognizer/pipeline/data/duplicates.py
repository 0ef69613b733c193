"""Images that are in the training data more than once."""

import hashlib

import numpy as np


def group_identical(X: np.ndarray) -> np.ndarray:
    """Find the rows that hold the same image.

    Parameters
    ----------
    X : ndarray of uint8, shape (n_samples, n_pixels), C-contiguous

    Returns
    -------
    groups : ndarray of intp, shape (n_samples,)
        For each row, the first row with the same image: its own number where there is none before.
    """
    first = {}
    return np.array(
        [
            first.setdefault(hashlib.blake2b(row, digest_size=16).digest(), number)
            for number, row in enumerate(X)
        ],
        dtype=np.intp,
    )


def describe_duplicates(groups: np.ndarray, y: np.ndarray) -> str:
    """Say how many images are there more than once and how many of them contradict each other.

    Parameters
    ----------
    groups : ndarray of intp, shape (n_samples,)
        See `group_identical`.
    y : ndarray of shape (n_samples,)
        The classes.

    Returns
    -------
    str
        One sentence; empty if all images differ.
    """
    _, sizes = np.unique(groups, return_counts=True)
    n_repeated = int((sizes > 1).sum())
    if not n_repeated:
        return ""
    text = (
        f"{int(sizes[sizes > 1].sum()):,} training rows share {n_repeated:,} images; the rows of "
        f"each stay in one fold"
    )
    differs = y != y[groups]
    contradicting = np.unique(groups[differs])
    if not len(contradicting):
        return f"{text}."
    other = int(np.flatnonzero(differs)[0])
    one = int(groups[other])
    return (
        f"{text}, and {len(contradicting):,} of the images have more than one label, such as "
        f"row {one + 1} ({y[one]}) and row {other + 1} ({y[other]})."
    )
