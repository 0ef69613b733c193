"""Several processes for the images of a training's batches.

The many short calls of a convolutional network hand Python's lock to and fro: two threads reach 1.3
to 1.5 times the speed of one, two processes 1.75. So copies of this process, which `os.fork` makes,
take part of each batch's groups of pieces. They have the network already; what changes goes through
memory that all see: the batch, parameters, sums, gradients. It has no name and is gone with the
last of them. Loss, optimizer and the layers on rows stay in the first process.

A copy keeps nothing from one batch to the next. So copies are killed when `Workers` end, and where
one is lost the first process computes the batch again, by itself, to the same bytes.
"""

import gc
import math
import mmap
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np

from digit_recognizer.nn.arrays.workers import current_workers, forget_workers, n_workers_for
from digit_recognizer.nn.images.exchange import Exchange

# Multiply-adds of a batch's forward pass from which on it is shared: about a millisecond.
FEWEST_SHARED = 10_000_000
# Seconds that the rest of an epoch takes one process, as far as its first batches tell, from which
# on others are started: these have their memory after 25 ms. Where nobody knows how many batches
# there will be, as many are expected as there were.
WORTH_STARTING = 0.15
# Seconds for which a process that waits only yields its processor: one that sleeps wakes up late.
PATIENCE = 5e-3
SHORTEST_SLEEP, LONGEST_SLEEP = 1e-4, 5e-3
# And after which one that lives is given up: a thread of the user's may have held a lock in the
# moment of the fork.
LONGEST_WAIT = 60.0
FORWARD, BACKWARD = 1, 2
# Integers on a cache line.
LINE = 8


class Lost(Exception):
    """A process of those that work together is no more."""


class Processes(Exchange):
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
        super().__init__(stage, most_images, dtype, shared_empty)
        self.n_workers = min(n_workers, self._n_groups)
        n_in, n_out = (most_images * math.prod(s) for s in (stage.input_shape, stage.output_shape))
        self._X, self._Y, self._dY = (shared_empty(n, self.dtype) for n in (n_in, n_out, n_out))
        self._values = [
            shared_empty(array.size, array.dtype).reshape(array.shape)
            for layer in stage.layers
            for array in layer.values.values()
        ]
        self._order = shared_empty(3, np.int64)
        self._arrived = shared_empty(self.n_workers * LINE, np.int64)
        self._n_meetings = 0
        self._lock = threading.Lock()
        self._parent, self._children = os.getpid(), []
        # Before the fork: arrays that both processes have are copied page by page.
        memory.renew()
        try:
            for number in range(1, self.n_workers):
                self._start(number, memory)
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether the processes are there, and this is the one that made them."""
        return bool(self._children) and os.getpid() == self._parent

    def close(self) -> None:
        """End the other processes."""
        if os.getpid() != self._parent:
            return
        alive = [pid for pid in self._children if _status(pid) is None]
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        for pid in alive:
            _status(pid, wait=True)
        self._children = []

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

    def meet(self):
        self._n_meetings += 1
        self._fence()
        self._arrived[self.number * LINE] = self._n_meetings
        for number in range(self.n_workers):
            if self._arrived[number * LINE] < self._n_meetings:
                self._wait_for(number)
        self._fence()

    def _fence(self):
        """All that was written before is seen by whoever sees what is written after."""
        # Giving back a lock and taking one again: processors such as ARM's need to be told.
        for _ in range(2):
            with self._lock:
                pass

    def _wait_for(self, number):
        start, slept, sleep = time.monotonic(), 0.0, SHORTEST_SLEEP
        while self._arrived[number * LINE] < self._n_meetings:
            if time.monotonic() - start < PATIENCE:
                os.sched_yield()
                continue
            # Not by the clock, which goes on while all are stopped (Ctrl-Z, a paused container).
            self._look_after_others(slept)
            time.sleep(sleep)
            slept += sleep
            sleep = min(1.02 * sleep, LONGEST_SLEEP)

    def _look_after_others(self, seconds):
        if self.number:
            if os.getppid() != self._parent:
                raise Lost
            return
        ended = [status for pid in self._children if (status := _status(pid)) is not None]
        if not ended and seconds < LONGEST_WAIT:
            return
        self.close()
        # One that failed met what this process is about to meet, and to tell.
        if not ended or min(ended) < 0:
            what = f"was killed (signal {-min(ended)})" if ended else "does not answer"
            warnings.warn(
                f"A process that helped this fit {what}: the fit goes on with one core. If memory "
                "ran out, a smaller batch_size takes less.",
                RuntimeWarning,
                stacklevel=2,
            )
        raise Lost

    def _start(self, number, memory):
        # No signal may find the child with this process's handlers.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            with warnings.catch_warnings():
                # Python, and JAX, warn of forks beside threads: a child takes no lock of theirs.
                warnings.simplefilter("ignore")
                pid = os.fork()
            if pid:
                self._children.append(pid)
            else:
                self._follow(number, memory, mask)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _follow(self, number, memory, mask):
        """What a child does till its end."""
        try:
            self.number, self._children = number, []
            forget_workers()
            # The first process's garbage is none of this one's, and what it closes is closed.
            gc.disable()
            open_ones = [int(one.name) for one in Path("/proc/self/fd").iterdir()]
            os.closerange(3, 1 + max(open_ones))
            # What the user handles is for the first process, and so is Ctrl-C.
            for one in signal.valid_signals():
                if one == signal.SIGINT or callable(signal.getsignal(one)):
                    signal.signal(one, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            # What is worth a warning is computed again, and warned of, by the first process.
            np.seterr(**{k: v if v == "ignore" else "raise" for k, v in np.geterr().items()})
            while True:
                self.meet()
                self._take_part(memory)
        finally:
            # No handler of the user's, no flush of what the first process has yet to print.
            os._exit(1)

    def _take_part(self, memory):
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


def shared_empty(size: int, dtype) -> np.ndarray:
    """An array of shape (size,) that processes forked later share."""
    n_bytes = size * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, max(n_bytes, 1)), dtype, size)


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
    now = time.monotonic()
    if workers is not memory.workers:
        memory.workers, memory.begun_at, memory.n_begun = workers, now, 0
    elapsed, n_done = now - memory.begun_at, memory.n_begun
    memory.n_begun += 1
    fits = exchange is not None and n_images <= exchange.most_images
    if isinstance(exchange, Processes):
        if fits and exchange.is_open:
            return exchange
        exchange.close()
        fits = False
    n_left = memory.n_batches - n_done if memory.n_batches else n_done
    # What paid in one epoch does so in the next.
    expected = n_left * elapsed / n_done if n_done else 0.0
    is_worth = isinstance(exchange, Processes) or expected >= WORTH_STARTING
    if is_worth and not memory.has_failed and _pays(stage, n_images, dtype):
        try:
            n_workers = n_workers_for(*stage.layers)
            memory.exchange = Processes(stage, n_images, dtype, memory, n_workers)
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


def can_fork() -> bool:
    """Whether copies of this process can compute: elsewhere the system's BLAS may not, forked."""
    return sys.platform == "linux"


def _rows(array, n, shape):
    """The first n samples of a flat array, of that shape each."""
    return array[: n * math.prod(shape)].reshape(n, *shape)


def _status(pid, wait=False):
    """The exit status of a child, negative the signal that killed it; None while it runs."""
    try:
        found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    except ChildProcessError:
        # Somebody else has asked before.
        return 0
    return os.waitstatus_to_exitcode(status) if found else None
