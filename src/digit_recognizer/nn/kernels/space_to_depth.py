"""Stride 2 as stride 1: the four phases of an image's rows and columns become channels.

With X̃[t, u, (i, j, c)] = X[2t + i − p, 2u + j − p, c] for phases i, j in {0, 1}, a convolution
with stride 2 and kernel k is one with stride 1 and kernel ⌈k/2⌉ on X̃, whose weights are
W̃[a, b, (i, j, c)] = W[2a + i, 2b + j, c], zero where W ends.
"""

from itertools import product as pairs

import numpy as np

from digit_recognizer.nn.kernels.winograd import Winograd


class SpaceToDepth:
    """Winograd convolution with stride 2 of pieces (blocks, height, width, n, channels).

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels).
    weight_shape : tuple of int
        (kernel, kernel, channels, n_filters).
    padding : int
    m : int
        Outputs of a tile along each axis, at least ⌈kernel/2⌉ − 1.
    dtype : dtype
    """

    def __init__(self, input_shape, weight_shape, padding, m, dtype):
        height, width, C = self.input_shape = input_shape
        k, _, _, O = self.weight_shape = weight_shape
        half = -(-k // 2)
        out_height = (height + 2 * padding - k) // 2 + 1
        out_width = (width + 2 * padding - k) // 2 + 1
        self.deep_shape = (out_height + half - 1, out_width + half - 1, 4 * C)
        self.deep_weight = (half, half, 4 * C, O)
        self.inner = Winograd(self.deep_shape, self.deep_weight, 0, m, dtype)
        self.output_shape = self.inner.output_shape
        self.phases = [
            (2 * i + j, *self._rows(i, height, padding, 0), *self._rows(j, width, padding, 1))
            for i, j in pairs(range(2), repeat=2)
        ]

    def _rows(self, phase, size, padding, axis):
        """Slices of the deep axis and of the image's that hold the same rows of a phase."""
        first = max(0, -((phase - padding) // 2))
        start = 2 * first + phase - padding
        count = min(-(-(size - start) // 2), self.deep_shape[axis] - first)
        return slice(first, first + count), slice(start, start + 2 * count, 2)

    def start(self, weight, shared, training):
        """Transform the weights, for all pieces of a batch."""
        deep = shared.once("deep weight", lambda: np.zeros(self._phased_shape(), shared.dtype))
        for target, source in self._phases_of(deep, weight):
            np.copyto(target, source)
        self.inner.start(deep.reshape(self.deep_weight), shared, training)

    def _phased_shape(self):
        half, _, _, O = self.deep_weight
        return (half, half, 2, 2, self.input_shape[2], O)

    @staticmethod
    def _phases_of(deep, weight):
        """Each phase of the deep weights with the weights it holds."""
        for i, j in pairs(range(2), repeat=2):
            taps = weight[i::2, j::2]
            yield deep[: taps.shape[0], : taps.shape[1], i, j], taps

    def forward(self, X, Y, memory):
        """Y = W ∗ X of one piece; keeps in `memory` what Winograd keeps."""
        if X.shape[1:3] + X.shape[4:] != tuple(self.input_shape):
            raise ValueError(f"SpaceToDepth is for images of {self.input_shape}, got {X.shape}.")
        deep = self._deep("deep", X, memory.shared)
        for phase, rows, image_rows, columns, image_columns in self.phases:
            np.copyto(deep[:, rows, columns, :, phase], X[:, image_rows, image_columns])
        self.inner.forward(deep.reshape(*deep.shape[:4], -1), Y, memory)

    def start_backward(self, shared):
        """Set the sum of the weight's gradient to 0."""
        self.inner.start_backward(shared)

    def backward(self, dY, dX, memory):
        """Add to the weight's gradient; write dX unless it is None."""
        if dX is None:
            self.inner.backward(dY, None, memory)
            return
        deep = self._deep("deep gradient", dX, memory.shared)
        self.inner.backward(dY, deep.reshape(*deep.shape[:4], -1), memory)
        # Rows that no window reaches have no phase.
        dX[...] = 0
        for phase, rows, image_rows, columns, image_columns in self.phases:
            np.copyto(dX[:, image_rows, image_columns], deep[:, rows, columns, :, phase])

    def finish_backward(self, shared, d_weight):
        """Write the weight's gradient."""
        deep = shared.array("deep weight gradient", self._phased_shape())
        self.inner.finish_backward(shared, deep.reshape(self.deep_weight))
        for source, target in self._phases_of(deep, d_weight):
            np.copyto(target, source)

    def _deep(self, name, X, shared):
        """Image with phases as channels, zero where the image ends; one for each size of piece."""
        shape = (len(X), *self.deep_shape[:2], X.shape[3], 4, self.input_shape[2])
        return shared.once((name, shape), lambda: np.zeros(shape, shared.dtype))
