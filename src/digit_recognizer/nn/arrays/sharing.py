"""Rows that are computed block by block, each on its own: by several threads or processes.

Threads cost nothing to start, but hand Python's lock to and fro where calls are many and short.
Copies of this process have what they need already, the rows too, and are there in a few
milliseconds. Each takes the next block that nobody has taken, and leaves its rows in memory that
all see. Nobody waits for a copy, nor needs it: what is not done at the end is done by this process.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from digit_recognizer.nn.arrays.forks import (
    Children,
    can_fork,
    fence,
    shared_empty,
    warn_of_loss,
)
from digit_recognizer.nn.arrays.workers import n_workers_for, share, without_workers

# Multiply-adds of the rows behind the first block from which on processes share them: 20 to 60 ms
# of one. A copy has its memory, and is gone again, after 10 ms; until then threads are as fast.
FEWEST_FORKED = 2_000_000_000
TAKEN, DONE = 1, 2
# Seconds between two looks at what others have done.
SLEEP = 2e-4


def share_rows(
    function: Callable, outputs: Sequence[np.ndarray], size: int, network, n_passes: int = 1
) -> None:
    """Have `function` compute the rows of `outputs`, block by block.

    Parameters
    ----------
    function : callable
        ``function(rows)``, of a slice, writes these rows of each output; nothing else that it does
        is of use.
    outputs : sequence of ndarray of shape (n_rows, …)
    size : int
        Rows of a block.
    network : Network
        Which it calls: where layers or the loss are the user's, all is done by this thread.
    n_passes : int, default=1
        How often each row goes through the network.
    """
    calls = *network.layers, network.loss
    n = len(outputs[0])
    blocks = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    n_workers = min(n_workers_for(*calls), len(blocks))
    if n_workers > 1 and can_fork() and has_many_calls(network):
        products = sum(layer.multiply_adds() for layer in network.layers)
        if (n - size) * n_passes * products >= FEWEST_FORKED:
            with without_workers():
                ForkedRows(function, outputs, blocks).compute(n_workers)
            return
    share(function, blocks, calls)


def has_many_calls(network) -> bool:
    """Whether its many short calls would have threads wait for Python's lock."""
    return any(getattr(step, "has_many_calls", False) for step in network.steps)


class ForkedRows(Children):
    """Blocks of rows that this process and copies of it compute.

    Parameters
    ----------
    function, outputs
        See `share_rows`.
    blocks : sequence of slice
        Of rows.
    """

    def __init__(self, function, outputs, blocks):
        super().__init__()
        self._function, self._outputs, self._blocks = function, outputs, blocks
        self._shared, self._state = [], np.zeros(len(blocks), np.uint8)

    def compute(self, n_workers: int) -> None:
        """Compute all blocks, by so many processes if the system gives them."""
        n_blocks = len(self._blocks)
        try:
            # Where the system gives no memory or no process, those that there are do it all.
            with suppress(OSError, MemoryError):
                self._shared = [
                    shared_empty(output.size, output.dtype).reshape(output.shape)
                    for output in self._outputs
                ]
                self._state = shared_empty(n_blocks, np.uint8)
                for number in range(1, n_workers):
                    self.fork(self._help, number * n_blocks // n_workers)
            longest, mine = 0.0, set()
            for position in self._free_ones(0):
                start = time.monotonic()
                self._function(self._blocks[position])
                self._state[position] = DONE
                mine.add(position)
                longest = max(time.monotonic() - start, longest)
            self._wait(2 * longest)
            for position, rows in enumerate(self._blocks):
                if self._state[position] != DONE:
                    self._function(rows)
                elif position not in mine:
                    self._copy(rows, self._shared, self._outputs)
        finally:
            self.close()

    def _free_ones(self, first):
        """Positions of blocks, from one on and round, that nobody has taken; they are, then.

        Where two take the same block in the same moment both come to the same bytes.
        """
        n_blocks = len(self._blocks)
        for position in (*range(first, n_blocks), *range(first)):
            if not self._state[position]:
                self._state[position] = TAKEN
                yield position

    def _help(self, first):
        """What a copy of this process does."""
        for position in self._free_ones(first):
            if os.getppid() != self._parent:
                return
            self._function(self._blocks[position])
            self._copy(self._blocks[position], self._outputs, self._shared)
            fence()
            self._state[position] = DONE

    def _copy(self, rows, sources, targets):
        for source, target in zip(sources, targets, strict=True):
            target[rows] = source[rows]

    def _wait(self, seconds):
        """Until others have done what they took, or for as long as this process would take."""
        end, ended = time.monotonic() + seconds, []
        while not (self._state == DONE).all():
            ended += self.ended()
            if not self.is_open or time.monotonic() >= end:
                break
            time.sleep(SLEEP)
        fence()
        if ended:
            warn_of_loss(ended, "prediction", "a part of the rows at a time")
