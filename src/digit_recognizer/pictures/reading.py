"""Images as people have them: pictures, CSV rows, arrays."""

import io
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from digit_recognizer.errors import InputError
from digit_recognizer.pictures.normal_form import normal_form
from digit_recognizer.pipeline.data.columns import FileColumns
from digit_recognizer.pipeline.data.competition import ALL_OTHERS
from digit_recognizer.pipeline.data.data_file import DataFile
from digit_recognizer.pipeline.data.table import read_table

STANDARD_INPUT = "-"
KINDS = "PNG, JPEG, GIF, BMP, TIFF, WebP, CSV or .npy"
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
# A small file can hold a picture that fills the memory.
MOST_PIXELS, MOST_BYTES = 50_000_000, 200_000_000
# Larger pictures are made smaller first: strokes stay several pixels wide.
LARGEST_SIDE = 400
NOT_INSTALLED = (
    "Reading pictures needs Pillow; install it with `pip install 'digit-recognizer[report]'`."
)
NPY_MAGIC = b"\x93NUMPY"


@dataclass(frozen=True)
class Stream:
    """What came in at a pipe, which can be read once, as `DataFile` hands out a file."""

    name: str
    content: bytes

    def __str__(self):
        return self.name

    def open(self):
        """The bytes as a binary file."""
        return io.BytesIO(self.content)


def read_images(name: str, competition, only_resize: bool = False) -> np.ndarray:
    """The images of a file as a run's networks take them.

    Parameters
    ----------
    name : str
        A path, or "-" for standard input.
    competition : Competition
        Of the run: the size and the channels of its images, and the columns of its CSV files.
    only_resize : bool, default=False
        Whether pictures are resized and made grey only, not brought to `normal_form`; those with
        three channels always are.

    Returns
    -------
    ndarray of uint8, shape (n, n_pixels)

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, too large, of another kind, or shows nothing.
    """
    if name == STANDARD_INPUT:
        file = Stream("standard input", sys.stdin.buffer.read())
    else:
        path = Path(name).expanduser()
        if path.is_dir():
            raise InputError(f"{path} is a folder; give the files in it, such as {path / '*.png'}.")
        if not path.exists():
            raise InputError(f"{path} does not exist; give the name of a file.")
        file = DataFile(path)
        if path.is_fifo():
            with file.open() as content:
                file = Stream(str(path), content.read())
    with file.open() as content:
        head = content.read(4096)
    if not head:
        raise InputError(f"{file} is empty; give {KINDS}.")
    if head.startswith(NPY_MAGIC):
        return _read_array(file, competition, only_resize)
    if str(file).lower().endswith((".csv", ".csv.gz")) or _is_csv(head):
        return _read_rows(file, competition)
    picture = _read_picture(file, competition.channels)
    return _prepared(file, picture, competition, only_resize)[np.newaxis]


def _is_csv(head):
    """Whether the beginning of a file is lines of values."""
    is_text = all(byte >= 32 or byte in b"\t\r\n" for byte in head)
    return is_text and any(mark in head.partition(b"\n")[0] for mark in b",;\t")


def _read_rows(file, competition):
    """The rows of a CSV file, with or without a header and labels."""
    with file.open() as content:
        first = content.readline().decode("utf-8", "replace").strip().split(",")
    if all(_is_number(value) for value in first):
        if len(first) - competition.n_pixels not in (0, 1):
            raise InputError(
                f"{file} has {len(first)} values in its first row; give {competition.n_pixels} "
                "pixels an image, with or without its label before them."
            )
        competition = replace(
            competition,
            header=False,
            pixel_columns=ALL_OTHERS,
            label_column="0",
            test_id_column=None,
            drop_columns=[],
        )
    names = competition.pixel_names
    if names is not None and set(names) <= {name.strip() for name in first}:
        # Labels and ids, whatever their names, are not looked at.
        others = [name for name in map(str.strip, first) if name not in set(names)]
        competition = replace(competition, drop_columns=others, test_id_column=None)
    return read_table(file, FileColumns.test(competition, None, competition.pixel_names)).pixels


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_array(file, competition, only_resize):
    """The images of a .npy file: one or many, as rows or with their shape."""
    try:
        with file.open() as content:
            # Not from the file itself: NumPy would read past gzip.
            array = np.load(io.BytesIO(content.read()), allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise InputError(f"{file} is damaged, or holds no numbers ({error}).") from error
    if array.dtype.kind not in "buif" or not array.size:
        raise InputError(f"{file} holds {array.dtype} of shape {array.shape}; give images.")
    array = np.rint(_levels(file, array)).astype(np.uint8)
    shape, n_pixels = competition.image_shape, competition.n_pixels
    if array.ndim == 1 and array.size == n_pixels:
        array = array[np.newaxis]
    if array.ndim == 2 and array.shape[1] == n_pixels and array.shape != shape[:2]:
        return array
    is_one = array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3))
    images = array[np.newaxis] if is_one else array
    images = images[..., np.newaxis] if images.ndim == 3 else images
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[-1] not in (1, 3):
        # As PyTorch has them.
        images = np.moveaxis(images, 1, -1)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise InputError(
            f"{file} has the shape {array.shape}; give images of shape (n, height, width), or rows "
            f"of {n_pixels} pixels."
        )
    if images.shape[1:] == shape and shape[2] == 1:
        return images.reshape(len(images), -1)
    pictures = [_with_channels(image, shape[2]) for image in images]
    return np.stack([_prepared(file, one, competition, only_resize) for one in pictures])


