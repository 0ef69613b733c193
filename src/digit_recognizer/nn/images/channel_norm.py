"""Batch normalization of images, with ReLU where that follows, in as few passes as it takes."""

import numpy as np

from digit_recognizer.nn.images.exchange import Sums
from digit_recognizer.nn.images.layers import Barrier, ImageLayer
from digit_recognizer.nn.kernels import channels
from digit_recognizer.nn.normalization import BatchNorm

# Where the mean's square is larger than this many variances, E[X²] − μ² has lost half of float32's
# digits and is computed again around the mean.
CANCELLATION = 1e3
# Folding divides by γ: below this share of the largest γ the plain way is taken.
SMALLEST_GAMMA = 1e-2


class ChannelNorm(Barrier):
    """``Y = max(a X + c, 0)`` with a = γ/s, c = β − a μ over the channels of images, in one layer.

    Equal to BatchNorm followed by ReLU, or, without the maximum, by nothing. With G = dL/dY where
    Y > 0 and 0 elsewhere, and N elements in a channel,

        dβ = Σ G,   dγ = Σ G (X − μ)/s,   dX = a G − (a dγ / (s N)) (X − μ) − a dβ / N.

    Parameters
    ----------
    norm : BatchNorm
        Whose parameters it uses.
    relu : bool
    """

    returns_gradient = True

    def __init__(self, norm: BatchNorm, relu: bool):
        self.norm = norm
        self.relu = self.keeps_output = relu
        self.input_shape = norm.input_shape

    def prepared_from(self, memory):
        return list(self.norm.values.values())

    def start_forward(self, memory):
        if not memory.training:
            v = self.norm.values
            self._set(memory, v["running_mean"], v["running_variance"], 0)

    def measure(self, X, memory):
        memory.kept = X
        memory.tell(Sums.MOMENTS, channels.moments(X, None, memory))

    def settle(self, memory, pieces):
        height, width, n_channels = self.input_shape
        N = (memory.images.stop - memory.images.start) * height * width
        mean, squares = memory.total(Sums.MOMENTS, 2, n_channels) / N
        variance = np.maximum(squares - mean**2, 0)
        if (mean**2 > CANCELLATION * variance).any():
            for piece in pieces:
                piece.tell(Sums.CENTRAL_MOMENTS, channels.moments(piece.kept, mean, piece))
            memory.exchange.meet()
            around = memory.total(Sums.CENTRAL_MOMENTS, 2, n_channels) / N
            mean, variance = mean + around[0], np.maximum(around[1] - around[0] ** 2, 0)
        self.norm.update_statistics(mean, variance, N)
        self._set(memory, mean, variance, N)

    def _set(self, memory, mean, variance, N):
        v = self.norm.values
        deviation = np.sqrt(variance + self.norm.epsilon)
        scale = v["gamma"] / deviation
        memory.kept = scale, v["beta"] - scale * mean, mean, deviation, N

    def forward(self, X, memory):
        memory.kept = X
        scale, shift = memory.shared.kept[:2]
        Y = self._output(X, memory)
        channels.affine(X, scale, shift, self.relu, Y, memory.shared)
        return Y

    @staticmethod
    def _output(X, memory):
        """Room for Y: in a prediction that of X, which nobody asks for again."""
        in_place = memory.overwrite_input and not memory.training
        return X if in_place else memory.output_array(X.shape)

    def measure_gradient(self, dY, memory):
        X = memory.kept
        Y = memory.output_array(X.shape) if self.relu else None
        memory.tell(Sums.GRADIENTS, channels.masked_sums(dY, X, Y, memory.shared))

    def settle_gradient(self, memory):
        scale, _, mean, deviation, N = memory.kept
        d_beta, products = memory.total(Sums.GRADIENTS, 2, len(mean))
        d_gamma = (products - mean * d_beta) / deviation
        self._write(d_gamma, d_beta)
        slope = -scale * d_gamma / (deviation * N)
        memory.gradient_factors = scale, slope, -scale * d_beta / N - slope * mean

    def _write(self, d_gamma, d_beta):
        self.norm.gradients["gamma"][...] = d_gamma
        self.norm.gradients["beta"][...] = d_beta

    def backward(self, dY, memory, need_dX=True):
        channels.combine(dY, memory.kept, *memory.shared.gradient_factors, memory.shared)
        return self._without_padding(dY, memory)

    @staticmethod
    def _without_padding(dX, memory):
        if memory.n_padding:
            dX[-1, :, :, -memory.n_padding :] = 0
        return dX


