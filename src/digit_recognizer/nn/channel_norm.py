"""Batch normalization of images, with ReLU where that follows, in as few passes as it takes."""

import numpy as np

from digit_recognizer.nn.kernels.channels import (
    affine,
    affine_relu,
    combine,
    dot_sums,
    mask_by_sign,
    moments,
)
from digit_recognizer.nn.normalization import BatchNorm
from digit_recognizer.nn.sweeps import Barrier

# Where the mean's square is larger than this many variances, E[X²] − μ² has lost half of float32's
# digits and is computed again around the mean.
CANCELLATION = 1e3


class ChannelNorm(Barrier):
    """``Y = max(γ (X − μ)/s + β, 0)`` over the channels of images, in one layer.

    Equal to BatchNorm followed by ReLU, or by nothing (Y without the maximum).
    With a = γ/s and c = β − a μ the forward pass is Y = max(a X + c, 0); with G = dL/dY where
    Y > 0 and 0 elsewhere, means over the N elements of a channel,

        dβ = Σ G,   dγ = Σ G (X − μ)/s,   dX = a G − (a dγ / (s N)) (X − μ) − a dβ / N.

    Parameters
    ----------
    norm : BatchNorm
        Whose parameters it uses.
    relu : bool
    """

    gradient_in_place = True

    def __init__(self, norm: BatchNorm, relu: bool):
        self.norm = norm
        self.relu = self.keeps_output = relu
        self.input_shape = norm.input_shape

    def forward(self, X, memory):
        shared = memory.shared
        if memory.training:
            scale, shift = shared.kept[:2]
        else:
            v = self.norm.values
            scale = v["gamma"] / np.sqrt(v["running_variance"] + self.norm.epsilon)
            shift = v["beta"] - v["running_mean"] * scale
        Y = memory.output_array(X.shape)
        function = affine_relu if self.relu else affine
        function(X, scale, shift, Y, shared)
        if self.relu and memory.training:
            memory.kept = X, Y
        return Y

    def measure(self, X, memory):
        memory.kept = X, None
        sums = moments(X, np.zeros(X.shape[-1]), memory)
        shared = memory.shared
        if memory.images.start == 0:
            shared.array("sums", sums.shape, np.float64)[...] = 0
        shared.array("sums", sums.shape, np.float64)[...] += sums

    def settle(self, memory):
        norm, v = self.norm, self.norm.values
        height, width, channels = self.input_shape
        N = (memory.images.stop - memory.images.start) * height * width
        total, squares = memory.array("sums", (2, channels), np.float64) / N
        mean, variance = total, squares - total**2
        if (mean**2 > CANCELLATION * variance).any():
            pieces = (piece for piece in memory.pieces if piece.images.stop <= memory.images.stop)
            around = sum(moments(piece.kept[0], mean, piece) for piece in pieces) / N
            mean, variance = mean + around[0], around[1] - around[0] ** 2
        norm._update_statistics(mean, variance, N)
        deviation = np.sqrt(variance + norm.epsilon)
        scale = v["gamma"] / deviation
        memory.kept = scale, v["beta"] - scale * mean, mean, deviation, N

    def measure_gradient(self, dY, memory):
        X, Y = memory.kept
        if self.relu:
            mask_by_sign(dY, Y, memory.shared)
        sums = dot_sums(dY, X, memory)
        shared = memory.shared
        if memory.images.start == 0:
            shared.array("gradient sums", sums.shape, np.float64)[...] = 0
        shared.array("gradient sums", sums.shape, np.float64)[...] += sums

    def settle_gradient(self, memory):
        channels = self.input_shape[2]
        scale, _, mean, deviation, N = memory.kept
        d_beta, products = memory.array("gradient sums", (2, channels), np.float64)
        d_gamma = (products - mean * d_beta) / deviation
        self.norm.gradients["beta"][...] = d_beta
        self.norm.gradients["gamma"][...] = d_gamma
        slope = -scale * d_gamma / (deviation * N)
        memory.gradient_factors = scale, slope, -scale * d_beta / N - slope * mean

    def backward(self, dY, memory, need_dX=True):
        X = memory.kept[0]
        combine(dY, X, *memory.shared.gradient_factors, memory.shared)
        if memory.n_padding:
            dY[-1, :, :, -memory.n_padding :] = 0
        return dY


