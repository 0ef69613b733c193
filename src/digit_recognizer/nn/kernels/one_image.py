"""Convolution of one image at a time: every window becomes a row of one matrix (im2col).

With U the matrix of shape (positions, kernel kernel channels), Y = U W + b. The weights are taken
as they are: there is nothing to prepare. At this size a call of NumPy costs as much as its
arithmetic, and three take half of the time of Winograd's ten, or less.
"""

import numpy as np

from digit_recognizer.nn.arrays.products import SMALL_PRODUCT
from digit_recognizer.nn.kernels.strided import largest_divisor, strided_view


class OneImage:
    """Convolution, for prediction, of pieces of shape (1, height, width, 1, channels).

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels).
    weight_shape : tuple of int
        (kernel, kernel, channels, n_filters).
    stride, padding : int
    """

    def __init__(self, input_shape, weight_shape, stride, padding):
        height, width, n_channels = self.input_shape = tuple(input_shape)
        kernel, _, _, n_filters = weight_shape
        self.padding = padding
        self.padded_shape = (height + 2 * padding, width + 2 * padding, n_channels)
        out_height, out_width = (
            (length - kernel) // stride + 1 for length in self.padded_shape[:2]
        )
        row = self.padded_shape[1] * n_channels
        # The columns and channels of a window's row are neighbours.
        self.window_shape = (out_height, out_width, kernel, kernel * n_channels)
        self.strides = (stride * row, stride * n_channels, row, 1)
        depth, positions = kernel**2 * n_channels, out_height * out_width
        part = largest_divisor(positions, SMALL_PRODUCT / (depth * n_filters))
        self.split = (positions // part, part)
        self.depth, self.n_filters = depth, n_filters

    def start(self, weight, shared, training, bias=None):
        """Take the weights, which may change without a call of this."""
        shared.kept = weight.reshape(self.depth, self.n_filters), bias

    def forward(self, X, Y, memory):
        """Y = W ∗ X + b of an image."""
        shared = memory.shared
        weight, bias = shared.kept
        image, inside, U, rows = shared.once("arrays", lambda: self._arrays(shared))
        if X.shape != (1, *self.input_shape[:2], 1, self.input_shape[2]):
            raise ValueError(f"OneImage is for an image of {self.input_shape}, got {X.shape}.")
        if inside is not None:
            np.copyto(inside, X[0, :, :, 0])
            X = image
        np.copyto(U, strided_view(X, self.window_shape, self.strides))
        Y = Y.reshape(*self.split, self.n_filters)
        np.matmul(rows, weight, out=Y)
        if bias is not None:
            np.add(Y, bias, out=Y)

    def _arrays(self, shared):
        """The padded image and what of it is none, where there is padding; U, and as matrices."""
        image = inside = None
        if self.padding:
            image = np.zeros(self.padded_shape, shared.dtype)
            p = self.padding
            inside = image[p:-p, p:-p]
        U = shared.array("U", self.window_shape)
        return image, inside, U, U.reshape(*self.split, self.depth)
