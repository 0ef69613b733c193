"""The run beside another one: McNemar's test, and the images that only one has right."""

import numpy as np

from digit_recognizer.pipeline.comparison import compare
from digit_recognizer.pipeline.runs.predictions import read_out_of_fold

MOST_SHOWN = 60


def section(run, pictures, other):
    """The comparison, and for each of the two the images that only it has right."""
    comparison = compare(str(run.path), str(other), run.path.parent)
    theirs = read_out_of_fold(other, run.path.parent)
    own = run.out_of_fold
    positions = np.flatnonzero(np.isin(own.rows, theirs.rows))
    places = np.searchsorted(theirs.rows, own.rows[positions])
    right, right_too = own.is_right[positions], theirs.is_right[places]
    lists = []
    for name, only in (
        (comparison.first, right & ~right_too),
        (comparison.second, ~right & right_too),
    ):
        images = []
        for index in np.flatnonzero(only)[:MOST_SHOWN]:
            position, place = positions[index], places[index]
            row = own.rows[position]
            tile = pictures.train.tile(
                position, f"training image {row}, labelled {own.labels[position]}"
            )
            predictions = own.predictions[position], theirs.predictions[place]
            images.append((tile, row, own.labels[position], *predictions))
        lists.append((name, int(only.sum()), images))
    return {"comparison": comparison, "lists": lists, "note": pictures.note}
