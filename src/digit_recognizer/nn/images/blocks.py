"""The layout in which images pass through the network.

Users' images are (n, height, width, channels). Inside, a batch is B blocks of n images each, an
array (B, height, width, n, channels): what is at one place in the n images of a block is one long
contiguous run, so that every shift of an image is a view whose rows keep the processor busy. The
last block is filled up with images of zeros, whose gradients are zeros too.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# Images of a block. Long runs make fewer and faster calls, until the largest layer's block is
# several times the second cache of 1 MB. A training step of 128 images takes, in blocks of 8, 16,
# 32, 64: 18.8, 14.8, 13.3, 12.9 ms where that layer is 26×26×16; 51.9, 49.0, 50.9, 55.0 ms where
# it is 26×26×32.
BLOCK_SIZES = (64, 32, 16, 8)
BLOCK_BYTES = 1_700_000


def block_images(image_bytes: int) -> int:
    """Images of a block for a network whose largest layer has this many bytes an image."""
    fitting = (size for size in BLOCK_SIZES if size * image_bytes <= BLOCK_BYTES)
    return next(fitting, BLOCK_SIZES[-1])


@dataclass(frozen=True)
class Piece:
    """A part of a batch that fits the cache.

    Parameters
    ----------
    n_blocks, n : int
        Its shape is (n_blocks, height, width, n, channels).
    images : slice
        Which of the batch's images it holds.
    """

    n_blocks: int
    n: int
    images: slice

    @property
    def n_padding(self) -> int:
        """Images of zeros at the end."""
        return self.n_blocks * self.n - (self.images.stop - self.images.start)


@lru_cache
def cut(n_images: int, block_images: int, blocks_of_piece: int = 1) -> tuple[Piece, ...]:
    """Cut a batch into pieces of blocks that are as full as can be.

    Parameters
    ----------
    n_images : int
    block_images : int
        Most images of a block.
    blocks_of_piece : int
        Most blocks of a piece.
    """
    n_blocks = -(-n_images // block_images)
    n = -(-n_images // max(n_blocks, 1))
    return tuple(
        Piece(
            min(blocks_of_piece, n_blocks - first),
            n,
            slice(first * n, min((first + blocks_of_piece) * n, n_images)),
        )
        for first in range(0, n_blocks, blocks_of_piece)
    )


def enter(images: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Copy (images, height, width, channels) to blocks, and zeros to what is left of them.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width, channels)
    blocks : ndarray of shape (n_blocks, height, width, n, channels)

    Returns
    -------
    blocks
    """
    for source, target in _matched(images, blocks):
        np.copyto(target, source)
    n_blocks, n = len(blocks), blocks.shape[3]
    n_padding = n_blocks * n - len(images)
    if n_padding:
        blocks[-1, :, :, n - n_padding :] = 0
    return blocks


def leave(blocks: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Copy blocks to (images, height, width, channels), leaving out what fills the last block."""
    for target, source in _matched(images, blocks):
        np.copyto(target, source)
    return images


def _matched(images, blocks):
    """Pairs of views of equal shape: the full blocks, and the images of one that is not full."""
    n = blocks.shape[3]
    n_full = len(images) // n
    by_image = blocks.transpose(0, 3, 1, 2, 4)
    if n_full:
        full = images[: n_full * n].reshape(n_full, n, *images.shape[1:])
        yield full, by_image[:n_full]
    if n_full * n < len(images):
        yield images[n_full * n :], by_image[n_full, : len(images) - n_full * n]
