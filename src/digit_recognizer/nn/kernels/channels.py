"""Passes over blocks of images with a number for each channel, in parts that stay in the cache.

A part is a few rows of at most ROW_ELEMENTS, a whole number of (n, channels) runs; a vector over
the channels is repeated to a row's length once a call. All passes of one function over a part come
before the next part.
"""

import numpy as np

from digit_recognizer.nn.kernels.strided import largest_divisor

# An inner loop of 512 elements loses a third of its time to its start, one of 4096 nothing.
ROW_ELEMENTS = 4096
# 128 KB in float32: three operands of a pass and its scratch fit the second cache.
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

    def by_channel(self, part):
        """A part as (places, channels)."""
        return part.reshape(-1, self.channels)

    def repeated(self, vector, name, shared):
        """A vector over the channels, repeated to a row."""
        row = shared.array(name, (self.row,))
        row.reshape(-1, self.channels)[...] = vector
        return row

    def ones(self, part, shared):
        """1 for each place of a part: a product with it sums over the places."""
        return shared.constant("ones", (part.size // self.channels,), 1.0)

    def sums(self, n_sums, shared):
        """Room for the sums of each part."""
        return shared.array("part sums", (len(self.slices), n_sums, self.channels))


def parts_of(X, shared) -> Parts:
    """The parts of X."""
    return shared.once(("parts", X.shape), lambda: Parts(X.shape))


def moments(X, center, memory) -> np.ndarray:
    """Σ (X − center) and Σ (X − center)² of each channel, without padding images.

    Parameters
    ----------
    X : ndarray of shape (blocks, height, width, n, channels)
    center : ndarray of shape (channels,) or None
        None for 0.
    memory : Memory
        Of the piece.

    Returns
    -------
    ndarray of shape (2, channels), float64
    """
    shared = memory.shared
    parts = parts_of(X, shared)
    real = _real_images(X, parts, memory) if memory.n_padding else None
    scratch = shared.scratch("part", parts.part_shape)
    sums = parts.sums(2, shared)
    if center is not None:
        center = parts.repeated(center, "center row", shared)
    X = parts.rows(X)
    for part, out in zip(parts.slices, sums, strict=True):
        values = X[part]
        square = scratch[: len(values)]
        if center is not None:
            values = np.subtract(values, center, out=square)
        ones = parts.ones(values, shared) if real is None else real[part].reshape(-1)
        np.matmul(ones, parts.by_channel(values), out=out[0])
        np.multiply(values, values, out=square)
        np.matmul(ones, parts.by_channel(square), out=out[1])
    return np.add.reduce(sums, axis=0, dtype=np.float64)


def _real_images(X, parts, memory):
    """1 for each place of each image, 0 for images that are padding, by row."""
    real = memory.shared.array("real images", X.shape[:4])
    real[...] = 1
    real[-1, :, :, -memory.n_padding :] = 0
    return real.reshape(parts.n_rows, -1)


def affine(X, scale, shift, relu, out, shared) -> None:
    """out = scale X + shift, or max(scale X + shift, 0)."""
    parts = parts_of(X, shared)
    scale = parts.repeated(scale, "scale row", shared)
    shift = parts.repeated(shift, "shift row", shared)
    zeros = shared.constant("zeros", (parts.row,), 0.0)
    X, out = parts.rows(X), parts.rows(out)
    for part in parts.slices:
        target = out[part]
        np.multiply(X[part], scale, out=target)
        np.add(target, shift, out=target)
        if relu:
            np.maximum(target, zeros, out=target)


def negate_and_clip(X, shift, S, out, shared) -> None:
    """S = −(X + shift), out = min(S, 0); S may be X."""
    parts = parts_of(X, shared)
    negative = parts.repeated(-shift, "shift row", shared)
    zeros = shared.constant("zeros", (parts.row,), 0.0)
    X, S, out = parts.rows(X), parts.rows(S), parts.rows(out)
    for part in parts.slices:
        target = S[part]
        np.subtract(negative, X[part], out=target)
        np.minimum(target, zeros, out=out[part])


def clip(S, out, shared) -> None:
    """out = min(S, 0)."""
    parts = parts_of(S, shared)
    zeros = shared.constant("zeros", (parts.row,), 0.0)
    np.minimum(parts.rows(S), zeros, out=parts.rows(out))


def bits(array: np.ndarray) -> np.ndarray:
    """View of floats as the integers of their bits."""
    return array.view(np.int32 if array.itemsize == 4 else np.int64)


def masked_sums(G, X, Y, shared) -> np.ndarray:
    """Set G to 0 where Y, which is never negative, is 0; then Σ G and Σ G X of each channel.

    −y as an integer is negative unless y is 0, so its sign spread over the word is a mask: three
    integer passes take 0.2 ns an element, comparing and multiplying by a bool 0.25.

    Returns
    -------
    ndarray of shape (2, channels), float64
    """
    parts = parts_of(X, shared)
    scratch = shared.scratch("part", parts.part_shape)
    sums = parts.sums(2, shared)
    G, X = parts.rows(G), parts.rows(X)
    Y = None if Y is None else parts.rows(Y)
    for part, out in zip(parts.slices, sums, strict=True):
        values = G[part]
        product = scratch[: len(values)]
        if Y is not None:
            mask, word = bits(product), bits(values)
            np.negative(bits(Y[part]), out=mask)
            np.right_shift(mask, 8 * mask.itemsize - 1, out=mask)
            np.bitwise_and(word, mask, out=word)
        ones = parts.ones(values, shared)
        np.matmul(ones, parts.by_channel(values), out=out[0])
        np.multiply(values, X[part], out=product)
        np.matmul(ones, parts.by_channel(product), out=out[1])
    return np.add.reduce(sums, axis=0, dtype=np.float64)


def negative_sums(G, S, shared) -> np.ndarray:
    """Set G to 0 where S is not negative; then Σ G of each channel.

    Returns
    -------
    ndarray of shape (1, channels), float64
    """
    parts = parts_of(S, shared)
    scratch = shared.scratch("part", parts.part_shape)
    sums = parts.sums(1, shared)
    G, S = parts.rows(G), parts.rows(S)
    for part, out in zip(parts.slices, sums, strict=True):
        values = G[part]
        mask, word = bits(scratch[: len(values)]), bits(values)
        np.right_shift(bits(S[part]), 8 * mask.itemsize - 1, out=mask)
        np.bitwise_and(word, mask, out=word)
        np.matmul(parts.ones(values, shared), parts.by_channel(values), out=out[0])
    return np.add.reduce(sums, axis=0, dtype=np.float64)


def combine(G, X, scale, slope, shift, shared) -> None:
    """G = scale G + slope X + shift, in place."""
    parts = parts_of(X, shared)
    scale = parts.repeated(scale, "scale row", shared)
    slope = parts.repeated(slope, "slope row", shared)
    shift = parts.repeated(shift, "shift row", shared)
    scratch = shared.scratch("part", parts.part_shape)
    G, X = parts.rows(G), parts.rows(X)
    for part in parts.slices:
        target = G[part]
        line = scratch[: len(target)]
        np.multiply(X[part], slope, out=line)
        np.add(line, shift, out=line)
        np.multiply(target, scale, out=target)
        np.add(target, line, out=target)


def line_minus(G, S, slope, shift, shared) -> None:
    """G = slope S + shift − G, in place."""
    parts = parts_of(S, shared)
    slope = parts.repeated(slope, "slope row", shared)
    shift = parts.repeated(shift, "shift row", shared)
    scratch = shared.scratch("part", parts.part_shape)
    G, S = parts.rows(G), parts.rows(S)
    for part in parts.slices:
        target = G[part]
        line = scratch[: len(target)]
        np.multiply(S[part], slope, out=line)
        np.add(line, shift, out=line)
        np.subtract(line, target, out=target)
