"""What the ensemble and the views change: which networks were outvoted, and where."""

import numpy as np

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.runs import members
from digit_recognizer.pipeline.runs.predictions import read_test
from digit_recognizer.report.parts.run_files import Missing

MOST_SHOWN = 40
# Rows of a fold, the least certain, for which its network predicts without views.
N_VIEWED = 400


def section(run, pictures):
    """A row a network, the images on which they are most divided, and what the views change."""
    names, votes = _votes(run)
    if len(names) < 2:
        raise Missing("One network alone has nobody to outvote it.")
    classes = run.out_of_fold.classes
    chosen = run.test.probabilities.argmax(axis=1)
    differs = votes != chosen
    truth = _truth(run)
    table = [
        (name, int(row.sum()), row.mean(), None if truth is None else (vote == truth).mean())
        for name, row, vote in zip(names, differs, votes, strict=True)
    ]
    n_against = differs.sum(axis=0)
    # Of those as divided, the least certain first.
    order = np.lexsort((run.test.probabilities.max(axis=1), -n_against))
    images = []
    for index in order[: min(MOST_SHOWN, int((n_against > 0).sum()))].tolist():
        counts = np.bincount(votes[:, index], minlength=len(classes))
        parties = [(classes[c], int(counts[c])) for c in np.argsort(-counts) if counts[c]]
        tile = pictures.test.tile(index, f"test image {run.test.ids[index]}")
        images.append((tile, run.test.ids[index], classes[chosen[index]], parties))
    majorities = np.array([np.bincount(v, minlength=len(classes)).max() for v in votes.T])
    winner = (votes == chosen).sum(axis=0)
    return {
        "table": table,
        "accuracy": None if truth is None else (chosen == truth).mean(),
        "n_test": len(chosen),
        "n_divided": int((n_against > 0).sum()),
        "n_against_majority": int((winner < majorities).sum()),
        "images": images,
        "views": _views(run),
        "note": pictures.note,
    }


def _votes(run):
    """The networks' names, or those of a blend's runs, and what each predicts of the test images.

    The votes are indices of classes, of shape (n_networks, n_test).
    """
    names, votes = [], []
    for member in run.members:
        probabilities = member.probabilities(members.TEST_FILE)
        if probabilities is not None and len(probabilities) == len(run.test.ids):
            names.append(member.name)
            votes.append(probabilities.argmax(axis=1))
    for name in run.metrics.get("blend", []):
        try:
            probabilities = read_test(run.path.parent / name).probabilities
        except InputError as error:
            raise Missing(f"A run of the blend is gone: {error}") from error
        names.append(name)
        votes.append(probabilities.argmax(axis=1))
    if not names:
        raise Missing("The networks' own predictions of the test images are not there.")
    return names, np.stack(votes)


def _truth(run):
    """Indices of the test images' classes where they are known, as in the sample."""
    try:
        labels = run.data.held_back_labels
    except (Missing, InputError):
        return None
    if labels is None:
        return None
    places = {name: index for index, name in enumerate(run.out_of_fold.classes)}
    return np.array([places.get(str(label), -1) for label in labels.tolist()])


def _views(run):
    """What the views of the first fold's network change for its least certain rows.

    Returns
    -------
    dict or None
        ``n`` rows, how many are ``mended`` and ``broken``; None without views.
    """
    try:
        has_views = run.members and run.recipe.model.get("views")
    except InputError:
        has_views = False
    if not has_views:
        return None
    fold = run.members[0].fold
    with_views = run.members[0].probabilities(members.OOF_FILE)
    positions = np.flatnonzero(run.out_of_fold.folds == fold)
    if with_views is None or len(with_views) != len(positions):
        return None
    least = np.argsort(with_views.max(axis=1), kind="stable")[:N_VIEWED]
    try:
        predict, _ = run.predictor(fold)
        plain = predict(run.images(run.X_train[positions[least]])).argmax(axis=1)
    except Missing:
        return None
    y, viewed = run.y[positions[least]], with_views[least].argmax(axis=1)
    mended, broken = (viewed == y) & (plain != y), (viewed != y) & (plain == y)
    return {"n": len(least), "mended": int(mended.sum()), "broken": int(broken.sum())}
