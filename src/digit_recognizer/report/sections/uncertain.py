"""The test images that the ensemble is least certain of."""

import numpy as np

N_IMAGES = 60


def section(run, pictures):
    """The images whose two likeliest classes are closest."""
    test, classes = run.test, run.out_of_fold.classes
    order = np.argsort(-test.probabilities, axis=1)[:, :3]
    sorted_ = np.take_along_axis(test.probabilities, order, axis=1)
    margins = sorted_[:, 0] - sorted_[:, 1]
    images = []
    for index in np.argsort(margins, kind="stable")[:N_IMAGES].tolist():
        guesses = [(classes[c], p) for c, p in zip(order[index], sorted_[index], strict=True)]
        tile = pictures.test.tile(index, f"test image {test.ids[index]}")
        images.append((tile, test.ids[index], guesses))
    return {"images": images, "note": pictures.note}
