"""Winograd's matrices, tiles and accuracy, and the checked views beneath."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer.nn.images.memory import Arena, ImageMemory
from digit_recognizer.nn.kernels import winograd_piece
from digit_recognizer.nn.kernels.strided import KeptViews, largest_divisor, strided_view
from digit_recognizer.nn.kernels.tiles import LARGEST_TILE, Axis, runs, transform_matrices
from digit_recognizer.nn.kernels.winograd import Winograd

FILTERS = [(m, k) for k in range(1, 6) for m in range(1, LARGEST_TILE - k + 2)]


@pytest.mark.parametrize(("m", "k"), FILTERS)
def test_transforms_compute_a_correlation(m, k, generator):
    A_transposed, G, B_transposed = transform_matrices(m, k)
    taps, inputs = generator.standard_normal(k), generator.standard_normal(m + k - 1)
    Y = A_transposed @ ((G @ taps) * (B_transposed @ inputs))
    np.testing.assert_allclose(Y, np.correlate(inputs, taps, "valid"), atol=1e-12)


@pytest.mark.parametrize(("m", "k"), FILTERS)
def test_rows_that_belong_together_have_a_like_size(m, k):
    _, G, B_transposed = transform_matrices(m, k)
    ratios = np.abs(G).max(axis=1) / np.abs(B_transposed).max(axis=1)
    assert 0.5 <= ratios.min() <= ratios.max() <= 2


def test_tiles_too_large_for_the_precision_are_refused():
    with pytest.raises(ValueError, match=r"F\(7, 3\) needs tiles of 9"):
        transform_matrices(7, 3)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(1, 3), st.integers(0, 4), st.data())
def test_the_parts_of_an_axis_are_a_convolution_and_its_adjoint(
    size, kernel, stride, padding, data
):
    """Σ over phases of Aᵀ(Bᵀx ⊙ Gw) by runs is the convolution; the gradients are the adjoint."""
    if size + 2 * padding < kernel:
        return
    taps = -(-kernel // stride)
    m = data.draw(st.integers(max(taps - 1, 1), LARGEST_TILE - taps + 1))
    a = m + taps - 1
    x, w = np.arange(1.0, size + 1), np.arange(1.0, kernel + 1)
    padded = np.pad(x, padding)
    n_outputs = (size + 2 * padding - kernel) // stride + 1
    expected = [padded[s : s + kernel] @ w for s in range(0, n_outputs * stride, stride)]
    G = transform_matrices(m, taps)[1]
    outputs = np.zeros(n_outputs)
    for phase in range(stride):
        axis = Axis(size, kernel, stride, padding, phase, m, np.float64)
        rows = x[axis.start :: stride]
        filters = np.zeros(taps)
        filters[: len(w[phase::stride])] = w[phase::stride]
        U = np.zeros((axis.n_tiles, a))
        for run, matrix in axis.inputs:
            for t in range(run.count):
                start = run.start + t * m
                U[run.first + t] = matrix @ rows[start : start + matrix.shape[1]]
        for run, matrix in axis.outputs:
            for t in range(run.count):
                start = run.start + t * m
                outputs[start : start + len(matrix)] += matrix @ (U[run.first + t] * (G @ filters))
    np.testing.assert_allclose(outputs, expected, rtol=1e-10, atol=1e-10)


def test_runs_group_tiles_that_overlap_the_image_alike():
    found = runs(n_tiles=4, step=6, window=slice(0, 8), shift=-1, size=22)
    assert [(run.first, run.count, run.cut, run.start) for run in found] == [
        (0, 1, slice(1, 8), 0),
        (1, 2, slice(0, 8), 5),
        (3, 1, slice(0, 5), 17),
    ]
    assert runs(2, 3, slice(0, 3), -9, 5) == []


@pytest.mark.parametrize(
    ("size", "channels", "kernel", "m"),
    [(26, 32, 3, 6), (12, 32, 3, 5), (10, 64, 3, 4), (13, 16, 3, 6), (14, 6, 5, 4), (4, 64, 3, 2)],
)
def test_float32_is_within_1e_4_of_float64(size, channels, kernel, m, generator):
    X = generator.standard_normal((1, size, size, 2, channels))
    weight = generator.standard_normal((kernel, kernel, channels, 16)) / channels**0.5
    results = []
    for dtype in (np.float64, np.float32):
        memory = ImageMemory(None, Arena(), dtype, True)
        plan = Winograd(X.shape[1:3] + X.shape[4:], weight.shape, 1, 0, m, dtype)
        out = size - kernel + 1
        Y = np.empty((1, out, out, 2, 16), dtype)
        dX, d_weight = np.empty(X.shape, dtype), np.empty(weight.shape, dtype)
        plan.start(weight.astype(dtype), memory, training=True)
        plan.forward(X.astype(dtype), Y, memory)
        plan.start_backward(memory)
        plan.backward(X.astype(dtype), Y.copy(), dX, memory)
        plan.finish_backward(memory, d_weight)
        results.append((Y, dX, d_weight))
    for exact, rounded in zip(*results, strict=True):
        assert np.abs(exact - rounded).max() < 1e-4 * np.abs(exact).max()


@pytest.mark.parametrize(("stripe", "product"), [(1, 10**6), (10**6, 60), (1, 60)])
def test_stripes_and_parts_of_products_add_up(stripe, product, generator, monkeypatch):
    X = generator.standard_normal((2, 9, 8, 4, 3))
    weight, dY = generator.standard_normal((3, 3, 3, 5)), generator.standard_normal((2, 7, 6, 4, 5))
    results = []
    for sizes in ((10**9, 10**9), (stripe, product)):
        monkeypatch.setattr(winograd_piece, "STRIPE_ELEMENTS", sizes[0])
        monkeypatch.setattr(winograd_piece, "SMALL_PRODUCT", sizes[1])
        memory = ImageMemory(None, Arena(), np.float64, True)
        plan = Winograd((9, 8, 3), weight.shape, 1, 0, 2, np.float64)
        plan.start(weight, memory, training=True, bias=np.arange(5.0))
        d_weight, d_bias = np.empty_like(weight), np.empty(5)
        # Twice: the second time sums are not empty.
        for _ in range(2):
            plan.start_backward(memory)
            for _ in range(2):
                Y, dX = np.empty_like(dY), np.empty_like(X)
                plan.forward(X, Y, memory)
                plan.backward(X, dY, dX, memory)
            plan.finish_backward(memory, d_weight, d_bias)
        results.append((Y, dX, d_weight, d_bias))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)
    np.testing.assert_allclose(results[1][3], 2 * dY.sum(axis=(0, 1, 2, 3)), atol=1e-11)


def test_views_are_kept_for_each_of_a_few_arrays():
    views = KeptViews([((2,), (1,), 0), ((2,), (1,), 1)])
    arrays = [np.full(3, number) for number in range(views.MOST_ARRAYS + 5)]
    for array in arrays:
        first, second = views.of(array)
        assert np.shares_memory(first, array[:1])
        np.testing.assert_array_equal(second, array[1:])
    assert views.of(arrays[-1])[0] is first
    assert len(views._made) <= views.MOST_ARRAYS


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((4, 4), (4, 1), 1), ((5,), (4,), 0), ((2,), (1,), -1), ((3,), (-1,), 1), ((17,), (1,), 0)],
)
def test_views_outside_their_array_are_refused(shape, strides, offset):
    with pytest.raises(ValueError, match="does not fit"):
        strided_view(np.zeros((4, 4)), shape, strides, offset)


def test_views_of_arrays_with_gaps_are_refused():
    with pytest.raises(ValueError, match="contiguous"):
        strided_view(np.zeros((4, 4))[:, :2], (2,), (1,))


def test_views_overlap_and_write_through():
    array = np.arange(6.0)
    view = strided_view(array, (3, 3), (1, 1), 1)
    np.testing.assert_array_equal(view, [[1, 2, 3], [2, 3, 4], [3, 4, 5]])
    view[0, 0] = 9
    assert array[1] == 9


def test_largest_divisor_stays_below_the_limit():
    assert largest_divisor(12, 5) == 4
    assert largest_divisor(13, 12) == 1
    assert largest_divisor(6, 100) == 6
    assert largest_divisor(6, 0.5) == 1