class FoldedNorm(ChannelNorm):
    """ChannelNorm with ReLU whose scale is left to the weights of the convolution that follows.

    For a > 0, Y = a max(X + c/a, 0) = −a min(S, 0) with S = −(X + c/a): S overwrites X, the
    convolution takes min(S, 0) and weights −a W (`FoldedConv2D`). With g the gradient with respect
    to min(S, 0) where S < 0, and 0 elsewhere,

        dβ = −Σ g / a,   dγ = (Σ g S + (β/a) Σ g) / (a s),
        dX = (a dγ / (s N)) (S + β/a) − a dβ / N − g.

    Σ g S needs no pass: the convolution is linear in both, so for each input channel it equals
    Σ W dW over its weights (Euler's theorem on homogeneous functions).

    Where a γ is not clearly positive, the batch goes the plain way; so does one image, for which
    scaling the weights would take longer.
    """

    def __init__(self, norm: BatchNorm):
        super().__init__(norm, relu=True)
        # The convolution asks for Y again.
        self.keeps_output = False

    def _set(self, memory, mean, variance, N):
        super()._set(memory, mean, variance, N)
        gamma = self.norm.values["gamma"]
        folds = gamma.min() > SMALLEST_GAMMA * gamma.max()
        scale = -memory.kept[0].astype(memory.dtype)
        memory.output_scale = scale if folds and not memory.one_image else None

    def forward(self, X, memory):
        shared = memory.shared
        if shared.output_scale is None:
            return super().forward(X, memory)
        scale, shift = shared.kept[:2]
        S = X if memory.overwrite_input else memory.array("S", X.shape)
        Y = self._output(X, memory)
        channels.negate_and_clip(X, shift / scale, S, Y, shared)
        memory.kept = S
        return Y

    def output_again(self, memory):
        """What `forward` returned for a piece."""
        if memory.shared.output_scale is None:
            return super().forward(memory.kept, memory)
        S = memory.kept
        Y = memory.output_array(S.shape)
        channels.clip(S, Y, memory.shared)
        return Y

    def measure_gradient(self, dY, memory):
        if memory.shared.output_scale is None:
            super().measure_gradient(dY, memory)
        else:
            memory.tell(Sums.GRADIENTS, channels.negative_sums(dY, memory.kept, memory.shared))

    def settle_gradient(self, memory):
        if memory.output_scale is None:
            super().settle_gradient(memory)
            return
        scale, _, mean, deviation, N = memory.kept
        total = memory.total(Sums.GRADIENTS, 1, len(mean))[0]
        beta = self.norm.values["beta"] / scale
        d_beta = -total / scale
        d_gamma = (memory.output_products + beta * total) / (scale * deviation)
        self._write(d_gamma, d_beta)
        slope = scale * d_gamma / (deviation * N)
        memory.gradient_factors = slope, slope * beta - scale * d_beta / N

    def backward(self, dY, memory, need_dX=True):
        shared = memory.shared
        if shared.output_scale is None:
            return super().backward(dY, memory, need_dX)
        channels.line_minus(dY, memory.kept, *shared.gradient_factors, shared)
        return self._without_padding(dY, memory)


class FoldedConv2D(ImageLayer):
    """A convolution that multiplies its weights by the scale which a FoldedNorm before it left out.

    Parameters
    ----------
    conv : Conv2D
        Whose parameters it uses.
    norm : FoldedNorm
        Which computes the convolution's input again for the backward pass.
    """

    keeps_input = False

    def __init__(self, conv, norm):
        self.conv = conv
        self.norm = norm

    def start_forward(self, memory):
        scale, weight = memory.before.output_scale, self.conv.values["weight"]
        if scale is not None:
            scaled = memory.array("scaled weight", weight.shape)
            weight = np.multiply(weight, scale[:, np.newaxis], out=scaled)
        self.conv.start_forward(memory, weight)

    def prepared_from(self, memory):
        return self.conv.prepared_from(memory)

    def forward(self, X, memory):
        return self.conv.forward(X, memory)

    def start_backward(self, memory):
        self.conv.start_backward(memory)

    def backward(self, dY, memory, need_dX=True):
        memory.kept = self.norm.output_again(memory.before)
        return self.conv.backward(dY, memory, need_dX)

    def finish_backward(self, memory):
        self.conv.finish_backward(memory)

    def settle_gradients(self, memory):
        scale, gradient = memory.before.output_scale, self.conv.gradients["weight"]
        if scale is not None:
            weight = memory.array("scaled weight", gradient.shape)
            products = np.multiply(weight, gradient, out=weight)
            over_filters = products @ memory.constant("ones", products.shape[3:], 1.0)
            memory.before.output_products = over_filters.sum(axis=(0, 1), dtype=np.float64)
            np.multiply(gradient, scale[:, np.newaxis], out=gradient)
