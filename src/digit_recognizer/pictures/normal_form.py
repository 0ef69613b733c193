"""The normal form of MNIST: from a photo or a scan to an image as the networks were trained on."""

import numpy as np
from scipy import ndimage

# The longer side of the ink's box, of 28 pixels; and how far behind the middle its centre of mass
# is: MNIST's is at 14.5 on average, measured from the image's edge.
BOX, BEHIND_MIDDLE = 20 / 28, 0.5
# In grey levels: less than this between paper and ink is noise.
LEAST_CONTRAST = 24
NOTHING = "it shows nothing but paper"
# Blurred edges count as ink from this share of the threshold between ink and paper.
EDGE = 0.5
# Specks of less than this share of the largest stroke's ink are no part of the character.
SPECK = 0.02
# Percentile of the ink that is as dark as ink gets: the rest is edges and a pen that ran dry.
FULL = 50
# Strokes of less pixels (of 28) are thickened: only 5% of MNIST's are thinner.
THINNEST = 2.0
# The paper is taken for a surface of second degree; what is farther from it by so many times the
# typical distance is not paper.
OUTLIER, ROUNDS = 3.0, 5
# Pixels that the surface is fitted to, about: it needs no more.
FITTED = 4000


def normal_form(grey: np.ndarray, image_shape) -> np.ndarray:
    """Bring one picture of a character on paper to the form of MNIST's images.

    The form is that of LeCun, Cortes and Burges, "The MNIST database of handwritten digits": the
    character, light on black, is scaled to fit a box of 20 × 20 pixels with its aspect kept, in
    grey levels from anti-aliasing, and put into 28 × 28 pixels by its centre of mass. The steps:

    1. A picture that has the networks' size already stays as it is; if its border is light, each
       value v becomes 255 − v.
    2. The paper is a surface a + b x + c y + d x² + e x y + f y², fitted to the grey levels by
       least squares; first to the border's, then to all that are near it, a few times. So a
       shadow over the paper is no ink.
    3. Ink is how much darker than the paper a pixel is or, if what differs most is lighter, how
       much lighter. What is below half the threshold of Otsu, "A threshold selection method from
       gray-level histograms" (1979), is paper; so are specks. The darker half of the ink is 1.
    4. Strokes thinner than 2 pixels of the result are widened to that, as a large sheet's are.
    5. The ink's box is scaled to 20/28 of the size at its longer side and placed so that the
       ink's centre of mass is 0.5 pixels behind the middle, or as near as all ink allows.
    6. Each pixel is the mean of the ink under it, times 255, rounded.

    Parameters
    ----------
    grey : ndarray of shape (height, width)
        Grey levels, 0 for black to 255 for white.
    image_shape : tuple of int
        (height, width) that the networks take.

    Returns
    -------
    ndarray of uint8, shape (height, width)

    Raises
    ------
    ValueError
        If there is nothing on the picture.
    """
    grey = np.asarray(grey, dtype=np.float64)
    if grey.shape == tuple(image_shape):
        if np.ptp(grey) < LEAST_CONTRAST:
            raise ValueError(NOTHING)
        is_light = np.median(_border(grey)) > 127
        return np.rint(255 - grey if is_light else grey).astype(np.uint8)
    ink = _thickened(ink_of(grey), image_shape)
    rows, columns = (_reach(ink, axis) for axis in (0, 1))
    lengths = (rows[1] - rows[0], columns[1] - columns[0])
    scale = min(BOX * size / length for size, length in zip(image_shape, lengths, strict=True))
    down, across = (
        _averages(ink, axis, reach, size, scale)
        for axis, reach, size in zip((0, 1), (rows, columns), image_shape, strict=True)
    )
    means = down @ ink @ across.T
    return np.rint(255 * np.clip(means, 0, 1)).astype(np.uint8)


def ink_of(grey: np.ndarray) -> np.ndarray:
    """Ink from 0 to 1 at each pixel of a grey picture, see `normal_form`.

    Raises
    ------
    ValueError
        If there is none.
    """
    difference = _paper(grey) - grey
    # The character differs from its paper more than its paper does from itself.
    smooth = ndimage.uniform_filter(difference, 3)
    is_light = smooth.max() >= -smooth.min()
    ink = np.maximum(difference if is_light else -difference, 0)
    strongest = smooth.max() if is_light else -smooth.min()
    if strongest < LEAST_CONTRAST:
        raise ValueError(NOTHING)
    ink[ink <= EDGE * strongest * _otsu(np.minimum(ink / strongest, 1))] = 0
    ink = _without_specks(ink)
    return np.minimum(ink / np.percentile(ink[ink > 0], FULL), 1)


