"""How long to wait for somebody else's server, and how often to ask again."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Time-outs, retries and pauses.

    Parameters
    ----------
    connect_seconds, read_seconds : float
        The longest a server may take to accept a connection, and to send its next bytes.
    retries : int
        A call that failed for a passing reason is repeated so many times.
    first_pause : float
        Seconds before the first repetition; each further pause is twice as long.
    longest_pause : float
        Seconds that no pause exceeds.
    sleep, clock : callable
        What waits and what tells the seconds gone by.
    """

    connect_seconds: float = 10
    read_seconds: float = 60
    retries: int = 4
    first_pause: float = 1
    longest_pause: float = 60
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def pauses(self):
        """Yield the seconds of one pause after the other, without end."""
        pause = self.first_pause
        while True:
            yield min(pause, self.longest_pause)
            pause *= 2
