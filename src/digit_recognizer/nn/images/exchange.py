"""What the pieces of a batch of images tell each other: sums at barriers, and gradients.

Pieces stand in groups, as many as the batch says. Sums are kept for each piece and the gradients of
the parameters for each group, and added up in their order: so it makes no difference, not to a bit,
which process computed which group (`processes`).
"""

from enum import IntEnum
from itertools import pairwise

import numpy as np

from digit_recognizer.nn.arrays.parameters import aligned_empty


class Sums(IntEnum):
    """What is added up over the pieces of a batch for each channel of a barrier."""

    MOMENTS = 0
    CENTRAL_MOMENTS = 1
    GRADIENTS = 2


class Exchange:
    """Where pieces and groups leave what is added up over all of them, and who takes which.

    This one is for a process that takes them all.

    Parameters
    ----------
    stage : ImageStage
    most_images : int
        Of a batch.
    dtype : dtype
    empty : callable
        ``empty(size, dtype)`` gives the arrays.

    Attributes
    ----------
    number, n_workers : int
        Which of how many processes this is.
    pieces : list of Piece
        Of the batch.
    seed : int
        Of the batch's random numbers.
    """

    number, n_workers = 0, 1

    def __init__(self, stage, most_images, dtype, empty=aligned_empty):
        self.stage, self.most_images, self.dtype = stage, most_images, np.dtype(dtype)
        n_pieces = max(len(stage.pieces(most_images, self.dtype)), 1)
        channels = max(layer.input_shape[-1] for layer in stage.layers)
        shape = (len(stage.layers), len(Sums), n_pieces, 2, channels)
        self._sums = empty(int(np.prod(shape)), np.float64).reshape(shape)
        self._n_groups = self._count_groups(n_pieces)
        sizes = [[array.size for array in layer.gradients.values()] for layer in stage.layers]
        # A row for each group, and room for none where there is one only.
        rows = self._n_groups if self._n_groups > 1 else 0
        self._gradients = [
            [empty(rows * size, self.dtype).reshape(rows, size) for size in of_layer]
            for of_layer in sizes
        ]

    def begin(self, n_images: int, seed: int) -> None:
        """A batch of so many images comes."""
        self.seed = seed
        self.pieces = self.stage.pieces(n_images, self.dtype)
        n = len(self.pieces)
        n_groups = self._count_groups(n)
        ends = [number * n // n_groups for number in range(n_groups + 1)]
        self._groups = [range(*pair) for pair in pairwise(ends)]

    def _count_groups(self, n_pieces):
        """Of two pieces or more each, if that makes two of them."""
        return max(min(n_pieces, self.stage.most_groups, max(n_pieces // 2, 2)), 1)

    @property
    def groups(self) -> list[tuple[int, range]]:
        """The groups of this process: their numbers, and their pieces' positions."""
        n = len(self._groups)
        # Where there are fewer groups than processes, the first ones take one each.
        n_workers = min(self.n_workers, n)
        first, end = (min(i, n_workers) * n // n_workers for i in (self.number, self.number + 1))
        return [(group, self._groups[group]) for group in range(first, end)]

    @property
    def positions(self) -> list[int]:
        """Those of the pieces of this process, one after the other."""
        return [position for _, group in self.groups for position in group]

    def tell(self, layer: int, what: Sums, position: int, sums: np.ndarray) -> None:
        """Leave a piece's sums, of shape (n_rows, n_channels)."""
        self._sums[layer, what, position, : len(sums), : sums.shape[1]] = sums

    def total(self, layer: int, what: Sums, n_rows: int, n_channels: int) -> np.ndarray:
        """The sums of all pieces, of shape (n_rows, n_channels), once all have met."""
        return self._sums[layer, what, : len(self.pieces), :n_rows, :n_channels].sum(axis=0)

    def keep_gradients(self, layer: int, group: int) -> None:
        """Leave a layer's gradients, which are those of a group."""
        if len(self._groups) > 1:
            arrays = self.stage.layers[layer].gradients.values()
            for rows, array in zip(self._gradients[layer], arrays, strict=True):
                rows[group] = array.reshape(-1)

    def add_up_gradients(self, layer: int) -> None:
        """Give a layer its gradients, those of all groups, once all have met."""
        n = len(self._groups)
        if n > 1:
            arrays = self.stage.layers[layer].gradients.values()
            for rows, array in zip(self._gradients[layer], arrays, strict=True):
                np.add.reduce(rows[:n], axis=0, out=array.reshape(-1))

    def meet(self) -> None:
        """Wait until all processes have come here."""

    def forward(self, X, memory, seed: int):
        """A batch's forward pass in training; see `ImageStage.forward`."""
        self.begin(len(X), seed)
        return self.stage.run_forward(X, memory.layers, self)

    def backward(self, dY, memory, need_dX: bool):
        """Its backward pass."""
        return self.stage.run_backward(dY, memory.layers, self, need_dX)
