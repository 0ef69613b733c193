"""Passes over blocks of images with a number for each channel, in parts that stay in the cache.

A part is a few rows of at most ROW_ELEMENTS, a whole number of (n, channels) runs; a vector over
the channels is repeated to a row's length once a call.
"""

import numpy as np

from digit_recognizer.nn.kernels.views import largest_divisor

# An inner loop of 512 elements loses a third of its time to its start, one of 4096 nothing.
ROW_ELEMENTS = 4096
# 256 KB in float32: the operands of a pass and its scratch fit the second cache.
PART_ELEMENTS = 65_536


class Parts:
    """How blocks of one shape are cut; made once for each.

    Attributes
    ----------
    row : int
        Elements.
    slices : list of slice
        Of rows, one for each part.
    """

    def __init__(self, shape):
        n_blocks, height, width, n, channels = shape
        run = n * channels
        places = n_blocks * height * width
        self.channels = channels
        self.row = run * largest_divisor(places, ROW_ELEMENTS / run)
        self.n_rows = places * run // self.row
        step = max(1, PART_ELEMENTS // self.row)
        self.slices = [slice(i, min(i + step, self.n_rows)) for i in range(0, self.n_rows, step)]
        self.part_shape = (min(step, self.n_rows), self.row)

    def rows(self, X):
        """X as (rows, row)."""
        return X.reshape(self.n_rows, self.row)


def parts_of(X, shared) -> Parts:
    """The parts of X."""
    return shared.once(("parts", X.shape), lambda: Parts(X.shape))


def repeated(vector, parts: Parts, name, shared) -> np.ndarray:
    """A vector over the channels, repeated to a row."""
    row = shared.array(name, (parts.row,))
    row.reshape(-1, parts.channels)[...] = vector
    return row


def affine(X, scale, shift, out, shared) -> None:
    """out = scale X + shift."""
    parts = parts_of(X, shared)
    scale = repeated(scale, parts, "scale row", shared)
    shift = repeated(shift, parts, "shift row", shared)
    X, out = parts.rows(X), parts.rows(out)
    for part in parts.slices:
        target = out[part]
        np.multiply(X[part], scale, out=target)
        np.add(target, shift, out=target)


def affine_relu(X, scale, shift, out, shared) -> None:
    """out = max(scale X + shift, 0)."""
    parts = parts_of(X, shared)
    scale = repeated(scale, parts, "scale row", shared)
    shift = repeated(shift, parts, "shift row", shared)
    zeros = shared.constant("zeros", (parts.row,), 0.0)
    X, out = parts.rows(X), parts.rows(out)
    for part in parts.slices:
        target = out[part]
        np.multiply(X[part], scale, out=target)
        np.add(target, shift, out=target)
        np.maximum(target, zeros, out=target)


def moments(X, center, memory) -> np.ndarray:
    """Σ (X − center) and Σ (X − center)² of each channel, without padding images.

    Returns
    -------
    ndarray of shape (2, channels), float64
    """
    shared = memory.shared
    parts = parts_of(X, shared)
    weights = _weights(X, parts, memory)
    rows = parts.rows(X)
    scratch = shared.array("part", parts.part_shape)
    sums = shared.array("part sums", (len(parts.slices), 2, parts.channels))
    centered = center.any()
    center = repeated(center, parts, "center row", shared) if centered else None
    for part, out in zip(parts.slices, sums, strict=True):
        values = rows[part]
        square = scratch[: len(values)]
        if centered:
            values = np.subtract(values, center, out=square)
        ones = weights(part)
        np.matmul(ones, values.reshape(-1, parts.channels), out=out[0])
        np.multiply(values, values, out=square)
        np.matmul(ones, square.reshape(-1, parts.channels), out=out[1])
    return sums.sum(axis=0, dtype=np.float64)


def dot_sums(G, X, memory) -> np.ndarray:
    """Σ G and Σ G X of each channel; G is 0 at padding images.

    Returns
    -------
    ndarray of shape (2, channels), float64
    """
    shared = memory.shared
    parts = parts_of(X, shared)
    G, X = parts.rows(G), parts.rows(X)
    scratch = shared.array("part", parts.part_shape)
    sums = shared.array("part sums", (len(parts.slices), 2, parts.channels))
    for part, out in zip(parts.slices, sums, strict=True):
        values = G[part]
        product = scratch[: len(values)]
        ones = shared.constant("ones", (values.size // parts.channels,), 1.0)
        np.matmul(ones, values.reshape(-1, parts.channels), out=out[0])
        np.multiply(values, X[part], out=product)
        np.matmul(ones, product.reshape(-1, parts.channels), out=out[1])
    return sums.sum(axis=0, dtype=np.float64)


def mask_by_sign(G, Y, shared) -> None:
    """Set G to 0 where Y, which is not negative, is 0.

    −y as an integer is negative unless y is 0, so its sign spread over the word is a mask: three
    integer passes take 0.2 ns an element, comparing and multiplying by a bool 0.25.
    """
    parts = parts_of(Y, shared)
    G, Y = parts.rows(G), parts.rows(Y)
    integer = np.int32 if G.itemsize == 4 else np.int64
    scratch = shared.array("mask part", parts.part_shape).view(integer)
    G, Y = G.view(integer), Y.view(integer)
    for part in parts.slices:
        target = G[part]
        mask = scratch[: len(target)]
        np.negative(Y[part], out=mask)
        np.right_shift(mask, 8 * mask.itemsize - 1, out=mask)
        np.bitwise_and(target, mask, out=target)


def combine(G, X, scale, slope, shift, shared) -> None:
    """G = scale G + slope X + shift, in place."""
    parts = parts_of(X, shared)
    scale = repeated(scale, parts, "scale row", shared)
    slope = repeated(slope, parts, "slope row", shared)
    shift = repeated(shift, parts, "shift row", shared)
    scratch = shared.array("part", parts.part_shape)
    G, X = parts.rows(G), parts.rows(X)
    for part in parts.slices:
        target = G[part]
        term = scratch[: len(target)]
        np.multiply(X[part], slope, out=term)
        np.add(term, shift, out=term)
        np.multiply(target, scale, out=target)
        np.add(target, term, out=target)


def _weights(X, parts, memory):
    """Function of a part: 1 for each of its rows of channels, 0 where images are padding."""
    shared, channels = memory.shared, parts.channels
    if not memory.n_padding:
        return lambda part: shared.constant(
            "ones", ((part.stop - part.start) * parts.row // channels,), 1.0
        )
    ones = np.ones(X.shape[:4], X.dtype)
    ones[-1, :, :, -memory.n_padding :] = 0
    ones = ones.reshape(parts.n_rows, -1)
    return lambda part: ones[part].reshape(-1)
