"""Winograd convolution: every stage is one batched product on strided views.

With Aᵀ, G, Bᵀ of `tiles.transform_matrices`, for each tile of a × a inputs and channel

    Ŵ = G W Gᵀ,   U = Bᵀ X B,   M = Σ_c U Ŵ,   Y = Aᵀ M A,

and, as the exact adjoint of each stage,

    Z = A dY Aᵀ,   dŴ = Σ_tiles Uᵀ Z,   dW = Gᵀ dŴ G,   dU = Z Ŵᵀ,   dX = Σ_overlaps B dU Bᵀ

(Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016)). Products over the
channels are a² independent matrix products. One of Aᵀ's columns, `tiles.ONES`, is of ones: what is
added to M there is added to all outputs of the tile, a bias, and Z there is the sum of its dY. A
stride s > 1 is the sum of s² convolutions with stride 1, one for each phase (i, j) of the rows and
columns, and M the sum of theirs.
"""

from itertools import product as pairs

import numpy as np

from digit_recognizer.nn.arrays.products import product
from digit_recognizer.nn.kernels.tiles import Axis, transform_matrices
from digit_recognizer.nn.kernels.winograd_piece import WinogradPiece


class Winograd:
    """Winograd convolution of pieces of shape (blocks, height, width, n, channels).

    Parameters
    ----------
    input_shape : tuple of int
        (height, width, channels).
    weight_shape : tuple of int
        (kernel, kernel, channels, n_filters).
    stride, padding : int
    m : int
        Outputs of a tile along each axis, at least ⌈kernel / stride⌉ − 1.
    dtype : dtype
    """

    def __init__(self, input_shape, weight_shape, stride, padding, m, dtype):
        height, width, self.n_channels = self.input_shape = tuple(input_shape)
        kernel, _, _, self.n_filters = weight_shape
        self.taps = -(-kernel // stride)
        self.stride, self.m, self.a = stride, m, m + self.taps - 1
        phases = range(stride)
        self.rows = [Axis(height, kernel, stride, padding, i, m, dtype) for i in phases]
        self.columns = [Axis(width, kernel, stride, padding, i, m, dtype) for i in phases]
        self.phases = list(pairs(phases, repeat=2))
        self.output_shape = (self.rows[0].n_outputs, self.columns[0].n_outputs, self.n_filters)
        G = transform_matrices(m, self.taps)[1]
        self._both_G = np.kron(G, G).astype(dtype)

    def start(self, weight, shared, training, bias=None):
        """Transform the weights, for all pieces of a batch."""
        shared.kept = bias
        self._transform(weight, self.weights(shared), shared)
        if training:
            by_filter = weight.transpose(0, 1, 3, 2)
            turned = shared.array("turned weight", by_filter.shape)
            np.copyto(turned, by_filter)
            self._transform(turned, self.transposed_weights(shared), shared)

    def _transform(self, weight, out, shared):
        """Ŵ of each phase: a product (a a, taps taps) (taps taps, …), all channels at once."""
        shape = (self.taps, self.taps, *weight.shape[2:])
        for (i, j), target in zip(self.phases, out, strict=True):
            taps = weight[i :: self.stride, j :: self.stride]
            if taps.shape != shape:
                padded = shared.array("padded weight", shape)
                padded[...] = 0
                padded[: len(taps), : taps.shape[1]] = taps
                taps = padded
            taps = np.ascontiguousarray(taps).reshape(self.taps**2, -1)
            product(self._both_G, taps, target.reshape(self.a**2, -1))

    def weights(self, shared):
        """Ŵ, of shape (phases, a a, 1, channels, n_filters)."""
        shape = (len(self.phases), self.a**2, 1, self.n_channels, self.n_filters)
        return shared.array("weights", shape)

    def transposed_weights(self, shared):
        """Ŵᵀ, of shape (phases, a a, 1, n_filters, channels)."""
        shape = (len(self.phases), self.a**2, 1, self.n_filters, self.n_channels)
        return shared.array("transposed weights", shape)

    def weight_sums(self, shared):
        """The sum of dŴ over pieces, of shape (phases, a a, channels, n_filters)."""
        shape = (len(self.phases), self.a**2, self.n_channels, self.n_filters)
        return shared.array("weight sums", shape)

    def bias_sum(self, shared):
        """The sum of db over pieces, of shape (n_filters,)."""
        return shared.array("bias sum", (self.n_filters,))

    def forward(self, X, Y, memory):
        """Y = W ∗ X + b of one piece."""
        piece = self._piece(X, memory)
        piece.forward(X, self.weights(memory.shared), memory.shared.kept, Y)

    def start_backward(self, shared):
        """Set the sums of the gradients to 0."""
        shared.has_sums = False
        self.bias_sum(shared)[...] = 0

    def backward(self, X, dY, dX, memory):
        """Add to the gradients of weight and bias; write dX unless it is None."""
        shared = memory.shared
        piece = self._piece(X, memory)
        sums = self.weight_sums(shared), None if shared.kept is None else self.bias_sum(shared)
        piece.backward(X, dY, dX, self.transposed_weights(shared), *sums, not shared.has_sums)
        shared.has_sums = True

    def finish_backward(self, shared, d_weight, d_bias=None):
        """Write the gradients of weight and bias."""
        if d_bias is not None:
            np.copyto(d_bias, self.bias_sum(shared))
        if self.stride == 1:
            matrix = self.weight_sums(shared).reshape(self.a**2, -1)
            product(self._both_G.T, matrix, d_weight.reshape(self.taps**2, -1))
            return
        taps = shared.array("tap gradients", (self.taps, self.taps, *d_weight.shape[2:]))
        for (i, j), total in zip(self.phases, self.weight_sums(shared), strict=True):
            matrix = total.reshape(self.a**2, -1)
            product(self._both_G.T, matrix, taps.reshape(self.taps**2, -1))
            target = d_weight[i :: self.stride, j :: self.stride]
            np.copyto(target, taps[: target.shape[0], : target.shape[1]])

    def _piece(self, X, memory):
        n_blocks, n = len(X), X.shape[3]
        if X.shape[1:3] + X.shape[4:] != self.input_shape:
            raise ValueError(f"Winograd is for images of {self.input_shape}, got {X.shape}.")
        shared = memory.shared
        return shared.once(
            ("Winograd", n_blocks, n), lambda: WinogradPiece(self, n_blocks, n, shared)
        )
