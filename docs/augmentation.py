"""Draw docs/augmentation.png: digits as the network sees them in training.

python docs/augmentation.py [--data FOLDER] [--recipe NAME] [--output PNG]

Needs matplotlib: pip install -e '.[report]'
"""

import argparse
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from digit_recognizer import nn
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.sources.sample import sample_arrays

ELASTIC = nn.Augment(rotation=15, scale=0.18, shear=0.15, shift=2.5, elastic=1.3)
# A digit with straight and round strokes shows one parameter best.
DIGIT_OF_ONE, DIGITS_OF_ALL = 5, [2, 3, 4, 7]
N_COLUMNS, GAP = 12, 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with train.csv; default: the sample")
    parser.add_argument("--recipe", default="fast", help="one with [augment]; default: fast")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".png"))
    options = parser.parse_args()
    if find_spec("matplotlib") is None:
        parser.error("matplotlib is missing; install it with: pip install -e '.[report]'")
    try:
        recipe = load_recipe(options.recipe)
        if recipe.augment is None:
            parser.error(f"the recipe {recipe.name} has no section [augment]; give one that has.")
        digits = first_of_each_digit(options.data)
    except InputError as error:
        parser.error(str(error))
    sheets = make_sheets(digits, recipe)
    draw(sheets, options.output)
    print(f"{options.output}: {options.output.stat().st_size / 1000:.0f} kB")


def first_of_each_digit(folder):
    """The first training image of each digit, uint8 of shape (10, height, width)."""
    if folder is None:
        X, y, _, _ = sample_arrays(DIGIT_RECOGNIZER)
    else:
        data = load_data(folder)
        X, y = data.X_train, data.y_train
    _, rows = np.unique(y, return_index=True)
    height, width = DIGIT_RECOGNIZER.image_height, DIGIT_RECOGNIZER.image_width
    return X[rows].reshape(-1, height, width)


def make_sheets(digits, recipe):
    """Pairs of a label and a sheet: each parameter alone, all of them, the recipe's."""
    generator = np.random.default_rng(0)
    one, some = digits[[DIGIT_OF_ONE]], digits[DIGITS_OF_ALL]
    parts = [
        (f"{name} {value:g}", nn.Augment(**{name: value}), one) for name, value in set_in(ELASTIC)
    ]
    parts += [
        ("all five:\n" + described(ELASTIC), ELASTIC, some),
        (f"recipe {recipe.name}:\n" + described(recipe.augment), recipe.augment, some),
    ]
    return [
        (label, nn.augmented_sheet(images, augment, generator, n_columns=N_COLUMNS, gap=GAP))
        for label, augment, images in parts
    ]


def set_in(augment):
    """Names and values of an augment's parameters that differ from their defaults."""
    values = [(field, getattr(augment, field.name)) for field in fields(augment)]
    return [(field.name, value) for field, value in values if value != field.default]


def described(augment):
    """The same as lines of text."""
    return "\n".join(f"{name} {value:g}" for name, value in set_in(augment))


def draw(sheets, path):
    """Write the sheets below each other, each with its label to the left."""
    from matplotlib.figure import Figure

    # All in pixels of the images, which take two dots each.
    left, margin, space, header = 70, 6, 8, 14
    sheet_width = sheets[0][1].shape[1]
    width = left + sheet_width + margin
    height = header + sum(sheet.shape[0] + space for _, sheet in sheets)
    figure = Figure(figsize=(width / 50, height / 50), dpi=100, facecolor="white")
    heading = {"y": 1 - header / 2 / height, "va": "center", "fontsize": 10}
    cell = (sheet_width + GAP) / N_COLUMNS
    figure.text((left + cell / 2) / width, s="as it is", ha="center", **heading)
    figure.text((left + cell * 1.1) / width, s="as drawn for one step after another", **heading)
    bottom = height - header
    for label, sheet in sheets:
        bottom -= sheet.shape[0]
        size = sheet_width / width, sheet.shape[0] / height
        axes = figure.add_axes((left / width, bottom / height, *size))
        axes.imshow(sheet, cmap="gray_r", interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        middle = (bottom + sheet.shape[0] / 2) / height
        figure.text(margin / width, middle, label, va="center", fontsize=10)
        bottom -= space
    figure.savefig(path)


if __name__ == "__main__":
    main()
