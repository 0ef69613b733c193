"""Many small images in one picture: a page of thousands of images has a few pictures."""

import base64
import io
from math import ceil

import numpy as np
from markupsafe import Markup
from PIL import Image

COLUMNS = 32
# Side of an image on the page, at least, and of one in the sheet, at most, in pixels.
SHOWN_SIDE, LARGEST_SIDE = 56, 56
# Of all images of a sheet, in pixel values: digits take a third of a byte each, noise four thirds.
MOST_VALUES = 1_600_000


def picture(pixels: np.ndarray) -> Markup:
    """A PNG as the address of an ``img``.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width) or (height, width, channels)
        Of 1 or 3 channels.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "png", optimize=True)
    return Markup("data:image/png;base64,{}").format(base64.b64encode(file.getvalue()).decode())


class Sheet:
    """Images shown by their places in one picture.

    Parameters
    ----------
    name : str
        Of its class in the page's style sheet.
    images : ndarray of uint8, shape (n, height, width, channels), or None
        Those that may be shown; None where there are none to be had, and nothing is shown.

    Attributes
    ----------
    room : int
        How many more images there is room for.
    """

    def __init__(self, name, images):
        self.name = name
        self._images = images
        self._places = {}
        if images is not None:
            height, width, channels = images.shape[1:]
            shrunk = min(1, LARGEST_SIDE / max(height, width))
            self._size = max(1, round(height * shrunk)), max(1, round(width * shrunk))
            self._most = int(MOST_VALUES // (self._size[0] * self._size[1] * channels))

    @property
    def room(self):
        return 0 if self._images is None else self._most - len(self._places)

    def place(self, index) -> int | None:
        """The place of an image in the picture; None where there is none, or no room for it."""
        index = int(index)
        if index not in self._places and self.room > 0 and index < len(self._images):
            self._places[index] = len(self._places)
        return self._places.get(index)

    def tile(self, index, text: str) -> Markup:
        """The element that shows an image; `text` says what it is to who does not see it."""
        place = self.place(index)
        if place is None:
            return Markup("")
        return Markup(
            '<span class="tile {}" role="img" aria-label="{}" style="--x:{};--y:{}"></span>'
        ).format(self.name, text, place % COLUMNS, place // COLUMNS)

    def style(self) -> Markup:
        """The rule of the style sheet with the picture in it."""
        if not self._places:
            return Markup("")
        height, width = self._size
        factor = ceil(SHOWN_SIDE / max(height, width))
        return Markup(
            ".{name}{{width:{width}px;height:{height}px;background-image:url({picture});"
            "background-size:{all}px auto;"
            "background-position:calc(var(--x)*-{width}px) calc(var(--y)*-{height}px)}}"
        ).format(
            name=self.name,
            width=width * factor,
            height=height * factor,
            all=width * factor * COLUMNS,
            picture=picture(self._pixels()),
        )

    def _pixels(self):
        height, width = self._size
        images = self._images[list(self._places)]
        if images.shape[1:3] != self._size:
            images = np.stack([_resized(image, width, height) for image in images])
        n_rows = ceil(len(images) / COLUMNS)
        sheet = np.zeros((n_rows * COLUMNS, height, width, images.shape[3]), np.uint8)
        sheet[: len(images)] = images
        sheet = sheet.reshape(n_rows, COLUMNS, height, width, -1).transpose(0, 2, 1, 3, 4)
        return sheet.reshape(n_rows * height, COLUMNS * width, -1)


def _resized(image, width, height):
    squeezed = image[:, :, 0] if image.shape[2] == 1 else image
    resized = Image.fromarray(squeezed).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(resized).reshape(height, width, -1)
