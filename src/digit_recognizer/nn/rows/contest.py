"""Which of two ways of doing the same is faster at the moment."""

import time

ALONE, TOGETHER = 0, 1
# Batches of a turn; the first ones are not counted: processes that have slept take a while.
TURN, NOT_COUNTED = 48, 24
# A way is left for another that took so much less time when it was tried last.
MARGIN = 0.95
# A turn that has taken so many times as long as one of the other way ends before it is over.
HOPELESS = 1.3
# So many turns at most until the slower way is tried again; one, unless that was in vain before.
LONGEST_PAUSE = 128
# And so many at least until one process is tried, whose time changes little.
FEWEST_TOGETHER = 10


class Contest:
    """Chooses for each batch what took less time, and tries the other way now and then.

    On a machine that is busy with other things processes that meet wait for each other's turn to
    compute: where one other is at work, two of them take 2.4 times as long as one.

    Attributes
    ----------
    way : int
        `ALONE` or `TOGETHER`.
    """

    def __init__(self):
        self.way = ALONE
        # Seconds a batch that each took at its last turn.
        self._seconds = [None, None]
        self._n_batches, self._n_turns, self._pause = 0, 0, 1
        self._begun_at = self._counted_at = self._last_at = 0.0
        self._is_interrupted = False

    def choose(self) -> int:
        """The way for the batch that begins now."""
        now, n = time.perf_counter(), self._n_batches
        if self._is_interrupted:
            self._begun_at += now - self._last_at
            self._counted_at += now - self._last_at
            self._is_interrupted = False
        self._last_at = now
        if n == 0:
            self._begun_at = now
        if n == NOT_COUNTED:
            self._counted_at = now
        other = self._seconds[1 - self.way]
        is_hopeless = n > 1 and other is not None and now - self._begun_at > HOPELESS * TURN * other
        if n == TURN or is_hopeless:
            counted = (self._begun_at, n) if is_hopeless else (self._counted_at, n - NOT_COUNTED)
            self._seconds[self.way] = (now - counted[0]) / counted[1]
            self._end_turn(now)
        self._n_batches += 1
        return self.way

    def stop(self) -> None:
        """The time until the next batch does not count."""
        self._is_interrupted = True

    def _end_turn(self, now):
        self._n_batches, self._n_turns, self._begun_at = 0, self._n_turns + 1, now
        own, other = self._seconds[self.way], self._seconds[1 - self.way]
        is_worse = other is not None and other < MARGIN * own
        if is_worse:
            # Tried in vain, or it was good and is no longer.
            self._pause = min(2 * self._pause, LONGEST_PAUSE) if self._n_turns == 1 else 1
        pause = max(self._pause, FEWEST_TOGETHER * self.way)
        if is_worse or other is None or self._n_turns >= pause:
            self.way, self._n_turns = 1 - self.way, 0
