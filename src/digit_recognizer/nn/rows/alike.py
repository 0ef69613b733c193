"""Whether a product in parts has the same bytes as the whole, with this BLAS on this machine.

Most kernels add up each element of a product in an order that depends on the depth alone, some in
another one at the edges of blocks or for small products. Parts of a multiple of 12 rows begin where
blocks do in all of OpenBLAS's kernels for x86; what is left is tried, once for each shape: the
order depends on no value, and another order shows in random ones.
"""

from functools import cache
from itertools import pairwise

import numpy as np

from digit_recognizer.nn.arrays.products import product

MULTIPLE = 12


def cut(n: int, n_parts: int) -> list[slice]:
    """n rows in parts that begin at a multiple of `MULTIPLE`; some are empty where n is small."""
    ends = [part * (n // MULTIPLE) // n_parts * MULTIPLE for part in range(n_parts)]
    return [slice(*pair) for pair in pairwise([*ends, n])]


@cache
def is_same_in_parts(shape, n_columns, n_parts, dtype, transposed=()) -> bool:
    """Whether ``A @ B`` is the same, to a bit, where parts of A's rows are multiplied each.

    Parameters
    ----------
    shape : tuple of int
        Of A.
    n_columns : int
        Of B.
    n_parts : int
    dtype : dtype
    transposed : str, default=""
        Which of the two, "A" or "B", is a view of its transpose.
    """
    generator = np.random.default_rng(0)
    A = _random(generator, shape, dtype, "A" in transposed)
    B = _random(generator, (shape[1], n_columns), dtype, "B" in transposed)
    whole, parts = (np.empty((shape[0], n_columns), dtype) for _ in range(2))
    product(A, B, whole)
    for rows in cut(shape[0], n_parts):
        product(A[rows], B, parts[rows], len(A))
    return np.array_equal(whole, parts)


def _random(generator, shape, dtype, is_transposed):
    array = generator.standard_normal(shape[::-1] if is_transposed else shape).astype(dtype)
    return array.T if is_transposed else array
