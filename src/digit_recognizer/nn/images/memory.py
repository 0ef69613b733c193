"""What a layer on images keeps: for each piece of the batch, and for all of them."""

from collections.abc import Callable, Hashable

import numpy as np

from digit_recognizer.nn.arrays.forks import has_copies, own_empty
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.parameters import CACHE_LINE_BYTES
from digit_recognizer.nn.images.blocks import Piece


class Arena(Memory):
    """Gives arrays from chunks that grow, so that large ones lie on huge pages.

    Scratch that no layer needs beyond one call is all layers'.

    NumPy asks for huge pages for allocations of 4 MB and more. With all arrays of a training in
    such chunks a training step of convolutions takes 8% less time; small predictions take no more
    than they need.
    """

    FIRST_CHUNK, LARGEST_CHUNK = 2**18, 2**26

    def __init__(self):
        super().__init__(np.uint8)
        self._chunk = np.empty(0, np.uint8)
        self._used = 0
        self._next_size = self.FIRST_CHUNK

    def empty(self, size: int, dtype) -> np.ndarray:
        """An array of shape (size,) with undefined content, on a cache line of its own."""
        n_bytes = size * np.dtype(dtype).itemsize
        if self._used + n_bytes > len(self._chunk):
            size = max(self._next_size, n_bytes)
            if has_copies():
                self._chunk = own_empty(size)
            else:
                raw = np.empty(size + CACHE_LINE_BYTES, np.uint8)
                self._chunk = raw[-raw.ctypes.data % CACHE_LINE_BYTES :]
            self._used = 0
            self._next_size = min(2 * self._next_size, self.LARGEST_CHUNK)
        array = self._chunk[self._used : self._used + n_bytes].view(dtype)
        # A line between two arrays keeps equal shapes off equal places of a page.
        self._used += (-(-n_bytes // CACHE_LINE_BYTES) + 1) * CACHE_LINE_BYTES
        return array


class ImageMemory(Memory):
    """Memory of a layer for one piece of a batch of images, or for what all pieces share.

    Parameters
    ----------
    shared : ImageMemory or None
        The layer's memory for what one piece after the other may use: scratch, sums, constants.
        None for this one to be it.
    arena : Arena
        Where the arrays come from.
    *settings
        See `Memory`.

    Attributes
    ----------
    last_piece : Piece or None
        Which one passed last, for which the following are set.
    images : slice
        Which images of the batch a piece holds; of the shared memory, all of the batch.
    position : int
        Of a piece among all of the batch.
    exchange : Exchange
        Of the shared memory: where pieces tell what is added up over all of them.
    index : int
        Of the layer.
    blocks : tuple of int
        (n_blocks, n) of a piece.
    n_padding : int
        Images at the end of the piece's last block that are there to fill it only.
    transient_output : bool
        Whether what `forward` returns may be overwritten when the next piece comes.
    lasting_gradients : tuple of (Memory, name) or None
        Where what `backward` returns is kept, if it may not be overwritten like that.
    one_image : bool
        Of the shared memory: whether it is for the prediction of one image after the other.
    has_sums : bool
        Of the shared memory: whether a piece's gradients have been added to its sums.
    before : ImageMemory or None
        That of the layer before.
    output_scale : ndarray of shape (channels,) or None
        Factor of its output that the layer leaves to the weights of the next one, which gives
        back, as `output_products`, Σ output × gradient of each channel.
    """

    def __init__(self, shared, arena, *settings):
        super().__init__(*settings)
        self._shared = shared
        self.arena = arena
        self._made: dict[Hashable, object] = {}
        self.last_piece, self.images, self.position = None, slice(0, 0), 0
        self.exchange, self.index = None, 0
        self.blocks = (0, 0)
        self.n_padding = 0
        self.transient_output = self.one_image = self.has_sums = False
        self.lasting_gradients: tuple | None = None
        self.before: ImageMemory | None = None
        self.output_scale = self.output_products = self.gradient_factors = None

    @property
    def shared(self) -> "ImageMemory":
        """The memory of all pieces."""
        return self._shared or self

    def empty(self, size, dtype):
        return self.arena.empty(size, dtype)

    def scratch(self, name, shape, dtype=None):
        views, dtype = self.shared._views, dtype or self.dtype
        view = views.get(name)
        if view is None or view.shape != shape:
            view = views[name] = self.arena.array((name, dtype), shape, dtype)
        return view

    def constant(self, name, shape, value):
        # The shared memory keeps what is the same for all pieces.
        return (
            super().constant(name, shape, value)
            if self._shared is None
            else (self._shared.constant(name, shape, value))
        )

    def once(self, key: Hashable, make: Callable):
        """What `make` returned when `key` was first asked for."""
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = make()
        return made

    def tell(self, what, sums: np.ndarray) -> None:
        """Leave a piece's sums, see `Exchange`."""
        shared = self.shared
        shared.exchange.tell(shared.index, what, self.position, sums)

    def total(self, what, n_rows: int, n_channels: int) -> np.ndarray:
        """The sums of all pieces, once they have met."""
        return self.exchange.total(self.index, what, n_rows, n_channels)

    def output_array(self, shape: tuple[int, ...]):
        """An array for what the forward pass of a piece returns."""
        shared = self.shared
        return (shared if shared.transient_output else self).array("output", shape)

    def gradient_array(self, shape: tuple[int, ...]):
        """An array for what the backward pass of a piece returns."""
        if self.shared.lasting_gradients is None:
            return self.shared.array("gradient", shape)
        store, name = self.shared.lasting_gradients
        return store.array((name, self.images.start), shape)


class LayerMemory:
    """The memories of a layer on images.

    It holds those of the pieces, which hold the shared one and nothing that leads back: what a
    training took is free as soon as it ends, without the garbage collector.

    Parameters
    ----------
    *settings
        See `ImageMemory`.

    Attributes
    ----------
    shared : ImageMemory
    pieces : list of ImageMemory
    """

    def __init__(self, *settings):
        self._settings = settings
        self.shared = ImageMemory(None, *settings)
        self.pieces: list[ImageMemory] = []
        self._before: LayerMemory | None = None

    def follows(self, before: "LayerMemory") -> None:
        """Tell the memories those of the layer before."""
        self._before = before
        self.shared.before = before.shared

    def piece(self, index: int) -> ImageMemory:
        """Memory of one piece of the batch; in prediction all pieces use the same one."""
        index = index if self.shared.training else 0
        while len(self.pieces) <= index:
            piece = ImageMemory(self.shared, *self._settings)
            piece.before = self._before and self._before.piece(len(self.pieces))
            self.pieces.append(piece)
        return self.pieces[index]

    def of(self, piece: Piece, position: int) -> ImageMemory:
        """Memory of a piece of the batch that is about to pass."""
        memory = self.piece(position)
        if memory.last_piece is not piece:
            memory.last_piece, memory.position = piece, position
            memory.images, memory.n_padding = piece.images, piece.n_padding
            memory.blocks = piece.n_blocks, piece.n
        return memory
