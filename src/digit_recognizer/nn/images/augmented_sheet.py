"""Sheets of augmented images, to see what an Augment does before training with it."""

import numpy as np

from digit_recognizer.nn.images.augmentation import Augment, Augmenter


def augmented_sheet(
    images: np.ndarray,
    augment: Augment,
    generator: np.random.Generator,
    n_columns: int = 10,
    gap: int = 1,
) -> np.ndarray:
    """Images beside draws of their deformations, as one image to show.

    Parameters
    ----------
    images : ndarray of shape (n, height, width) or (n, height, width, channels)
        Of any real dtype, n at least 1.
    augment : Augment
    generator : numpy.random.Generator
    n_columns : int, default=10
        Images in a row: the image as it is, then ``n_columns - 1`` draws of it.
    gap : int, default=1
        Pixels between images, of the value midway between the images' smallest and greatest.

    Returns
    -------
    ndarray of shape (n (height + gap) - gap, n_columns (width + gap) - gap[, channels])
        Of the dtype of the images; integers are rounded.

    Raises
    ------
    ValueError
        If the images have another number of axes or there are none, `n_columns` is below 1, `gap`
        is below 0, or the augment's `fill` is no value of the images' dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from digit_recognizer import nn
    >>> images = np.eye(3, dtype=np.float32)[np.newaxis]
    >>> sheet = nn.augmented_sheet(
    ...     images, nn.Augment(shift=1), np.random.default_rng(0), n_columns=4, gap=0
    ... )
    >>> sheet.shape
    (3, 12)
    >>> bool((sheet[:, :3] == images[0]).all())
    True
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or images.size == 0:
        raise ValueError(
            "images must be of shape (n, height, width) or (n, height, width, channels), none of "
            f"them 0, got {images.shape}."
        )
    for name, value, least in (("n_columns", n_columns, 1), ("gap", gap, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value!r}.")
    low, high = float(images.min()), float(images.max())
    fill = low if augment.fill is None else augment.fill
    if _to_dtype(np.float64(fill), images.dtype) != fill and images.dtype.kind != "f":
        raise ValueError(f"augment: fill {fill!r} is no value of the images' {images.dtype}.")

    draws = _draw(images, augment, generator, n_columns - 1, fill)
    cells = np.concatenate([images[:, np.newaxis], draws], axis=1)
    n, height, width = images.shape[:3]
    shape = n * (height + gap), n_columns * (width + gap), *images.shape[3:]
    sheet = np.full(shape, _to_dtype(np.float64((low + high) / 2), images.dtype))
    for row, column in np.ndindex(n, n_columns):
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = cells[row, column]
    return sheet[: shape[0] - gap, : shape[1] - gap]


def _draw(images, augment, generator, n_draws, fill):
    """Deformed images of shape (n, n_draws, height, width[, channels])."""
    # An image without an axis of channels has one channel.
    image_shape = (*images.shape[1:], 1)[:3]
    dtype = np.float32 if images.dtype == np.float32 else np.float64
    draws = np.repeat(images[:, np.newaxis], n_draws, axis=1).astype(dtype)
    flat = draws.reshape(-1, *images.shape[1:])
    Augmenter(augment, image_shape, dtype, fill)(flat, generator)
    return _to_dtype(draws, images.dtype)


def _to_dtype(values, dtype):
    """Floating values in another dtype, rounded where it is one of integers."""
    if dtype.kind == "f":
        return values.astype(dtype)
    with np.errstate(invalid="ignore"):
        return np.rint(values).astype(dtype)
