"""Matrix products and column sums, at the speed the machine allows."""

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.arrays.workers import share

# OpenBLAS multiplies without packing its operands, nearly twice as fast for few rows, as long as
# rows × depth × columns is at most this (its SMALL_MATRIX_PERMIT for AVX-512).
SMALL_PRODUCT = 1_000_000
# Narrower pieces than this lose more in the kernel's edges than they gain.
NARROWEST_PIECE = 32
# Multiply-adds, half a millisecond of one thread, from which on a product is cut for several: a
# second one is awake after some 50 µs. Parts lie along the result's longer side, where the smaller
# operand is packed more often. Batches of 128 through 784-512-256-10 and 784-1024-1024-10 take 0.84
# and 0.77 of the time on two cores; on one, 1% and 4% more. Cut for several threads only, a product
# would have other bytes: most of OpenBLAS's kernels add in another order then.
SHARED_WORK = 25_000_000
MOST_PARTS = 16
# Places at which a result is cut: whole vectors of the processor, and blocks of its kernels.
PART_MULTIPLE = 48


def piece_width(n_rows: int, depth: int, n_columns: int) -> int:
    """How many columns of the result to compute at once: all, or a divisor that stays small.

    Measured with OpenBLAS's SkylakeX kernels in float32: 32×784×128 takes 35 µs in four pieces of
    32 columns against 49 µs whole; from 128 rows on nothing is gained.
    """
    if n_rows * depth * n_columns <= SMALL_PRODUCT:
        return n_columns
    widest = SMALL_PRODUCT // (n_rows * depth)
    # By their number, which is small where pieces are wide.
    fewest = max(-(-n_columns // widest), 2) if widest else n_columns
    for n_pieces in range(fewest, n_columns // NARROWEST_PIECE + 1):
        if n_columns % n_pieces == 0:
            return n_columns // n_pieces
    return n_columns


def product(A: np.ndarray, B: np.ndarray, out: np.ndarray, part_of: int = 0) -> np.ndarray:
    """``A @ B`` into `out`, by the threads of `Workers` where it is large.

    Parameters
    ----------
    A : ndarray, CSR or CSC matrix of shape (n_rows, depth)
    B : ndarray of shape (depth, n_columns)
    out : ndarray of shape (n_rows, n_columns)
    part_of : int, default=0
        Rows of the product that these are some of: their columns are computed at once as there.

    Returns
    -------
    out : ndarray of shape (n_rows, n_columns)
    """
    if is_sparse(A):
        return sparse_product(A, B, out)
    if not isinstance(A, np.ndarray):
        return A.multiply(B, out)
    n_rows = part_of or len(A)
    if n_rows * A.shape[1] * out.shape[1] < SHARED_WORK:
        return _multiply(A, B, out, n_rows)
    share(lambda part: _multiply(*part), _parts(A, B, out, n_rows))
    return out


def _parts(A, B, out, n_rows):
    """The product in parts, which the shape of the whole says."""
    n_columns = out.shape[1]
    n_parts = min(max(n_rows * A.shape[1] * n_columns // SHARED_WORK, 2), MOST_PARTS)
    size = max(n_rows, n_columns)
    width = -(-size // (n_parts * PART_MULTIPLE)) * PART_MULTIPLE
    parts = [slice(start, start + width) for start in range(0, size, width)]
    if n_rows < n_columns:
        return [(A, B[:, part], out[:, part], n_rows) for part in parts]
    # Some rows of the whole are few enough.
    parts = parts if n_rows == len(A) else [slice(None)]
    return [(A[part], B, out[part], width) for part in parts]


def _multiply(A, B, out, n_rows):
    depth, n_columns = B.shape
    width = piece_width(n_rows, depth, n_columns)
    if width == n_columns:
        return np.matmul(A, B, out=out)
    n_rows, n_pieces = len(A), n_columns // width
    B_pieces = B.reshape(depth, n_pieces, width).transpose(1, 0, 2)
    out_pieces = out.reshape(n_rows, n_pieces, width).transpose(1, 0, 2)
    np.matmul(A, B_pieces, out=out_pieces)
    return out


def sparse_product(A, B: np.ndarray, out: np.ndarray) -> np.ndarray:
    """``A @ B`` into `out`, by A's own operator.

    The transpose of a batch, a CSC matrix, has a row for each feature, of which a batch of texts
    has few: only their rows are computed. For 200 texts of 50 out of 2²⁰ features and 32 units
    that takes 34 ms and no second array of the size of `out`, which takes 95.
    """
    if A.format == "csr":
        np.copyto(out, A @ B)
        return out
    present = np.zeros(A.shape[0], bool)
    present[A.indices] = True
    rows = np.flatnonzero(present)
    places = np.empty(A.shape[0], A.indices.dtype)
    places[rows] = np.arange(len(rows))
    parts = A.data, places[A.indices], A.indptr
    out[...] = 0
    out[rows] = type(A)(parts, shape=(len(rows), A.shape[1])) @ B
    return out


def column_sums(A: np.ndarray, out: np.ndarray, memory) -> np.ndarray:
    """``A.sum(axis=0)`` into `out`, as a product with ones: twice as fast as NumPy's sum.

    Parameters
    ----------
    A : ndarray of shape (n_rows, n_columns)
    out : ndarray of shape (n_columns,)
    memory : Memory
        Holds the ones.
    """
    return np.matmul(memory.constant("ones", (len(A),), 1.0), A, out=out)