def _levels(file, array):
    """Grey levels 0 to 255: of floats and booleans up to 1, and of 16 bits, too."""
    array = array.astype(np.float64)
    low, high = array.min(), array.max()
    if not (np.isfinite([low, high]).all() and low >= 0 and high <= 65535):
        raise InputError(
            f"{file} has values from {low:g} to {high:g}; give pixels from 0 to 255, or 0 to 1."
        )
    return array * (255 if high <= 1 else 1 if high <= 255 else 1 / 257)


def _with_channels(image, n_channels):
    if image.shape[-1] == n_channels:
        return image[..., 0] if n_channels == 1 else image
    grey = image @ [0.299, 0.587, 0.114] if image.shape[-1] == 3 else image[..., 0]
    return grey if n_channels == 1 else np.repeat(image, 3, axis=-1)


def _read_picture(file, n_channels):
    """A picture as grey levels (height, width), or colours (height, width, 3), not too large."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise InputError(NOT_INSTALLED) from error
    with file.open() as content:
        data = content.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InputError(
            f"{file} has more than {MOST_BYTES // 1_000_000} MB; give a smaller picture."
        )
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            formats = [name for name in FORMATS if name in Image.OPEN]
            with Image.open(io.BytesIO(data), formats=formats) as image:
                _check_picture(file, image)
                image.load()
                image = _with_means(file, ImageOps.exif_transpose(image))
                image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
                return _colours(image, n_channels)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{file} has too many pixels; give a picture of at most {MOST_PIXELS:,}."
        ) from error
    except Image.UnidentifiedImageError as error:
        raise InputError(f"{file} is no picture that can be read; give {KINDS}.") from error
    except Exception as error:
        # Decoders raise whatever they stumble over.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{file} is damaged ({reason}); give the whole picture.") from error


def _check_picture(file, image):
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise InputError(
            f"{file} has {width:,} x {height:,} pixels; give a picture of at most {MOST_PIXELS:,}."
        )
    # Cameras put a second, larger or smaller, picture into a JPEG.
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1 and image.format != "MPO":
        raise InputError(f"{file} has {n_frames} pictures; give each as a file of its own.")


def _with_means(file, image):
    """The picture in a mode whose pixels are averaged when it is made smaller, 0 to 255."""
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image.convert("RGBA")
    return Image.fromarray(_levels(file, np.asarray(image)).astype(np.float32))


def _colours(image, n_channels):
    if image.mode == "F":
        levels = np.clip(np.asarray(image, dtype=np.float64), 0, 255)
        return levels if n_channels == 1 else np.repeat(levels[..., np.newaxis], 3, axis=-1)
    colours = np.asarray(image, dtype=np.float64)
    opaque = colours[..., 3:] / 255
    colours = colours[..., :3]
    grey = colours @ [0.299, 0.587, 0.114]
    # What is transparent is paper for what is not: light ink is on black.
    shown = (grey * opaque[..., 0]).sum() / max(opaque.sum(), 1e-9)
    paper = 0.0 if opaque.min() < 1 and shown > 127 else 255.0
    colours = colours * opaque + paper * (1 - opaque)
    return colours if n_channels == 3 else colours @ [0.299, 0.587, 0.114]


def _prepared(file, picture, competition, only_resize):
    """One picture as a row of the pixels that the networks take."""
    shape = competition.image_shape
    if shape[2] == 3 or only_resize:
        return np.rint(resized(np.asarray(picture, np.float64), shape[:2])).astype(np.uint8).ravel()
    try:
        return normal_form(picture, shape[:2]).ravel()
    except ValueError as error:
        raise InputError(f"{file}: {error}; give a picture with something on it.") from error


def resized(picture: np.ndarray, size) -> np.ndarray:
    """The picture, (height, width) or with channels, at another size, each pixel a mean."""
    for axis in (0, 1):
        places = np.linspace(0, picture.shape[axis], size[axis] + 1)
        edges = np.arange(picture.shape[axis] + 1)
        overlap = np.minimum(places[1:, np.newaxis], edges[1:]) - np.maximum(
            places[:-1, np.newaxis], edges[:-1]
        )
        means = np.maximum(overlap, 0) / np.diff(places)[:, np.newaxis]
        picture = np.moveaxis(np.tensordot(means, picture, axes=(1, axis)), 0, axis)
    return picture
