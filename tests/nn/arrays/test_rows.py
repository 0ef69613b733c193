"""Rows of data: whatever their layout, C-contiguous or CSR, copied once or not at all."""

import numpy as np
import pytest
from scipy import sparse

from digit_recognizer.nn.arrays.rows import contiguous, multipliable, smallest

X = np.where(np.arange(24) % 3, 0, np.arange(24.0)).reshape(6, 4)


@pytest.mark.parametrize("given", [X, X[2:5], sparse.csr_matrix(X), sparse.csr_array(X)])
def test_what_is_right_already_is_not_copied(given):
    made = contiguous(given, np.float64)
    assert np.shares_memory(parts(made), parts(given))


@pytest.mark.parametrize(
    "given", [np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X[::-1].copy()[::-1], X[:, 0]]
)
@pytest.mark.parametrize("dtype", [None, np.float32])
def test_other_layouts_become_contiguous(given, dtype):
    made = contiguous(given, dtype)
    assert made.flags.c_contiguous
    assert made.dtype == (dtype or np.float64)
    np.testing.assert_array_equal(made, given)


@pytest.mark.parametrize("convert", [sparse.csc_matrix, sparse.coo_array, sparse.lil_matrix])
def test_other_sparse_formats_become_csr(convert):
    made = contiguous(convert(X.astype(int)), np.float32)
    assert (made.format, made.dtype) == ("csr", np.float32)
    np.testing.assert_array_equal(made.toarray(), X)


def parts(array):
    return array if isinstance(array, np.ndarray) else array.data


@pytest.mark.parametrize("copied", [False, True])
def test_only_what_blas_cannot_multiply_is_copied(copied):
    fit, others = (
        (np.asfortranarray(X)[2:4], X[1:], X[:, 1:], sparse.csr_array(X)),
        (np.repeat(X, 2, axis=1)[:, ::2], X[::-1], X[:, ::-1], np.broadcast_to(X[0], X.shape)),
    )
    for given in others if copied else fit:
        assert (
            np.shares_memory(parts(multipliable(given, np.float64)), parts(given))
        ) is not copied
        made = multipliable(given, np.float32)
        np.testing.assert_array_equal(parts(made), parts(given))
        assert made.dtype == np.float32


@pytest.mark.parametrize("shift", [-9, 0, 9])
def test_smallest_value_counts_the_zeros_that_are_not_stored(shift):
    assert smallest(X + shift) == smallest(sparse.csr_array(X + shift)) == shift
    assert smallest(sparse.csr_array(X) * -1) == -21
    assert smallest(sparse.csr_array((3, 3))) == 0


def test_smallest_value_leaves_read_only_duplicates_as_they_are():
    arrays = np.array([1.0, -5.0, 2.0]), np.array([1, 0, 0]), np.array([0, 3])
    for array in arrays:
        array.flags.writeable = False
    twice = sparse.csr_array(arrays, shape=(1, 2))
    assert smallest(twice) == -3
    assert twice.nnz == 3
