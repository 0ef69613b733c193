"""Products and column sums against NumPy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from digit_recognizer import nn
from digit_recognizer.nn.arrays import products
from digit_recognizer.nn.arrays.products import column_sums, piece_width, product

dtypes = st.sampled_from([np.float32, np.float64])


def draw(n_rows, n_columns, dtype, transposed=False, seed=0):
    generator = np.random.default_rng([seed, n_rows, n_columns])
    if transposed:
        return generator.standard_normal((n_columns, n_rows)).astype(dtype).T
    return generator.standard_normal((n_rows, n_columns)).astype(dtype)


def check(A, B):
    out = np.full((len(A), B.shape[1]), np.nan, dtype=A.dtype)
    assert product(A, B, out) is out
    tolerance = 1e-11 if A.dtype == np.float64 else 1e-3
    np.testing.assert_allclose(out, A @ B, rtol=tolerance, atol=tolerance)


@given(
    st.integers(1, 70),
    st.sampled_from([1, 3, 200, 784, 1200]),
    st.sampled_from([1, 10, 97, 128, 192, 320]),
    dtypes,
    st.booleans(),
    st.booleans(),
)
def test_product_equals_numpys_for_any_shape(n_rows, depth, n_columns, dtype, turn_A, turn_B):
    A, B = draw(n_rows, depth, dtype, turn_A), draw(depth, n_columns, dtype, turn_B, seed=1)
    check(A, B)


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), dtypes, st.booleans(), st.booleans()
)
def test_product_in_pieces_equals_numpys(n_rows, depth, n_pieces, dtype, turn_A, turn_B):
    n_columns = 4 * n_pieces
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "SMALL_PRODUCT", n_rows * depth * 4)
        patch.setattr(products, "NARROWEST_PIECE", 2)
        assert piece_width(n_rows, depth, n_columns) == 4
        A, B = draw(n_rows, depth, dtype, turn_A), draw(depth, n_columns, dtype, turn_B, seed=1)
        check(A, B)


@pytest.mark.parametrize("shape", [(32, 784, 128), (16, 1200, 320)])
def test_these_shapes_are_cut(shape, dtype):
    width = piece_width(*shape)
    assert products.NARROWEST_PIECE <= width < shape[2]
    assert shape[2] % width == 0
    assert shape[0] * shape[1] * width <= products.SMALL_PRODUCT
    check(draw(*shape[:2], dtype), draw(*shape[1:], dtype, seed=1))


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ((32, 100, 128), "small already"),
        ((32, 784, 127), "a prime number of columns"),
        ((1000, 784, 128), "pieces would be too narrow"),
    ],
)
def test_these_shapes_stay_whole(shape, why):
    assert piece_width(*shape) == shape[2], why


@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 9), dtypes, st.booleans())
def test_product_of_a_sparse_matrix_equals_numpys(n_rows, depth, n_columns, dtype, long_indices):
    A = draw(n_rows, depth, dtype)
    A[A < 0.8] = 0
    B, G = draw(depth, n_columns, dtype), draw(n_rows, n_columns, dtype, seed=1)
    thin = sparse.csr_array(A)
    if long_indices:
        thin.indices, thin.indptr = thin.indices.astype(np.int64), thin.indptr.astype(np.int64)
    for factor, dense, other in ((thin, A, B), (thin.T, A.T, G)):
        out = np.full((dense.shape[0], n_columns), np.nan, dtype=dtype)
        assert product(factor, other, out) is out
        np.testing.assert_allclose(out, dense @ other, rtol=1e-5, atol=1e-5)


def test_unsorted_indices_of_a_sparse_matrix_that_come_twice_add_up():
    A = sparse.csr_array((np.array([1.0, 2.0, 4.0]), [2, 0, 2], [0, 3, 3]), shape=(2, 5))
    G = np.array([[1.0, 10.0], [5.0, 7.0]])
    out = np.full((5, 2), np.nan)
    product(A.T, G, out)
    np.testing.assert_array_equal(out, A.toarray().T @ G)
    assert A.nnz == 3


@given(st.integers(1, 50), st.integers(1, 50), dtypes)
def test_column_sums_equal_numpys(n_rows, n_columns, dtype):
    A = draw(n_rows, n_columns, dtype)
    out = np.full(n_columns, np.nan, dtype=dtype)
    assert column_sums(A, out, nn.Memory(dtype)) is out
    np.testing.assert_allclose(out, A.sum(axis=0), rtol=1e-4, atol=1e-4)
