"""Layers on images: what they have beyond a layer on rows, and layers on rows among them."""

from typing import NamedTuple

import numpy as np

from digit_recognizer.nn.images.memory import ImageMemory
from digit_recognizer.nn.layers import Layer
from digit_recognizer.nn.normalization import BatchNorm, Dropout


class ImageLayer(Layer):
    """Base of layers that take a batch in pieces of shape (blocks, height, width, n, channels).

    `forward` and `backward` are called for each piece (see `blocks`), with a memory of its own.
    The parameters' gradients are set to 0 in `start_backward`, added to in `backward`, and written
    in `finish_backward` where they were added up elsewhere: for one group of pieces after the other
    (see `exchange`).

    Attributes
    ----------
    keeps_input : bool
        Whether the layer may hold on to its input after `forward`, or return it changed.
    returns_gradient : bool
        Whether `backward` returns its `dY`, changed or not.
    leaves_images : bool
        Whether the layer returns rows.
    needs_batch : bool
        Whether the output of an image depends on the others of the batch: then all images come in
        one piece.
    """

    keeps_input = True
    returns_gradient = False
    leaves_images = False
    needs_batch = False
    # What runs layers on images: `ImageStage`, which says so where it is defined.
    stage: type[Layer]

    def step(self, layers, fuse):
        if len(self.input_shape) != 3:
            return self, 1
        count = next((i for i, one in enumerate(layers) if len(one.input_shape) != 3), len(layers))
        return self.stage(layers[:count], fuse), count

    def start_forward(self, memory: ImageMemory) -> None:
        """Prepare what all pieces of a batch need, with the current parameters."""

    def prepared_from(self, memory: ImageMemory) -> list[np.ndarray]:
        """The parameters that `start_forward` makes something of."""
        return list(self.values.values())

    def start_backward(self, memory: ImageMemory) -> None:
        """Prepare to add up the parameters' gradients over the pieces of a batch."""

    def finish_backward(self, memory: ImageMemory) -> None:
        """Write the parameters' gradients that `backward` has added up, those of some pieces."""

    def settle_gradients(self, memory: ImageMemory) -> None:
        """Take in the parameters' gradients, which are those of the whole batch now."""


class Step(NamedTuple):
    """A layer, and the index of its memory."""

    layer: ImageLayer
    index: int


class Barrier(ImageLayer):
    """Base of layers on images that need the whole batch at once, in training.

    Forward: `measure` each piece, `settle`, then `forward` each piece. Backward:
    `measure_gradient` each piece, `settle_gradient`, then `backward` each piece.
    """

    def measure(self, X, memory: ImageMemory) -> None:
        """Take in a piece's input."""
        raise NotImplementedError

    def settle(self, memory: ImageMemory, pieces: list[ImageMemory]) -> None:
        """All pieces, whose memories are given, have been measured."""
        raise NotImplementedError

    def measure_gradient(self, dY, memory: ImageMemory) -> None:
        """Take in a piece's gradient; may change it."""
        raise NotImplementedError

    def settle_gradient(self, memory: ImageMemory) -> None:
        """All gradients have been measured; write the parameters'."""
        raise NotImplementedError


class OnPieces(ImageLayer):
    """A layer of the dense core on pieces of images; its gradients are added up over them.

    Parameters
    ----------
    layer : Layer
        Whose parameters it uses.
    """

    returns_gradient = True

    def __init__(self, layer: Layer):
        self.layer = layer
        self.keeps_output = layer.keeps_output
        self.needs_batch = isinstance(layer, BatchNorm)
        self.draws = isinstance(layer, Dropout)

    def forward(self, X, memory):
        if self.draws and memory.training:
            # A piece's numbers are its own, whoever computes it.
            place = memory.shared.exchange.seed, memory.shared.index, memory.position
            memory.generator = np.random.Generator(np.random.SFC64(place))
        return self.layer.forward(X, memory)

    def prepared_from(self, memory):
        return []

    def start_backward(self, memory):
        for name, gradient in self.layer.gradients.items():
            memory.array(("sum", name), gradient.shape)[...] = 0

    def backward(self, dY, memory, need_dX=True):
        dX = self.layer.backward(dY, memory, need_dX)
        for name, gradient in self.layer.gradients.items():
            memory.shared.array(("sum", name), gradient.shape)[...] += gradient
        return dX

    def finish_backward(self, memory):
        for name, gradient in self.layer.gradients.items():
            gradient[...] = memory.array(("sum", name), gradient.shape)
