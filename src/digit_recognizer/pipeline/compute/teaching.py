"""What a network learns: the labels of its fold's rows, and what the fold's teachers say."""

from time import sleep

import numpy as np

from digit_recognizer.pipeline.runs.members import TEST_FILE, TRAIN_FILE, Member, read_result

SECONDS_BETWEEN_LOOKS = 0.2


def wait_for_teachers(member: Member) -> None:
    """Return when all of a network's teachers are finished; other processes train them.

    Where networks are begun in the order of `make_members`, these were begun before.
    """
    while any(read_result(teacher.folder) is None for teacher in member.teachers):
        sleep(SECONDS_BETWEEN_LOOKS)


def read_teaching(member: Member) -> dict[str, np.ndarray]:
    """What a network's teachers say: the mean of their probabilities, at the recipe's temperature.

    Returns
    -------
    dict of str to ndarray of shape (n, n_classes), float32
        By the name of the file that it is of, for the test images and, where they are taught too,
        for the fold's training rows; empty without teachers.
    """
    names = member.teachers[0].files if member.teachers else ()
    means = {}
    for name in {TEST_FILE, TRAIN_FILE}.intersection(names):
        arrays = [np.load(t.folder / name, allow_pickle=False) for t in member.teachers]
        mean = np.mean(arrays, axis=0, dtype=np.float64)
        means[name] = at_temperature(mean, member.teach.temperature).astype(np.float32)
    return means


def at_temperature(P: np.ndarray, temperature: float) -> np.ndarray:
    """P ** (1 / temperature), scaled so that rows add up to 1; 0 leaves the most probable class.

    Of a softmax's probabilities it is the softmax of its input divided by the temperature (Hinton,
    Vinyals and Dean, "Distilling the knowledge in a neural network" (2015), equation 1).
    """
    if temperature == 1:
        return P
    if temperature == 0:
        return np.eye(P.shape[1])[P.argmax(axis=1)]
    Q = (P / P.max(axis=1, keepdims=True)) ** (1 / temperature)
    return Q / Q.sum(axis=1, keepdims=True)


def lesson(member: Member, X, y, X_test, teaching: dict[str, np.ndarray]) -> dict:
    """What the member's estimator is fitted on.

    Parameters
    ----------
    member : Member
    X, X_test : ndarray of uint8, shape (n, n_pixels)
    y : ndarray of shape (n,)
    teaching : dict
        From `read_teaching`.

    Returns
    -------
    dict
        ``X``, ``y`` and, with teachers, ``targets`` and ``sample_weight``: the fold's training rows
        and after them the test images, whose class is what the teachers find most probable.
    """
    rows = member.fold.train_rows
    if not teaching:
        return {"X": X[rows], "y": y[rows]}
    classes, labels = np.unique(y[rows], return_inverse=True)
    teach, of_test = member.teach, teaching[TEST_FILE]
    of_rows = np.eye(len(classes), dtype=np.float32)[labels]
    if TRAIN_FILE in teaching:
        share = np.float32(teach.label_weight)
        of_rows = share * of_rows + (1 - share) * teaching[TRAIN_FILE]
    weights = None
    if teach.weight != 1:
        weights = np.repeat(np.float32([1, teach.weight]), [len(rows), len(X_test)])
    return {
        "X": np.concatenate([X[rows], X_test]),
        "y": np.concatenate([y[rows], classes[of_test.argmax(axis=1)]]),
        "targets": np.concatenate([of_rows, of_test]),
        "sample_weight": weights,
    }
