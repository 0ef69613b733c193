"""The part of a network that works on images, as one step of it.

A piece of the batch goes through all layers while it is in the cache, then the next one does. Only
a layer that needs sums over the whole batch, a barrier, ends a sweep: it measures each piece as
the sweep arrives, settles when all have, and then begins the next sweep.

Memory of a training batch: what each layer keeps (the input of a convolution or a normalization,
but only one array for normalization, ReLU and the convolution that follows; masks of 3/4 of the
input of a 2×2 maximum pooling), twice the gradient of the largest layer, and scratch for one piece
of each layer. A prediction holds one piece of each layer. Nothing grows with the number of images.
"""

from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np

from digit_recognizer.nn.activations import CustomActivation
from digit_recognizer.nn.arrays.team import Pace
from digit_recognizer.nn.images.blocks import Piece, block_images, cut, enter, leave
from digit_recognizer.nn.images.fusion import fused
from digit_recognizer.nn.images.layers import Barrier, ImageLayer, OnPieces, Step
from digit_recognizer.nn.images.memory import Arena, ImageMemory, LayerMemory
from digit_recognizer.nn.images.processes import exchange_for
from digit_recognizer.nn.layers import Layer

# So many processes at most have work. Each group's gradients are transformed by themselves, which
# takes 0.7% to 1.5% of a step of one process.
MOST_GROUPS = 4


class Sweep(NamedTuple):
    """The layers between two barriers: `head` begins the sweep and `tail` waits at its end."""

    head: Step | None
    body: list[Step]
    tail: Step | None


class StageMemory:
    """Memories of the layers of a stage.

    Parameters
    ----------
    dtype : dtype
    training : bool
    generator : numpy.random.Generator or None
    stage : ImageStage
    one_image : bool, default=False
        Whether it is for the prediction of one image after the other.

    Attributes
    ----------
    layers : list of LayerMemory
    prepared_from, prepared_for : list of ndarray or None, ndarray or None
        The parameters that layers are prepared from, in a prediction, and what they were when that
        was done.
    plan : list of (callable, ImageMemory) or None
        The steps of one image's prediction, each to be called with what the last one returned.
    """

    # A stage copies the images into blocks, and never computes in their place.
    overwrite_input = False
    course = None

    def __init__(self, dtype, training, generator, stage, one_image=False):
        self.dtype, self.training, self.generator = np.dtype(dtype), training, generator
        self.prepared_from = self.prepared_for = self.plan = self._one = None
        self._stage, self.exchange, self._one_image = stage, None, one_image
        # What `exchange_for` goes by.
        self.pace, self.has_failed, self.workers, self.settings = Pace(), False, None, ""
        self.renew()

    def close(self):
        """End what was started for it."""
        if hasattr(self.exchange, "close"):
            self.exchange.close()

    def renew(self):
        """Give back all arrays: nothing is kept from one batch to the next."""
        steps, arena = self._stage.steps, Arena()
        may_overwrite = {
            following.index
            for before, following in pairwise(steps)
            if not before.layer.keeps_output
        }
        settings = arena, self.dtype, self.training, self.generator
        self.layers = [
            LayerMemory(*settings, index in may_overwrite)
            for index in range(len(self._stage.layers))
        ]
        for layer in self.layers:
            layer.shared.one_image = self._one_image
        self._stage.tell_lifetimes(self.layers)

    @property
    def one(self) -> "StageMemory":
        """That for one image after the other, which takes other ways than many."""
        if self._one is None:
            self._one = StageMemory(self.dtype, False, None, self._stage, one_image=True)
        return self._one


