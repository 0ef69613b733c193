"""The image part of a network, swept piece by piece.

A piece of the batch goes through all layers while it is in the cache, then the next one does. Only
a layer that needs sums over the whole batch, a barrier, ends a sweep: it measures each piece as
the sweep arrives, settles when all have, and then begins the next sweep.

Memory of a training batch: what each layer keeps (the input of a convolution or a normalization,
but only one array for normalization, ReLU and the convolution that follows; masks of 3/4 of the
input of a 2×2 maximum pooling), twice the gradient of the largest layer, and scratch for one piece
of each layer. A prediction holds one piece of each layer. Nothing grows with the number of images.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from digit_recognizer.nn.blocks import Piece, cut, enter, leave
from digit_recognizer.nn.layers import Layer
from digit_recognizer.nn.memory import Memory


class Step(NamedTuple):
    """A layer, and the index of its memory."""

    layer: Layer
    index: int


class Barrier(Layer):
    """Base of layers on images that need the whole batch at once, in training.

    Forward: `measure` each piece, `settle`, then `forward` each piece. Backward:
    `measure_gradient` each piece, `settle_gradient`, then `backward` each piece.
    """

    def measure(self, X, memory: Memory) -> None:
        """Take in a piece's input."""
        raise NotImplementedError

    def settle(self, memory: Memory, pieces: list[Memory]) -> None:
        """All pieces, whose memories are given, have been measured."""
        raise NotImplementedError

    def measure_gradient(self, dY, memory: Memory) -> None:
        """Take in a piece's gradient; may change it."""
        raise NotImplementedError

    def settle_gradient(self, memory: Memory) -> None:
        """All gradients have been measured; write the parameters'."""
        raise NotImplementedError


class Sweep(NamedTuple):
    """The layers between two barriers: `head` begins the sweep and `tail` waits at its end."""

    head: Step | None
    body: list[Step]
    tail: Step | None


