"""Predictions for new images, told as a table, JSON or CSV."""

import csv
import io
import json
from dataclasses import dataclass

import numpy as np
from rich.table import Table

# From black to white.
SHADES = " .:-=+*#%@"
# A character of a terminal is about twice as high as wide.
CHARACTERS_A_PIXEL = 2
MOST_COLUMNS = 40


@dataclass(frozen=True, eq=False)
class Answers:
    """What a run predicts for the images of some files.

    Parameters
    ----------
    files : list of str
        Of each image.
    numbers : list of int or None
        Of each image in its file, from 1; None where it is the only one.
    classes : ndarray of shape (n_classes,)
    probabilities : ndarray of shape (n, n_classes)
    images : ndarray of uint8, shape (n, height, width, channels)
    """

    files: list
    numbers: list
    classes: np.ndarray
    probabilities: np.ndarray
    images: np.ndarray

    def to_json(self) -> str:
        """A list of objects: file, image (its number, where the file has several), prediction,
        probabilities by class."""
        names = [str(label) for label in self.classes]
        objects = [
            {"file": file}
            | ({} if number is None else {"image": number})
            | {
                "prediction": self.classes[row.argmax()].item(),
                "probabilities": dict(zip(names, row.tolist(), strict=True)),
            }
            for file, number, row in zip(self.files, self.numbers, self.probabilities, strict=True)
        ]
        # In ASCII, so that it is JSON in every encoding, with names of files that have none.
        return json.dumps(objects, indent=1)

    def to_csv(self) -> str:
        """A line an image: file, image, prediction, and the probability of each class."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = [f"probability_{label}" for label in self.classes]
        writer.writerow(["file", "image", "prediction", *names])
        for file, number, row in zip(self.files, self.numbers, self.probabilities, strict=True):
            label, numbers = self.classes[row.argmax()], [f"{value:.6g}" for value in row]
            writer.writerow([file, number or 1, label, *numbers])
        return text.getvalue().rstrip("\n")

    def to_table(self) -> Table:
        """For people: the class, its probability, and the next probable one."""
        table = Table(box=None, pad_edge=False)
        several = any(number is not None for number in self.numbers)
        for name in ("file", *["image"] * several, "prediction", "probability", "next"):
            table.add_column(name, justify="left" if name == "file" else "right")
        for file, number, row in zip(self.files, self.numbers, self.probabilities, strict=True):
            first, second = np.argsort(-row, kind="stable")[:2]
            table.add_row(
                file,
                *[str(number or "")] * several,
                str(self.classes[first]),
                f"{row[first]:.1%}",
                f"{self.classes[second]} ({row[second]:.1%})",
            )
        return table

    def pictures(self) -> str:
        """What the networks see, in characters, each image under its file's name."""
        return "\n\n".join(
            f"{file}{'' if number is None else f', image {number}'}\n{drawing(image)}"
            for file, number, image in zip(self.files, self.numbers, self.images, strict=True)
        )


def drawing(image: np.ndarray) -> str:
    """An image of shape (height, width, channels) in characters; at most 80 fit a line."""
    grey = image.mean(axis=-1)
    step = -(-grey.shape[1] // MOST_COLUMNS)
    grey = grey[: len(grey) // step * step, : grey.shape[1] // step * step]
    grey = grey.reshape(len(grey) // step, step, -1, step).mean(axis=(1, 3))
    indices = (grey / 256 * len(SHADES)).astype(int)
    lines = ("".join(SHADES[i] * CHARACTERS_A_PIXEL for i in row) for row in indices)
    return "\n".join(line.rstrip() for line in lines)
