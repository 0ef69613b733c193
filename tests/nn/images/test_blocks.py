"""The blocked layout, and what a memory gives its pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer.nn.images.blocks import BLOCK_SIZES, block_images, cut, enter, leave
from digit_recognizer.nn.images.memory import Arena, ImageMemory, LayerMemory


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 70), st.integers(1, 16), st.integers(1, 3))
def test_pieces_hold_each_image_once_and_pad_only_the_last_block(n_images, most, n_blocks):
    pieces = cut(n_images, most, n_blocks)
    held = [i for piece in pieces for i in range(piece.images.start, piece.images.stop)]
    assert held == list(range(n_images))
    assert all(piece.n_padding == 0 for piece in pieces[:-1])
    assert 0 <= pieces[-1].n_padding < pieces[-1].n <= most
    assert len({piece.n for piece in pieces}) == 1


def test_no_images_are_no_pieces():
    assert cut(0, 16) == ()


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 4))
def test_blocks_leave_as_they_entered_with_zeros_as_padding(n_blocks, n, missing):
    n_images = max(n_blocks * n - min(missing, n - 1), 1)
    images = np.random.default_rng(0).standard_normal((n_images, 2, 3, 2))
    blocks = enter(images, np.full((n_blocks, 2, 3, n, 2), np.nan))
    for index in range(n_blocks * n):
        image = blocks[index // n, :, :, index % n]
        np.testing.assert_array_equal(image, images[index] if index < n_images else 0)
    np.testing.assert_array_equal(leave(blocks, np.empty_like(images)), images)


def test_larger_images_come_in_smaller_blocks():
    sizes = [block_images(n_bytes) for n_bytes in (100, 30_000, 70_000, 150_000, 10**9)]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == set(BLOCK_SIZES)


def test_pieces_have_arrays_of_their_own_and_share_scratch():
    memory = LayerMemory(Arena(), np.float32, True)
    first, second = memory.piece(0), memory.piece(1)
    assert first is not second
    assert not np.shares_memory(first.array("a", (3,)), second.array("a", (3,)))
    assert first.shared.array("a", (3,)) is second.shared.array("a", (3,))


def test_in_prediction_all_pieces_share_one_memory():
    memory = LayerMemory(Arena(), np.float32)
    assert memory.piece(5) is memory.piece(0)


def test_things_made_once_are_given_again():
    memory = ImageMemory(None, Arena(), np.float32)
    thing = memory.once("a", list)
    assert memory.once("a", list) is thing
    assert memory.once("b", list) is not thing


@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_arena_gives_aligned_arrays_that_do_not_overlap(size):
    arena = Arena()
    arrays = [arena.empty(size, np.float32) for _ in range(5)]
    for number, array in enumerate(arrays):
        array[...] = number
        assert array.ctypes.data % 64 == 0
    assert [array[0] for array in arrays] == [array[-1] for array in arrays] == [0, 1, 2, 3, 4]
