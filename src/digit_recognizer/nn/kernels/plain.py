"""The reference convolution behind the interface of the fast ones."""

from digit_recognizer.nn.kernels.reference import convolve, convolve_backward


class Plain:
    """Convolution of pieces (blocks, height, width, n, channels) by the loops of `reference`."""

    def __init__(self, stride, padding):
        self.stride, self.padding = stride, padding

    def start(self, weight, shared, training):
        """Take the weights, for all pieces of a batch."""
        shared.kept = weight

    def forward(self, X, Y, memory):
        """Y = W ∗ X of one piece."""
        for block, target in zip(X, Y, strict=True):
            result = convolve(self._images(block), memory.shared.kept, self.stride, self.padding)
            target[...] = self._block(result)

    def start_backward(self, shared):
        """Set the sum of the weight's gradient to 0."""
        self._sum(shared)[...] = 0

    def backward(self, X, dY, dX, memory):
        """Add to the weight's gradient; write dX unless it is None."""
        shared = memory.shared
        for index, (block, G) in enumerate(zip(X, dY, strict=True)):
            d_block, d_weight = convolve_backward(
                self._images(block), shared.kept, self._images(G), self.stride, self.padding
            )
            self._sum(shared)[...] += d_weight
            if dX is not None:
                dX[index] = self._block(d_block)

    def finish_backward(self, shared, d_weight):
        """Write the weight's gradient."""
        d_weight[...] = self._sum(shared)

    @staticmethod
    def _sum(shared):
        return shared.array("weight sum", shared.kept.shape)

    @staticmethod
    def _images(block):
        return block.transpose(2, 0, 1, 3)

    @staticmethod
    def _block(images):
        return images.transpose(1, 2, 0, 3)
