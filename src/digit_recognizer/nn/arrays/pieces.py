"""Long arrays in pieces that stay in the processor's second cache."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from digit_recognizer.nn.arrays.parameters import aligned_zeros

# Adam on 101,770 float32 takes 97 µs in pieces of 256 KB, 116 in 64 KB, 295 in one; on 1.8 million
# 3.8 ms against 4.5 in one.
PIECE_BYTES = 256 * 1024
# Of less pieces, 0.5 ms of Adam, nothing is dealt out: a thread is awake after some 50 µs.
FEWEST_DEALT = 8


def pieces(n: int, dtype, edge: int = 0, without: Sequence[slice] = ()) -> list[slice]:
    """Slices that cut n values, `without` some, into pieces for the cache; one ends at `edge`."""
    size = PIECE_BYTES // np.dtype(dtype).itemsize
    edges = [0, edge, n, *(end for cut in without for end in (cut.start, cut.stop))]
    left_out = {cut.start for cut in without}
    return [
        slice(start, min(start + size, stop))
        for first, stop in pairwise(sorted({*edges}))
        if first not in left_out
        for start in range(first, stop, size)
    ]


def dealt(
    cuts: list[slice], n_threads: int, dtype, fewest=FEWEST_DEALT
) -> list[tuple[list[slice], np.ndarray]]:
    """The pieces for each of several threads, and scratch for the largest; few are for one."""
    n_threads = n_threads if len(cuts) >= fewest else 1
    largest = max((cut.stop - cut.start for cut in cuts), default=0)
    return [
        (cuts[first::n_threads], aligned_zeros(largest, dtype))
        for first in range(min(n_threads, len(cuts) or 1))
    ]