def _border(grey):
    """The values of the outermost pixels."""
    return np.concatenate([grey[[0, -1]].ravel(), grey[:, [0, -1]].ravel()])


def _paper(grey):
    """The grey levels of the paper at each pixel."""
    y, x = (np.linspace(-1, 1, size) for size in grey.shape)
    step = max(1, int((grey.size / FITTED) ** 0.5))
    sample = grey[::step, ::step]
    terms = _terms(y[::step, np.newaxis], x[np.newaxis, ::step])
    is_paper = np.zeros(sample.shape, bool)
    frame = [max(1, round(0.06 * size)) for size in sample.shape]
    is_paper[: frame[0]] = is_paper[-frame[0] :] = True
    is_paper[:, : frame[1]] = is_paper[:, -frame[1] :] = True
    for _ in range(ROUNDS):
        coefficients = np.linalg.lstsq(terms[is_paper], sample[is_paper], rcond=None)[0]
        distance = np.abs(sample - terms @ coefficients)
        is_paper &= distance <= OUTLIER * max(np.median(distance[is_paper]), 1.0)
        near = distance <= OUTLIER * max(np.median(distance[is_paper]), 2.0)
        # Pixels inside join those of the border that fit.
        is_paper = near if near.sum() >= terms.shape[-1] else is_paper
    return _terms(y[:, np.newaxis], x[np.newaxis]) @ coefficients


def _terms(y, x):
    """1, x, y, x², x y, y² at each place."""
    y, x = np.broadcast_arrays(y, x)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _otsu(values):
    """The threshold between the two groups of values 0 to 1 of the largest variance between."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    below, mass = np.cumsum(counts)[:-1], np.cumsum(counts * middles)[:-1]
    above, rest = counts.sum() - below, (counts * middles).sum() - mass
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num(below * above * (mass / below - rest / above) ** 2)
    best = between.argmax()
    return (mass[best] / below[best] + rest[best] / above[best]) / 2


def _without_specks(ink):
    """The ink without its small separate parts."""
    parts, n_parts = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    amounts = ndimage.sum_labels(ink, parts, np.arange(n_parts + 1))
    return np.where((amounts >= SPECK * amounts.max())[parts], ink, 0)


def _thickened(ink, image_shape):
    """Ink with strokes that will not be too thin.

    Inside a stroke of width w the distances to its edge are w / 4 on average.
    """
    is_stroke = ink > EDGE
    lengths = (np.ptp(_reach(ink, axis)) for axis in (0, 1))
    scale = min(BOX * size / length for size, length in zip(image_shape, lengths, strict=True))
    width = 4 * ndimage.distance_transform_edt(is_stroke)[is_stroke].mean()
    margin = (THINNEST / scale - width) / 2
    if margin <= 0.5:
        return ink
    ink, is_stroke = (np.pad(array, int(margin) + 2) for array in (ink, is_stroke))
    distance = ndimage.distance_transform_edt(~is_stroke)
    return np.maximum(ink, np.clip(margin + 0.5 - distance, 0, 1))


def _reach(ink, axis):
    """Where the ink begins and ends along an axis."""
    there = np.flatnonzero((ink > 0).any(axis=1 - axis))
    return there[0], there[-1] + 1


def _averages(ink, axis, reach, size, scale):
    """Matrix of shape (size, ink.shape[axis]) that averages ink under each pixel along an axis."""
    edges = np.arange(ink.shape[axis] + 1)
    weights = ink.sum(axis=1 - axis)
    centre = float(weights @ (edges[:-1] + 0.5) / weights.sum())
    before, behind = (centre - reach[0]) * scale, (reach[1] - centre) * scale
    middle = max(before, min(size / 2 + BEHIND_MIDDLE, size - behind))
    borders = centre + (np.arange(size + 1) - middle) / scale
    overlap = np.minimum(borders[1:, np.newaxis], edges[1:]) - np.maximum(
        borders[:-1, np.newaxis], edges[:-1]
    )
    return np.maximum(overlap, 0) * scale
