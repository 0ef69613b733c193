"""Processes that compute a training's batches together: one that orders, and copies of it.

All do the same work, each its part, and meet where one needs what another has done. A copy keeps
nothing from one order to the next: so copies are killed at the end, and where one is lost the first
process does the whole again, by itself.
"""

import os
import time
from typing import Any, NamedTuple

import numpy as np

from digit_recognizer.nn.arrays.forks import Children, fence, shared_empty, warn_of_loss
from digit_recognizer.nn.arrays.rows import Batches
from digit_recognizer.nn.arrays.workers import Workers

# Seconds for which a process that waits only yields its processor: one that sleeps wakes up late.
PATIENCE = 5e-3
SHORTEST_SLEEP, LONGEST_SLEEP = 1e-4, 5e-3
# And after which one that lives is given up: a thread of the user's may have held a lock in the
# moment of the fork.
LONGEST_WAIT = 60.0
# Seconds that the rest of an epoch takes one process, as far as its first batches tell, from which
# on others are started: these have their memory after 25 ms.
WORTH_STARTING = 0.15
# Integers on a cache line.
LINE = 8


class Lost(Exception):
    """A process of those that work together is no more."""


class Team(Children):
    """This process and copies of it that work together.

    A subclass makes the arrays that all share, calls `start`, and says in `take_part` what a copy
    does each time the first process has called `meet` with an order for it.

    Parameters
    ----------
    n_workers : int
        Processes, this one included.

    Attributes
    ----------
    number : int
        Which of them this is; 0 for the first.
    """

    number = 0

    def __init__(self, n_workers: int):
        super().__init__()
        self.n_workers = n_workers
        self._arrived = shared_empty(n_workers * LINE, np.int64)
        self._n_meetings = 0

    def start(self, *arguments) -> None:
        """Start the others, which call ``take_part(*arguments)``.

        Raises
        ------
        OSError, MemoryError
            If the system gives no process; then none is left.
        """
        try:
            for number in range(1, self.n_workers):
                self.fork(self._follow, number, *arguments)
        except BaseException:
            self.close()
            raise

    def take_part(self, *arguments) -> None:
        """Do what the first process has ordered: the part of the process `number`."""
        raise NotImplementedError

    def meet(self) -> None:
        """Wait until all processes have come here; what each wrote before is seen by all.

        Raises
        ------
        Lost
            If one of them is no more. Then the others are ended.
        """
        self._n_meetings += 1
        fence()
        self._arrived[self.number * LINE] = self._n_meetings
        for number in range(self.n_workers):
            if self._arrived[number * LINE] < self._n_meetings:
                self._wait_for(number)
        fence()

    def _follow(self, number, *arguments):
        self.number = number
        while True:
            self.meet()
            self.take_part(*arguments)

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
        ended = self.ended()
        if not ended and seconds < LONGEST_WAIT:
            return
        self.close()
        self.warn_of_loss(ended)
        raise Lost

    def warn_of_loss(self, ended: list[int]) -> None:
        """Tell of those that are lost, see the function of that name."""
        warn_of_loss(ended, "fit", "a smaller batch_size")


class Course(NamedTuple):
    """What a training trains, how and on what."""

    network: Any
    optimizer: Any
    batches: Batches


class Pace:
    """How fast the batches of an epoch go, and whether a team is worth starting for the rest."""

    def __init__(self):
        self._workers, self._begun_at, self._n_begun, self._was_worth = None, 0.0, 0, False
        self._first_at = None

    def is_worth_starting(self, workers: Workers, n_batches: int = 0, stays=False) -> bool:
        """Whether it is before the batch that begins now; what was once is so from then on.

        Parameters
        ----------
        workers : Workers
            Others than before if an epoch begins.
        n_batches : int, default=0
            Of the epoch. Where nobody knows, as many are expected as there were.
        stays : bool, default=False
            Whether a team stays for the epochs that follow. A training that has lasted for a while
            is expected to do so for as long again.
        """
        now = time.monotonic()
        self._first_at = self._first_at or now
        if workers is not self._workers:
            self._workers, self._begun_at, self._n_begun = workers, now, 0
        n_done = self._n_begun
        self._n_begun += 1
        n_left = n_batches - n_done if n_batches else n_done
        expected = n_left * (now - self._begun_at) / n_done if n_done else 0.0
        if stays:
            expected = max(expected, now - self._first_at)
        self._was_worth = self._was_worth or expected >= WORTH_STARTING
        return self._was_worth
