"""Pooling windows, one axis after the other.

A window's maximum or sum is that of its rows' maxima or sums, so each axis is reduced by itself:
`size` passes an axis over long contiguous runs, instead of size² in all.
"""

import numpy as np

from digit_recognizer.nn.kernels.channels import bits


class WindowAxis:
    """Windows along one axis of blocks (blocks, height, width, n, channels).

    Parameters
    ----------
    axis : int
        1 for height, 2 for width.
    size, stride : int
        Of the window.
    length : int
        Of the axis.

    Attributes
    ----------
    n_windows : int
    taps : list of tuple of slice
        For each position in a window, where all windows have it.
    """

    def __init__(self, axis, size, stride, length):
        self.axis = axis
        self.n_windows = (length - size) // stride + 1
        before = (slice(None),) * axis
        span = (self.n_windows - 1) * stride + 1
        self.taps = [(*before, slice(i, i + span, stride)) for i in range(size)]
        # Where no window or several windows reach, a gradient cannot just be written.
        self.overlaps = stride < size
        self.rest = (*before, slice(self.n_windows * stride, None)) if stride == size else None

    def clear(self, dX):
        """Set what `spread` or `max_backward` will not write to 0."""
        if self.rest is None:
            dX[...] = 0
        else:
            dX[self.rest] = 0

    def sum(self, X, out):
        """Sum of each window."""
        np.copyto(out, X[self.taps[0]])
        for tap in self.taps[1:]:
            np.add(out, X[tap], out=out)

    def spread(self, dY, dX):
        """The adjoint of `sum`: each element gets its windows' gradients."""
        self.clear(dX)
        for tap in self.taps:
            target = dX[tap]
            if self.overlaps:
                np.add(target, dY, out=target)
            else:
                np.copyto(target, dY)


class Windows:
    """Square windows over images of (height, width): columns are reduced first, then rows."""

    def __init__(self, size, stride, image_size):
        height, width = image_size
        self.columns = WindowAxis(2, size, stride, width)
        self.rows = WindowAxis(1, size, stride, height)
        self.half = (height, self.columns.n_windows)
        self.output = (self.rows.n_windows, self.columns.n_windows)


def max_forward(X, axis: WindowAxis, out, memory, name) -> None:
    """Running maximum over the taps of each window, into `out`.

    In training, keeps for each tap but the first a mask of all bits where it is larger than all
    before it: the sign of the difference, spread over the word. Three passes of plain arithmetic
    take 0.2 ns an element, comparing and multiplying by a bool 0.3.
    """
    first, *others = (X[tap] for tap in axis.taps)
    if not others:
        np.copyto(out, first)
    for number, tap in enumerate(others):
        largest = out if number else first
        if memory.training:
            mask = memory.array(f"{name} {number}", out.shape)
            np.subtract(largest, tap, out=mask)
            word = bits(mask)
            np.right_shift(word, 8 * word.itemsize - 1, out=word)
        np.maximum(largest, tap, out=out)


def max_backward(dY, axis: WindowAxis, dX, memory, name) -> None:
    """Give each window's gradient to its first largest tap; changes dY.

    From the last tap to the first: where its mask is set the tap takes the gradient, and exclusive
    or with what was taken leaves the rest to the taps before it.
    """
    axis.clear(dX)
    rest = bits(dY)
    taken = memory.shared.array(f"{name} taken", dY.shape) if axis.overlaps else None
    for number in range(len(axis.taps) - 2, -1, -1):
        mask = bits(memory.array(f"{name} {number}", dY.shape))
        target = dX[axis.taps[number + 1]]
        part = bits(target if taken is None else taken)
        np.bitwise_and(rest, mask, out=part)
        np.bitwise_xor(rest, part, out=rest)
        if taken is not None:
            np.add(target, taken, out=target)
    target = dX[axis.taps[0]]
    if axis.overlaps:
        np.add(target, dY, out=target)
    else:
        np.copyto(target, dY)
