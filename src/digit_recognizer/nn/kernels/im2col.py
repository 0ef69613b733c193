"""Convolution as one matrix product: every window becomes a column (im2col).

With U the matrix of shape (kernel kernel channels, positions) whose rows are the shifted images,

    Y = Uᵀ W,   dW = U dY,   dU = W dYᵀ,   dX = dU shifted back and summed.

Any kernel, stride and padding. Images are turned to (channels, blocks, height, width, n) first, so
that each copy moves long rows even where there is one channel.
"""

import numpy as np

from digit_recognizer.nn.arrays.products import SMALL_PRODUCT
from digit_recognizer.nn.kernels.strided import largest_divisor


class Columns:
    """im2col convolution of pieces of shape (blocks, height, width, n, channels).

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels).
    weight_shape : tuple of int
        (kernel, kernel, channels, n_filters).
    stride, padding : int
    """

    def __init__(self, input_shape, weight_shape, stride, padding):
        height, width, self.n_channels = input_shape
        self.kernel, _, _, self.n_filters = weight_shape
        self.stride, self.padding = stride, padding
        self.depth = self.kernel**2 * self.n_channels
        out_height = (height + 2 * padding - self.kernel) // stride + 1
        out_width = (width + 2 * padding - self.kernel) // stride + 1
        self.input_shape, self.output_shape = input_shape, (out_height, out_width, self.n_filters)

    def start(self, weight, shared, training):
        """Take the weights, for all pieces of a batch."""
        shared.kept = weight.reshape(self.depth, self.n_filters)

    def forward(self, X, Y, memory):
        """Y = W ∗ X of one piece."""
        U = self._columns(X, Y, memory.shared)
        weight = memory.shared.kept
        np.matmul(U.transpose(1, 2, 0), weight, out=Y.reshape(*U.shape[1:], self.n_filters))

    def _columns(self, X, Y, shared):
        """U as (depth, parts, positions of a part), parts small enough for a fast product."""
        turned, taps = self._turned(X.shape, shared)
        np.copyto(self._inside(turned), X.transpose(4, 0, 1, 2, 3))
        U = shared.array("U", (self.kernel**2, *taps[0].shape))
        for column, tap in zip(U, taps, strict=True):
            np.copyto(column, tap)
        n_positions = Y.size // self.n_filters
        part = largest_divisor(n_positions, SMALL_PRODUCT / (self.depth * self.n_filters))
        return U.reshape(self.depth, n_positions // part, part)

    def start_backward(self, shared):
        """Set the sum of the weight's gradient to 0."""
        shared.array("weight sum", (self.depth, self.n_filters))[...] = 0

    def backward(self, X, dY, dX, memory):
        """Add to the weight's gradient; write dX unless it is None."""
        shared = memory.shared
        U = self._columns(X, dY, shared)
        rows = dY.reshape(*U.shape[1:], self.n_filters)
        products = shared.array("weight products", (U.shape[1], self.depth, self.n_filters))
        np.matmul(U.transpose(1, 0, 2), rows, out=products)
        total = shared.array("weight sum", (self.depth, self.n_filters))
        for product in products:
            np.add(total, product, out=total)
        if dX is None:
            return
        np.matmul(shared.kept, rows.swapaxes(1, 2), out=U.transpose(1, 0, 2))
        turned, taps = self._turned(dX.shape, shared, "gradient")
        turned[...] = 0
        for tap, column in zip(taps, U.reshape(self.kernel**2, *taps[0].shape), strict=True):
            np.add(tap, column, out=tap)
        np.copyto(dX, self._inside(turned).transpose(1, 2, 3, 4, 0))

    def finish_backward(self, shared, d_weight):
        """Write the weight's gradient."""
        total = shared.array("weight sum", (self.depth, self.n_filters))
        np.copyto(d_weight, total.reshape(d_weight.shape))

    def _turned(self, shape, shared, use="image"):
        """Zeros (channels, blocks, padded height, padded width, n), and views of all taps."""
        return shared.once(("turned", use, shape), lambda: self._make_turned(shape, shared.dtype))

    def _make_turned(self, shape, dtype):
        g, height, width, n, C = shape
        if (height, width, C) != tuple(self.input_shape):
            raise ValueError(f"Columns is for images of {self.input_shape}, got {shape}.")
        out_height, out_width, _ = self.output_shape
        s, k, p = self.stride, self.kernel, self.padding
        turned = np.zeros((C, g, height + 2 * p, width + 2 * p, n), dtype)
        taps = [
            turned[:, :, i : i + s * out_height : s, j : j + s * out_width : s][
                :, :, :out_height, :out_width
            ]
            for i in range(k)
            for j in range(k)
        ]
        return turned, taps

    def _inside(self, turned):
        height, width, _ = self.input_shape
        p = self.padding
        return turned[:, :, p : p + height, p : p + width]
