"""Winograd's transform matrices, and how tiles cover an axis of an image.

F(m, k) computes m neighbouring outputs of a k-tap filter g from a = m + k − 1 inputs d as
``Aᵀ [(G g) ⊙ (Bᵀ d)]``: a multiplications instead of m k.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

# Interpolation points in the order in which they are used; the last one is infinity. Small
# numbers and inverses keep the matrices well conditioned (Vincent et al., 2017, section 3). That of
# 1 comes first: its column of Aᵀ, the one with index ONES, is of ones.
POINTS = [Fraction(p) for p in (1, 0, -1, 2, -2, "1/2", "-1/2")]
ONES = 0
# F(6, 3) and F(4, 5): one more point would cost float32 a decimal digit.
LARGEST_TILE = len(POINTS) + 1


def polynomial(roots) -> list[Fraction]:
    """Coefficients, lowest first, of Π (x − root)."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        for power, value in enumerate(coefficients):
            shifted[power] -= root * value
        coefficients = shifted
    return coefficients


def transform_matrices(m: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Toom–Cook matrices of F(m, k) in the form of Lavin and Gray (2016), float64.

    Rows of G and Bᵀ that belong together are scaled by powers of two to a like size, which the
    element-wise product does not see but float32 does (Vincent et al., 2017).

    Returns
    -------
    A_transposed : ndarray of shape (m, a)
    G : ndarray of shape (a, k)
    B_transposed : ndarray of shape (a, a)
    """
    a = m + k - 1
    if not 1 <= a <= LARGEST_TILE:
        raise ValueError(f"F({m}, {k}) needs tiles of {a}, of which at most {LARGEST_TILE} work.")
    points = POINTS[: a - 1]
    A_transposed, G, B_transposed = np.zeros((m, a)), np.zeros((a, k)), np.zeros((a, a))
    for j, point in enumerate(points):
        others = points[:j] + points[j + 1 :]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        A_transposed[:, j] = [float(point**i) for i in range(m)]
        G[j] = [float(point**i / scale) for i in range(k)]
        B_transposed[j, : a - 1] = [float(c) for c in polynomial(others)]
    A_transposed[m - 1, a - 1] = G[a - 1, k - 1] = 1
    B_transposed[a - 1] = [float(c) for c in polynomial(points)]
    for j in range(a):
        ratio = np.abs(G[j]).max() / np.abs(B_transposed[j]).max()
        scale = 2.0 ** np.round(np.log2(ratio) / 2)
        B_transposed[j] *= scale
        G[j] /= scale
    return A_transposed, G, B_transposed


class Run(NamedTuple):
    """Neighbouring tiles that overlap the image alike.

    Tiles `first` … `first + count − 1` see, of the rows 0 … a − 1 of their window, the rows
    ``cut``; the first of those rows of the first tile is row `start` of the image.
    """

    first: int
    count: int
    cut: slice
    start: int


def runs(n_tiles: int, step: int, window: slice, shift: int, size: int) -> list[Run]:
    """Group tiles by the part of their window that lies inside an axis.

    Tile t has rows ``t step + shift + i`` for i in `window`; rows outside 0 … size − 1 do not
    exist. Cutting the transform's matrix there is what replaces padding the image with zeros.

    Parameters
    ----------
    n_tiles, step : int
    window : slice
        Start and stop of i.
    shift : int
    size : int
        Of the axis.

    Returns
    -------
    list of Run
        With ``cut`` relative to the start of `window`; tiles wholly outside are left out.
    """
    found: list[Run] = []
    for tile in range(n_tiles):
        origin = tile * step + shift
        low, high = max(window.start, -origin), min(window.stop, size - origin)
        if low >= high:
            continue
        cut = slice(low - window.start, high - window.start)
        last = found[-1] if found else None
        if last and last.cut == cut and last.first + last.count == tile:
            found[-1] = last._replace(count=last.count + 1)
        else:
            found.append(Run(tile, 1, cut, origin + low))
    return found


class Axis:
    """One phase of one axis of a convolution, cut into tiles: each matrix with its tiles.

    With stride s, output y needs the inputs s y + i − p of tap i. Taps with the same i mod s, a
    phase, see only every s-th row: on those rows they are a filter with stride 1.

    Parameters
    ----------
    size, kernel, stride, padding, phase : int
        Of the image's axis; the filter; the stride; the zeros on each side; and 0 … stride − 1.
    m : int
        Outputs of a tile, at least ⌈kernel / stride⌉ − 1: a tile overlaps its neighbours only.
    dtype : dtype

    Attributes
    ----------
    n_tiles, n_outputs : int
    start, step : int
        Row `start + step r` of the image is row r of the phase.
    covered : bool
        Whether each row of the phase is seen, and each tile sees a row.
    inputs, outputs : list of (Run, matrix)
        Bᵀ by rows of the phase that a tile sees; Aᵀ by rows of the output that a tile makes.
    gradients : list of (Run, matrix)
        A, the adjoint of `outputs`.
    own, spill, last_spill : list of (Run, matrix)
        B, the adjoint of `inputs`, in parts: a tile's first m rows, its other rows, which its
        right neighbour's first rows overlap, and those of the last tile, which nothing overlaps.
    first_own, joint : list of (Run, matrix)
        The same, with own part and left neighbour's spill as one matrix; tile 0 has no neighbour.
    """

    def __init__(self, size, kernel, stride, padding, phase, m, dtype):
        taps = -(-kernel // stride)
        A_transposed, _, B_transposed = transform_matrices(m, taps)
        a, B = m + taps - 1, B_transposed.T
        self.n_outputs = (size + 2 * padding - kernel) // stride + 1
        self.n_tiles = n_tiles = -(-self.n_outputs // m)
        # Of the zeros before the image, the phase has so many.
        zeros = max(0, -((phase - padding) // stride))
        self.start, self.step = stride * zeros + phase - padding, stride
        length = max(0, -(-(size - self.start) // stride))
        head, tail = slice(0, m), slice(m, a)
        joint = np.hstack([np.vstack([B[tail], np.zeros((m - taps + 1, a))]), B[head]])
        A_transposed, B_transposed, B, joint = (
            matrix.astype(dtype) for matrix in (A_transposed, B_transposed, B, joint)
        )

        def covering(count, window, shift, matrix, by_columns=False):
            return [
                (run, np.ascontiguousarray(matrix[:, run.cut] if by_columns else matrix[run.cut]))
                for run in runs(count, m, window, shift, length)
            ]

        self.inputs = covering(n_tiles, slice(0, a), -zeros, B_transposed, by_columns=True)
        self.outputs = [
            (run, np.ascontiguousarray(A_transposed[run.cut]))
            for run in runs(n_tiles, m, head, 0, self.n_outputs)
        ]
        self.gradients = [(run, np.ascontiguousarray(M.T)) for run, M in self.outputs]
        last = (n_tiles - 1) * m - zeros
        self.own = covering(n_tiles, head, -zeros, B[head])
        self.spill = covering(n_tiles - 1, tail, -zeros, B[tail])
        self.last_spill = covering(1, tail, last, B[tail])
        self.first_own = covering(1, head, -zeros, B[head])
        self.joint = covering(n_tiles - 1, head, m - zeros, joint)
        n_seeing = sum(run.count for run, _ in self.inputs)
        self.covered = n_seeing == n_tiles and last + a >= length
