"""The run's hardest training images, for people to try."""

import base64

import numpy as np

from digit_recognizer.pipeline.runs.predictions import OutOfFold

# As many that the networks have wrong, and that they have right; a round asks ten of them.
EACH = 25


def choose(oof: OutOfFold, n_each: int = EACH) -> np.ndarray:
    """Rows of the hardest images: those whose label has the smallest out-of-fold probability.

    Parameters
    ----------
    oof : OutOfFold
    n_each : int
        How many of those predicted wrong, and how many of those predicted right: the hardest of all
        are nearly all wrong, and nobody could do worse.

    Returns
    -------
    ndarray of int
        The wrong ones first, each kind from the hardest on.
    """
    hardest_first = np.argsort(_of_label(oof), kind="stable")
    is_right = oof.is_right[hardest_first]
    return np.concatenate([hardest_first[~is_right][:n_each], hardest_first[is_right][:n_each]])


def _of_label(oof):
    columns = {name: column for column, name in enumerate(oof.classes)}
    return oof.probabilities[np.arange(len(oof.labels)), [columns[label] for label in oof.labels]]


def make_quiz(oof: OutOfFold, images: np.ndarray) -> list[dict]:
    """What the page asks, as JSON holds it.

    Parameters
    ----------
    oof : OutOfFold
    images : ndarray of uint8, shape (n_samples, n_pixels)
        Those of its rows.

    Returns
    -------
    list of dict
        ``row`` of the training file, ``label`` and ``prediction`` as places among the classes,
        ``probability`` of the prediction, ``pixels`` in base64.
    """
    place = oof.classes.index
    return [
        {
            "row": int(oof.rows[row]),
            "label": place(oof.labels[row]),
            "prediction": place(oof.predictions[row]),
            "probability": round(float(oof.probabilities[row].max()), 4),
            "pixels": base64.b64encode(images[row].tobytes()).decode(),
        }
        for row in choose(oof)
    ]
