"""The reference convolution behind the interface of the fast ones."""

from digit_recognizer.nn.kernels.reference import convolve, convolve_backward


class Plain:
    """Convolution of pieces (blocks, height, width, n, channels) by the loops of `reference`."""

    def __init__(self, stride, padding):
        self.stride, self.padding = stride, padding

    def start(self, weight, shared, training, bias=None):
        """Take the weights, for all pieces of a batch."""
        shared.kept = weight, 0 if bias is None else bias

    def forward(self, X, Y, memory):
        """Y = W ∗ X + b of one piece."""
        weight, bias = memory.shared.kept
        for block, target in zip(X, Y, strict=True):
            result = convolve(self._images(block), weight, self.stride, self.padding)
            target[...] = self._block(result + bias)

    def start_backward(self, shared):
        """Set the sums of the gradients to 0."""
        for total in self._sums(shared):
            total[...] = 0

    def backward(self, X, dY, dX, memory):
        """Add to the gradients of weight and bias; write dX unless it is None."""
        weight, _ = memory.shared.kept
        weight_sum, bias_sum = self._sums(memory.shared)
        for index, (block, G) in enumerate(zip(X, dY, strict=True)):
            d_block, d_weight = convolve_backward(
                self._images(block), weight, self._images(G), self.stride, self.padding
            )
            weight_sum += d_weight
            bias_sum += G.sum(axis=(0, 1, 2))
            if dX is not None:
                dX[index] = self._block(d_block)

    def finish_backward(self, shared, d_weight, d_bias=None):
        """Write the gradients of weight and bias."""
        weight_sum, bias_sum = self._sums(shared)
        d_weight[...] = weight_sum
        if d_bias is not None:
            d_bias[...] = bias_sum

    @staticmethod
    def _sums(shared):
        weight, _ = shared.kept
        return shared.array("weight sum", weight.shape), shared.array("bias sum", weight.shape[3:])

    @staticmethod
    def _images(block):
        return block.transpose(2, 0, 1, 3)

    @staticmethod
    def _block(images):
        return images.transpose(1, 2, 0, 3)
