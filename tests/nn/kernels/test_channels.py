"""Passes over blocks in parts."""

import numpy as np
import pytest

from digit_recognizer.nn.images.memory import Arena, ImageMemory
from digit_recognizer.nn.kernels import channels

# Blocks that are one part, several with a shorter last one, and rows longer than a part.
SHAPES = [(1, 2, 2, 3, 4), (3, 9, 11, 8, 64), (2, 2, 1, 1, 70_000)]


@pytest.mark.parametrize(("shape", "n_parts"), [*zip(SHAPES, (1, 3, 4), strict=True)])
def test_parts_hold_each_row_once(shape, n_parts):
    X = np.arange(np.prod(shape)).reshape(shape)
    parts = channels.Parts(shape)
    pieces = [parts.rows(X)[part] for part in parts.slices]
    assert len(pieces) == n_parts
    np.testing.assert_array_equal(np.concatenate(pieces).ravel(), X.ravel())
    assert max(piece.shape for piece in pieces) == parts.part_shape


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_and_lines_are_those_of_all_parts(shape, generator):
    X, Y = generator.standard_normal((2, *shape))
    memory = ImageMemory(None, Arena(), np.float64, True)
    places = (0, 1, 2, 3)
    center, scale = generator.standard_normal((2, shape[-1]))
    sums = [(X - center).sum(axis=places), ((X - center) ** 2).sum(axis=places)]
    np.testing.assert_allclose(channels.moments(X, center, memory), sums, atol=1e-9)
    out = np.empty_like(X)
    channels.affine(X, scale, center, True, out, memory.shared)
    np.testing.assert_allclose(out, np.maximum(X * scale + center, 0), atol=1e-12)
    masked = np.where(out > 0, Y, 0)
    sums = [masked.sum(axis=places), (masked * X).sum(axis=places)]
    np.testing.assert_allclose(channels.masked_sums(Y, X, out, memory.shared), sums, atol=1e-9)
