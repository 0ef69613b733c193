"""Forward and backward through steps, one after the other."""

from itertools import accumulate

import numpy as np

from digit_recognizer.nn.arrays.rows import is_sparse


def run_forward(steps, X, memories, may_overwrite=False):
    """The output of the last step, and whether the next may compute in its place.

    Parameters
    ----------
    steps : sequence of Layer
    X : ndarray or CSR matrix of shape (n, …)
    memories : sequence of Memory
        One for each step.
    may_overwrite : bool, default=False
        Whether the first may compute in place of X.
    """
    for step, memory in zip(steps, memories, strict=False):
        memory.overwrite_input = may_overwrite
        Y = step.forward(X, memory)
        if step.keeps_output:
            may_overwrite = False
        elif not may_overwrite:
            may_overwrite = is_sparse(X) or not np.may_share_memory(X, Y)
        X = Y
    return X, may_overwrite


def learns_before(steps) -> list[bool]:
    """For each step whether one before it learns: nobody else needs a gradient."""
    return list(accumulate((step.learns for step in steps), initial=False))


def run_backward(steps, learns, dY, memories, need_dX):
    """The gradient with respect to the first step's input, or None.

    Parameters
    ----------
    learns : sequence of bool
        See `learns_before`.
    """
    for position in reversed(range(len(steps))):
        step, is_wanted = steps[position], need_dX or learns[position]
        if not (is_wanted or step.learns):
            return None
        dY = step.backward(dY, memories[position], is_wanted)
    return dY