class ImageStage(Layer):
    """Runs the layers that work on images.

    Parameters
    ----------
    layers : sequence of Layer
        Built and bound. The last may leave images for rows.
    fuse : bool
        Whether images pass in pieces that fit the cache, and neighbouring layers that can be
        computed as one are (see `fusion`). Without it each layer takes the whole batch, as written.

    Attributes
    ----------
    steps : list of Step
        The layers as they are run.
    piece_size : int or None
        Most images of a piece; None for as many as fit the cache.
    most_groups : int
        Of the pieces of a batch in training, see `exchange`.
    has_many_calls : bool
        See `sharing`.
    """

    has_many_calls = True

    def __init__(self, layers, fuse):
        self.layers = list(layers)
        self.input_shape = self.layers[0].input_shape
        self.output_shape = self.layers[-1].output_shape
        steps = [Step(layer, index) for index, layer in enumerate(self.layers)]
        self.steps = [
            Step(layer if isinstance(layer, ImageLayer) else OnPieces(layer), index)
            for layer, index in (fused(steps) if fuse else steps)
        ]
        self.in_pieces = fuse and not any(layer.needs_batch for layer, _ in self.steps)
        self._draws = any(getattr(layer, "draws", False) for layer, _ in self.steps)
        self.may_be_shared = not any(isinstance(layer, CustomActivation) for layer in self.layers)
        self.piece_size, self.most_groups = None, MOST_GROUPS
        self.leaves_images = getattr(self.layers[-1], "leaves_images", False)
        shapes = [self.input_shape, *(layer.output_shape for layer in self.layers)]
        self._largest = max(map(prod, shapes))
        learning = [index for index, layer in enumerate(self.layers) if layer.learns]
        self._first = learning[0] if learning else len(self.layers)
        barriers = [i for i, step in enumerate(self.steps) if isinstance(step.layer, Barrier)]
        self.sweeps = []
        for before, after in pairwise([-1, *barriers, len(self.steps)]):
            head = self.steps[before] if before >= 0 else None
            tail = self.steps[after] if after < len(self.steps) else None
            self.sweeps.append(Sweep(head, self.steps[before + 1 : after], tail))

    @property
    def learns(self):
        return self._first < len(self.layers)

    def new_memory(self, dtype, training, generator):
        return StageMemory(dtype, training, generator, self)

    def tell_lifetimes(self, memories) -> None:
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
        first = memories[0].shared
        store = ImageMemory(None, first.arena, first.dtype)
        for number, (head, body, _) in enumerate(self.sweeps):
            lasts = head is not None
            for layer, index in body:
                memories[index].shared.lasting_gradients = (store, number % 2) if lasts else None
                lasts = lasts and layer.returns_gradient

    def pieces(self, n_images: int, dtype) -> tuple[Piece, ...]:
        """The pieces of a batch."""
        if not self.in_pieces:
            return cut(n_images, max(n_images, 1))
        return cut(n_images, self.piece_size or block_images(dtype.itemsize * self._largest))

    def forward(self, X, memory):
        if not memory.training:
            return self._predict(X, memory)
        seed = int(memory.generator.integers(2**62)) if self._draws else 0
        return exchange_for(self, memory, len(X), X.dtype).forward(X, memory, seed)

    def _predict(self, X, memory):
        if len(X) == 1:
            return self._predict_one(X, memory.one)
        pieces, whole = self.pieces(len(X), X.dtype), [Sweep(None, self.steps, None)]
        prepared, positions = self._is_prepared(memory), range(len(pieces))
        return self._forward(X, memory.layers, whole, pieces, positions, prepared)

    def _predict_one(self, X, memory):
        """One image, by steps that were planned for the first one: half the time is calls."""
        layers = memory.layers
        if memory.plan is None:
            (piece,) = cut(1, 1)
            for layer in layers:
                layer.shared.images = piece.images
            memory.plan = [
                (layer.forward, layers[index].of(piece, 0)) for layer, index in self.steps
            ]
        if not self._is_prepared(memory):
            for layer, index in self.steps:
                layer.start_forward(layers[index].shared)
        Y = layers[0].shared.array("entered", (1, *self.input_shape[:2], 1, self.input_shape[2]))
        np.copyto(Y, X.reshape(Y.shape))
        for forward, memory_of_step in memory.plan:
            Y = forward(Y, memory_of_step)
        return Y.reshape(1, *self.output_shape)

    def run_forward(self, X, memories, exchange):
        """The forward pass, in training, of the pieces that are this process's."""
        for _, index in self.steps:
            memories[index].shared.exchange, memories[index].shared.index = exchange, index
        positions = exchange.positions
        return self._forward(X, memories, self.sweeps, exchange.pieces, positions)

    def _is_prepared(self, memory):
        """Whether the layers have been prepared, in this memory, for the parameters as they are.

        Comparing parameters takes 20 µs for 100,000 of them; transforming the weights of the
        convolutions that have as many takes 100.
        """
        if memory.prepared_from is None:
            arrays = [
                array.reshape(-1)
                for layer, index in self.steps
                for array in layer.prepared_from(memory.layers[index].shared)
            ]
            memory.prepared_from = arrays or [np.empty(0)]
        values = np.concatenate(memory.prepared_from)
        before, memory.prepared_for = memory.prepared_for, values
        return before is not None and np.array_equal(values, before)

    def _forward(self, X, memories, sweeps, pieces, positions, prepared=False):
        for _, index in self.steps:
            memories[index].shared.images = slice(0, len(X))
        outputs: list = [None] * len(pieces)
        result = None if self.leaves_images else np.empty((len(X), *self.output_shape), X.dtype)
        for head, body, tail in sweeps:
            steps = [head, *body] if head else body
            for layer, index in [] if prepared else steps:
                layer.start_forward(memories[index].shared)
            for position in positions:
                piece, Y = pieces[position], outputs[position]
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
                memory.shared.exchange.meet()
                tail.layer.settle(memory.shared, [memory.piece(i) for i in positions])
        return result

    def backward(self, dY, memory, need_dX=True):
        return memory.exchange.backward(dY, memory, need_dX)

    def run_backward(self, dY, memories, exchange, need_dX):
        """The backward pass of those pieces; returns dX if that is needed."""
        first, pieces = self._first, exchange.pieces
        gradients: list = [None] * len(pieces)
        dX = np.empty((len(dY), *self.input_shape), dY.dtype) if need_dX else None
        for number, (head, body, tail) in reversed(list(enumerate(self.sweeps))):
            body = [step for step in body if need_dX or step.index >= first]
            if not (need_dX or body or (head and head.index >= first)):
                break
            for group, positions in exchange.groups:
                for layer, index in body:
                    layer.start_backward(memories[index].shared)
                for position in positions:
                    piece, G = pieces[position], gradients[position]
                    if G is None:
                        place = dY, piece, position, memories
                        G = dY if self.leaves_images else self._enter_gradient(*place)
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
                    exchange.keep_gradients(index, group)
            exchange.meet()
            for layer, index in body:
                exchange.add_up_gradients(index)
                layer.settle_gradients(memories[index].shared)
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

    def _enter_gradient(self, dY, piece, position, memories):
        shape = (piece.n_blocks, *dY.shape[1:3], piece.n, dY.shape[3])
        memory = memories[self.steps[-1].index].piece(position)
        return enter(dY[piece.images], memory.array("entered gradient", shape))


ImageLayer.stage = ImageStage
