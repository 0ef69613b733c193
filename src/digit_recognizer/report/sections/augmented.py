"""What augmentation makes of training images."""

import numpy as np

from digit_recognizer.nn import augmented_sheet
from digit_recognizer.report.parts.run_files import Missing
from digit_recognizer.report.parts.sprites import picture

N_IMAGES, N_COLUMNS = 6, 12


def section(run, pictures):
    """A sheet: images as they are, each beside draws of its deformations."""
    if run.metrics.get("blend"):
        raise Missing("A blend trains no networks; see the reports of its runs.")
    augment = run.recipe.augment
    if augment is None:
        raise Missing(
            "The recipe has no section [augment]: the networks saw the images as they are."
        )
    images = run.images(run.data.X_train[:N_IMAGES])
    generator = np.random.default_rng(run.recipe.cv.seed)
    sheet = augmented_sheet(images, augment, generator, N_COLUMNS)
    text = f"{len(images)} training images, each beside {N_COLUMNS - 1} random deformations of it"
    return {"picture": picture(sheet), "text": text, "augment": augment}
