"""Several processes for the images of a training's batches.

The many short calls of a convolutional network hand Python's lock to and fro: two threads reach 1.3
to 1.5 times the speed of one, two processes 1.75. So a `Team` of copies of this process takes part
of each batch's groups of pieces. They have the network already; what changes goes through memory
that all see: the batch, parameters, sums, gradients. Loss, optimizer and the layers on rows stay in
the first process.

Where one is lost the first process computes the batch again, by itself, to the same bytes.
"""

import math

import numpy as np

from digit_recognizer.nn.arrays.forks import can_fork, shared_empty
from digit_recognizer.nn.arrays.team import Lost, Team
from digit_recognizer.nn.arrays.workers import current_workers, n_workers_for
from digit_recognizer.nn.images.exchange import Exchange

# Multiply-adds of a batch's forward pass from which on it is shared: about a millisecond.
FEWEST_SHARED = 10_000_000
FORWARD, BACKWARD = 1, 2


class Processes(Team, Exchange):
    """Where pieces and groups leave what is added up, for several processes.

    Parameters
    ----------
    stage, most_images, dtype
        See `Exchange`.
    memory : StageMemory
        Whose arrays each process makes anew.
    n_workers : int
        Processes, this one included.

    Raises
    ------
    OSError, MemoryError
        If the system gives no process or no memory.
    """

    def __init__(self, stage, most_images, dtype, memory, n_workers):
        Exchange.__init__(self, stage, most_images, dtype, shared_empty)
        Team.__init__(self, min(n_workers, self._n_groups))
        n_in, n_out = (most_images * math.prod(s) for s in (stage.input_shape, stage.output_shape))
        self._X, self._Y, self._dY = (shared_empty(n, self.dtype) for n in (n_in, n_out, n_out))
        self._values = [
            shared_empty(array.size, array.dtype).reshape(array.shape)
            for layer in stage.layers
            for array in layer.values.values()
        ]
        self._order = shared_empty(3, np.int64)
        # Before the fork: arrays that both processes have are copied page by page.
        memory.renew()
        self.start(memory)

    def forward(self, X, memory, seed):
        n = len(X)
        self._copy_values(give=True)
        np.copyto(_rows(self._X, n, X.shape[1:]), X)
        try:
            self._give_order(FORWARD, n, seed)
            result = self.stage.run_forward(X, memory.layers, self)
            self.meet()
        except Lost:
            return self._alone(n, seed, memory)[1]
        others = slice(self.pieces[self.positions[-1]].images.stop, n)
        rows = result.reshape(n, -1)
        rows[others] = _rows(self._Y, n, rows.shape[1:])[others]
        return result

    def backward(self, dY, memory, need_dX):
        n = len(dY)
        if self.is_open and not need_dX:
            np.copyto(_rows(self._dY, n, dY.shape[1:]), dY)
            try:
                self._give_order(BACKWARD, n, self.seed)
                self.stage.run_backward(dY, memory.layers, self, need_dX=False)
                return None
            except Lost:
                dY = _rows(self._dY, n, dY.shape[1:])
        exchange, _ = self._alone(n, self.seed, memory)
        return exchange.backward(dY, memory, need_dX)

    def _alone(self, n, seed, memory):
        """The forward pass again, by this process: where it takes place, and its result."""
        # Running statistics are as they were before the first time.
        self._copy_values(give=False)
        memory.has_failed = True
        memory.exchange = Exchange(self.stage, n, self.dtype)
        X = _rows(self._X, n, self.stage.input_shape)
        return memory.exchange, memory.exchange.forward(X, memory, seed)

    def _give_order(self, what, n, seed):
        self.begin(n, seed)
        self._order[...] = what, n, seed
        self.meet()

    def take_part(self, memory):
        """A batch's forward or backward pass, as the first process has ordered it."""
        what, n, seed = self._order.tolist()
        self.begin(n, seed)
        if what == BACKWARD:
            dY = _rows(self._dY, n, self.stage.output_shape)
            self.stage.run_backward(dY, memory.layers, self, need_dX=False)
            return
        self._copy_values(give=False)
        X = _rows(self._X, n, self.stage.input_shape)
        result = self.stage.run_forward(X, memory.layers, self)
        for position in self.positions:
            images = self.pieces[position].images
            _rows(self._Y, n, self.stage.output_shape)[images] = result[images]
        self.meet()

    def _copy_values(self, give):
        """Parameters and statistics of the network to the shared ones, or back."""
        own = [array for layer in self.stage.layers for array in layer.values.values()]
        for array, shared in zip(own, self._values, strict=True):
            np.copyto(*((shared, array) if give else (array, shared)))


def exchange_for(stage, memory, n_images: int, dtype) -> Exchange:
    """Where a batch in training is computed: by several processes from when that pays.

    Parameters
    ----------
    stage : ImageStage
    memory : StageMemory
        Of the training, which remembers the exchange and what it did before.
    n_images : int
    dtype : dtype
    """
    workers, exchange = current_workers(), memory.exchange
    stays = memory.course is not None
    n_batches = len(memory.course.batches) if stays else 0
    is_worth = memory.pace.is_worth_starting(workers, n_batches, stays)
    fits = exchange is not None and n_images <= exchange.most_images
    n_workers, settings = n_workers_for(*stage.layers), memory.settings
    if workers is not memory.workers or (stays and memory.course.batches.start == 0):
        # Another epoch, between which and the last one a user may have changed the layers.
        memory.workers, memory.settings = workers, f"{n_workers} {stage.layers}"
    if isinstance(exchange, Processes):
        if fits and exchange.is_open and settings == memory.settings:
            return exchange
        exchange.close()
        fits = False
    if is_worth and not memory.has_failed and _pays(stage, n_images, dtype):
        try:
            memory.exchange = Processes(stage, n_images, dtype, memory, n_workers)
            if memory.course is None:
                workers.at_end(memory.exchange.close)
            return memory.exchange
        except (OSError, MemoryError):
            memory.has_failed = True
    if not fits:
        memory.exchange = Exchange(stage, n_images, dtype)
    return memory.exchange


def _pays(stage, n_images, dtype):
    """Whether several processes may and should share a batch."""
    return (
        can_fork()
        and stage.may_be_shared
        and n_workers_for(*stage.layers) > 1
        and n_images * sum(layer.multiply_adds() for layer in stage.layers) >= FEWEST_SHARED
        and len(stage.pieces(n_images, np.dtype(dtype))) > 1
    )


def _rows(array, n, shape):
    """The first n samples of a flat array, of that shape each."""
    return array[: n * math.prod(shape)].reshape(n, *shape)
