"""Pooling, and the ways out of images: Flatten, GlobalAveragePool2D."""

import numpy as np

from digit_recognizer.nn.images.blocks import enter, leave
from digit_recognizer.nn.images.layers import ImageLayer
from digit_recognizer.nn.images.shapes import image_shape, window_output
from digit_recognizer.nn.interface.checks import at_least
from digit_recognizer.nn.kernels.windows import Windows, max_backward, max_forward


class Pool2D(ImageLayer):
    """Base of the layers that reduce windows of each channel to one number.

    Parameters
    ----------
    size : int
        Height and width of the window.
    stride : int or None, default=None
        None for `size`: windows side by side.
    """

    keeps_input = False

    def __init__(self, size, stride=None):
        name = type(self).__name__
        self.size = at_least(name, "size", size, 1)
        self.stride = stride if stride is None else at_least(name, "stride", stride, 1)

    def build(self, input_shape):
        super().build(image_shape(repr(self), input_shape))
        stride = self.stride or self.size
        size = window_output(repr(self), self.input_shape, self.size, stride)
        self.windows = Windows(self.size, stride, self.input_shape[:2])
        return (*size, self.input_shape[2])

    def _gradient(self, dY, memory):
        height, width, channels = self.input_shape
        return memory.gradient_array((len(dY), height, width, dY.shape[3], channels))


class MaxPool2D(Pool2D):
    """``Y[y, x, c] = max over the window of X``; its gradient goes to the first largest element."""

    def forward(self, X, memory):
        n_blocks, _, _, n, channels = X.shape
        half = memory.scratch("half", (n_blocks, *self.windows.half, n, channels))
        Y = memory.output_array((n_blocks, *self.windows.output, n, channels))
        max_forward(X, self.windows.columns, half, memory, "columns")
        max_forward(half, self.windows.rows, Y, memory, "rows")
        return Y

    def backward(self, dY, memory, need_dX=True):
        n_blocks, n, channels = len(dY), dY.shape[3], dY.shape[4]
        half = memory.scratch("half", (n_blocks, *self.windows.half, n, channels))
        max_backward(dY, self.windows.rows, half, memory, "rows")
        dX = self._gradient(dY, memory)
        max_backward(half, self.windows.columns, dX, memory, "columns")
        return dX


class AveragePool2D(Pool2D):
    """``Y[y, x, c] = mean over the window of X``."""

    def forward(self, X, memory):
        n_blocks, _, _, n, channels = X.shape
        half = memory.scratch("half", (n_blocks, *self.windows.half, n, channels))
        Y = memory.output_array((n_blocks, *self.windows.output, n, channels))
        self.windows.columns.sum(X, half)
        self.windows.rows.sum(half, Y)
        return np.multiply(Y, Y.dtype.type(1 / self.size**2), out=Y)

    def backward(self, dY, memory, need_dX=True):
        n_blocks, n, channels = len(dY), dY.shape[3], dY.shape[4]
        half = memory.scratch("half", (n_blocks, *self.windows.half, n, channels))
        np.multiply(dY, dY.dtype.type(1 / self.size**2), out=dY)
        self.windows.rows.spread(dY, half)
        dX = self._gradient(dY, memory)
        self.windows.columns.spread(half, dX)
        return dX


class Flatten(ImageLayer):
    """Each image (height, width, channels) as one row, channels running fastest."""

    keeps_input = False
    leaves_images = True

    def build(self, input_shape):
        super().build(input_shape)
        return (int(np.prod(self.input_shape)),)

    def forward(self, X, memory):
        if len(self.input_shape) == 1:
            return X
        rows = memory.shared.array("rows", (memory.shared.images.stop, *self.input_shape))
        leave(X, rows[memory.images])
        return rows.reshape(len(rows), -1)

    def backward(self, dY, memory, need_dX=True):
        if len(self.input_shape) == 1:
            return dY
        n_blocks, n = memory.blocks
        height, width, channels = self.input_shape
        dX = memory.gradient_array((n_blocks, height, width, n, channels))
        return enter(dY.reshape(len(dY), *self.input_shape)[memory.images], dX)


class GlobalAveragePool2D(ImageLayer):
    """``Y[c] = mean of channel c over height and width``: from images to rows."""

    keeps_input = False
    leaves_images = True

    def build(self, input_shape):
        super().build(image_shape(repr(self), input_shape))
        return (self.input_shape[2],)

    def forward(self, X, memory):
        height, width, channels = self.input_shape
        sums = memory.shared.array("sums", (len(X), 1, 1, X.shape[3], channels))
        np.add.reduce(X, axis=(1, 2), keepdims=True, out=sums)
        np.multiply(sums, sums.dtype.type(1 / (height * width)), out=sums)
        rows = memory.shared.array("rows", (memory.shared.images.stop, 1, 1, channels))
        leave(sums, rows[memory.images])
        return rows.reshape(len(rows), channels)

    def backward(self, dY, memory, need_dX=True):
        height, width, channels = self.input_shape
        n_blocks, n = memory.blocks
        shares = memory.shared.array("sums", (n_blocks, 1, 1, n, channels))
        enter(dY.reshape(len(dY), 1, 1, channels)[memory.images], shares)
        np.multiply(shares, shares.dtype.type(1 / (height * width)), out=shares)
        dX = memory.gradient_array((n_blocks, height, width, n, channels))
        np.copyto(dX, shares)
        return dX
