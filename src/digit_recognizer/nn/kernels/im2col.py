"""Convolution as one matrix product: every window becomes a column (im2col).

With U the matrix of shape (kernel kernel channels, positions) whose rows are the shifted images,

    Y = Uᵀ W + b,   dW = U dY,   dU = W dYᵀ,   dX = dU shifted back and summed;

a bias is one more row of W, and of U one of ones. Any kernel, stride and padding. Images are turned
to (channels, blocks, height, width, n) first, so that each copy moves long rows even where there is
one channel; U is made for a few rows of the output, a stripe, so that it stays in the second cache.
"""

import numpy as np

from digit_recognizer.nn.arrays.products import SMALL_PRODUCT
from digit_recognizer.nn.kernels.strided import largest_divisor, strided_view

# Elements of a stripe's U, 0.8 MB in float32: 28×28×64 images and kernels of 5 take 42 µs to copy
# in stripes of 0.7 MB, 57 in 1.2 MB, 74 at once.
STRIPE_ELEMENTS = 200_000


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
        self.n_taps = self.kernel**2 * self.n_channels
        out_height = (height + 2 * padding - self.kernel) // stride + 1
        out_width = (width + 2 * padding - self.kernel) // stride + 1
        self.input_shape, self.output_shape = input_shape, (out_height, out_width, self.n_filters)

    def start(self, weight, shared, training, bias=None):
        """Take the weights, for all pieces of a batch."""
        depth = self.n_taps + (bias is not None)
        matrix = shared.kept = shared.array("matrix", (depth, self.n_filters))
        matrix[: self.n_taps] = weight.reshape(self.n_taps, self.n_filters)
        if bias is not None:
            matrix[self.n_taps] = bias

    def forward(self, X, Y, memory):
        """Y = W ∗ X + b of one piece."""
        matrix = memory.shared.kept
        for stripe in self._stripes(X, memory.shared):
            U = stripe.columns()
            np.matmul(U.transpose(1, 2, 0), matrix, out=stripe.positions(Y))

    def start_backward(self, shared):
        """Set the sum of the weight's gradient to 0."""
        shared.array("sum", shared.kept.shape)[...] = 0

    def backward(self, X, dY, dX, memory):
        """Add to the gradients of weight and bias; write dX unless it is None."""
        shared = memory.shared
        matrix = shared.kept
        total, weight = shared.array("sum", matrix.shape), matrix[: self.n_taps]
        if dX is not None:
            gradient, inside = self._turned(dX.shape, shared, "gradient")
            gradient[...] = 0
        for stripe in self._stripes(X, shared):
            U, G = stripe.columns(), stripe.positions(dY)
            products = shared.scratch("weight products", (U.shape[1], *matrix.shape))
            np.matmul(U.transpose(1, 0, 2), G, out=products)
            for product in products:
                np.add(total, product, out=total)
            if dX is not None:
                dU = U[: self.n_taps]
                np.matmul(weight, G.swapaxes(1, 2), out=dU.transpose(1, 0, 2))
                stripe.add_to(gradient)
        if dX is not None:
            np.copyto(dX, inside.transpose(1, 2, 3, 4, 0))

    def finish_backward(self, shared, d_weight, d_bias=None):
        """Write the gradients of weight and bias."""
        total = shared.array("sum", shared.kept.shape)
        np.copyto(d_weight, total[: self.n_taps].reshape(d_weight.shape))
        if d_bias is not None:
            np.copyto(d_bias, total[self.n_taps])

    def _stripes(self, X, shared):
        """Those of a piece, its images turned."""
        image, inside = self._turned(X.shape, shared, "image")
        np.copyto(inside, X.transpose(4, 0, 1, 2, 3))
        depth = len(shared.kept)
        return shared.once(
            ("stripes", X.shape, depth), lambda: self._make_stripes(image, depth, shared)
        )

    def _make_stripes(self, image, depth, shared):
        out_height, out_width, _ = self.output_shape
        n = image.shape[-1]
        n_rows = max(STRIPE_ELEMENTS // (depth * out_width * n), 1)
        return [
            Stripe(self, image, depth, block, slice(top, min(top + n_rows, out_height)), shared)
            for block in range(image.shape[1])
            for top in range(0, out_height, n_rows)
        ]

    def _turned(self, shape, shared, use):
        """Zeros (channels, blocks, padded height, padded width, n), and what is not padding."""
        return shared.once((use, shape), lambda: self._make_turned(shape, shared.dtype))

    def _make_turned(self, shape, dtype):
        g, height, width, n, C = shape
        if (height, width, C) != tuple(self.input_shape):
            raise ValueError(f"Columns is for images of {self.input_shape}, got {shape}.")
        p = self.padding
        turned = np.zeros((C, g, height + 2 * p, width + 2 * p, n), dtype)
        return turned, turned[:, :, p : p + height, p : p + width]


class Stripe:
    """Some rows of a block's output, with premade views.

    Parameters
    ----------
    plan : Columns
    image : ndarray of shape (channels, blocks, padded height, padded width, n)
    depth : int
        Rows of U.
    block : int
    rows : slice
        Of the output.
    shared : Memory
        Of the layer: gives the scratch.
    """

    def __init__(self, plan, image, depth, block, rows, shared):
        _, g, height, width, n = image.shape
        k, s, out_width = plan.kernel, plan.stride, plan.output_shape[1]
        n_rows = rows.stop - rows.start
        n_positions = n_rows * out_width * n
        part = largest_divisor(n_positions, SMALL_PRODUCT / (depth * plan.n_filters))
        self.U = shared.scratch("U", (depth, n_positions // part, part))
        # What U holds, tap by tap, is a view of the images: (k, k, channels, rows, width, n).
        shape = (k, k, plan.n_channels, n_rows, out_width, n)
        row = width * n
        strides = (row, n, g * height * row, s * row, s * n, 1)
        self._place = shape, strides, (block * height + s * rows.start) * row
        self._windows = strided_view(image, *self._place)
        self._taps, self._ones = self.U[: plan.n_taps].reshape(shape), self.U[plan.n_taps :]
        self._block, self._rows = block, rows

    def columns(self):
        """U."""
        np.copyto(self._taps, self._windows)
        self._ones[...] = 1
        return self.U

    def positions(self, Y):
        """The stripe of an output, of shape (parts, positions, n_filters)."""
        return Y[self._block, self._rows].reshape(*self.U.shape[1:], Y.shape[-1])

    def add_to(self, gradient):
        """Add dU, which is where U was, to the gradient of the images."""
        windows = strided_view(gradient, *self._place)
        for i, j in np.ndindex(windows.shape[:2]):
            np.add(windows[i, j], self._taps[i, j], out=windows[i, j])