class ImageSweeps:
    """Runs the layers that work on images.

    Parameters
    ----------
    steps : list of Step
        The last may leave images for rows.
    input_shape, output_shape : tuple of int
        Of one sample.
    block_images : int or None
        Most images of a block; None for one block of all images, for layers that treat the whole
        batch at once without being barriers.
    blocks_of_piece : int, default=1
    """

    def __init__(self, steps, input_shape, output_shape, block_images, blocks_of_piece=1):
        self.steps = steps
        self.input_shape, self.output_shape = input_shape, output_shape
        self.block_images, self.blocks_of_piece = block_images, blocks_of_piece
        self.leaves_images = bool(steps) and steps[-1].layer.leaves_images
        barriers = [i for i, step in enumerate(steps) if isinstance(step.layer, Barrier)]
        self.sweeps = []
        for before, after in pairwise([-1, *barriers, len(steps)]):
            head = steps[before] if before >= 0 else None
            tail = steps[after] if after < len(steps) else None
            self.sweeps.append(Sweep(head, steps[before + 1 : after], tail))

    def prepare(self, memories) -> None:
        """Tell each layer's memories how long what the layer returns has to last.

        Parameters
        ----------
        memories : sequence of LayerMemory
            Of the layers on images.
        """
        for (layer, index), (following, following_index) in pairwise(self.steps):
            lasts = layer.keeps_output or following.keeps_input
            memories[index].shared.transient_output = not lasts
            memories[following_index].follows(memories[index])
        # A gradient lasts till the next sweep if up to its head layers only change it. Sweeps take
        # turns with two stores, so that gradients stay in the third cache.
        first = memories[0].shared if memories else None
        store = Memory(first.dtype, arena=first.arena) if memories else None
        for number, (head, body, _) in enumerate(self.sweeps):
            lasts = head is not None
            for layer, index in body:
                memories[index].shared.lasting_gradients = (store, number % 2) if lasts else None
                lasts = lasts and layer.gradient_in_place

    def pieces(self, n_images: int) -> list[Piece]:
        """The pieces of a batch."""
        if self.block_images is None:
            return cut(n_images, max(n_images, 1))
        return cut(n_images, self.block_images, self.blocks_of_piece)

    def forward(self, X, memories, training: bool, prepared=False) -> np.ndarray:
        """Output of the last layer for a batch, of shape (n, \\*output_shape).

        Parameters
        ----------
        X : ndarray of shape (n, height, width, channels)
        memories : sequence of Memory
        training : bool
        prepared : bool, default=False
            Whether these memories have been used with the same parameters.
        """
        pieces = self.pieces(len(X))
        for _, index in self.steps:
            memories[index].shared.images = slice(0, len(X))
        outputs: list = [None] * len(pieces)
        result = np.empty((len(X), *self.output_shape), X.dtype)
        for head, body, tail in self.sweeps if training else [Sweep(None, self.steps, None)]:
            steps = [head, *body] if head else body
            for layer, index in [] if prepared else steps:
                layer.start_forward(memories[index].shared)
            for position, piece in enumerate(pieces):
                Y = outputs[position]
                if Y is None:
                    Y = self._enter(X, piece, position, memories)
                for layer, index in steps:
                    Y = layer.forward(Y, memories[index].of(piece, position))
                if tail:
                    tail.layer.measure(Y, memories[tail.index].of(piece, position))
                    outputs[position] = Y
                elif self.leaves_images:
                    result = Y
                else:
                    leave(Y, result[piece.images])
            if tail:
                memory = memories[tail.index]
                tail.layer.settle(memory.shared, memory.pieces[: len(pieces)])
        return result

    def backward(self, dY, memories, first: int, need_dX: bool):
        """Write the gradients of the parameters of the layers from index `first` on.

        Parameters
        ----------
        dY : ndarray of shape (n, \\*output_shape)
        memories : sequence of Memory
        first : int
            Layers before it are passed over, unless `need_dX`.
        need_dX : bool

        Returns
        -------
        dX : ndarray of shape (n, height, width, channels) or None
        """
        pieces = self.pieces(len(dY))
        gradients: list = [None] * len(pieces)
        dX = np.empty((len(dY), *self.input_shape), dY.dtype) if need_dX else None
        for number, (head, body, tail) in reversed(list(enumerate(self.sweeps))):
            body = [step for step in body if need_dX or step.index >= first]
            if not (need_dX or body or (head and head.index >= first)):
                break
            for layer, index in body:
                layer.start_backward(memories[index].shared)
            for position, piece in enumerate(pieces):
                G = gradients[position]
                if G is None:
                    G = dY if self.leaves_images else self._enter_gradient(dY, piece, memories)
                if tail:
                    G = tail.layer.backward(G, memories[tail.index].of(piece, position))
                for layer, index in reversed(body):
                    memory = memories[index].of(piece, position)
                    G = layer.backward(G, memory, need_dX or index > first)
                if head:
                    memory = memories[head.index].of(piece, position)
                    head.layer.measure_gradient(G, memory)
                gradients[position] = G
                if need_dX and number == 0:
                    leave(G, dX[piece.images])
            for layer, index in body:
                layer.finish_backward(memories[index].shared)
            if head:
                head.layer.settle_gradient(memories[head.index].shared)
        return dX

    def _enter(self, X, piece, position, memories):
        """The piece of the batch, as blocks."""
        shape = (piece.n_blocks, *X.shape[1:3], piece.n, X.shape[3])
        first = self.steps[0]
        memory = memories[first.index]
        memory = memory.piece(position) if first.layer.keeps_input else memory.shared
        return enter(X[piece.images], memory.array("entered", shape))

    def _enter_gradient(self, dY, piece, memories):
        shape = (piece.n_blocks, *dY.shape[1:3], piece.n, dY.shape[3])
        return enter(dY[piece.images], np.empty(shape, dY.dtype))
