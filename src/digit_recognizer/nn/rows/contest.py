"""Which of two ways of doing the same is faster at the moment."""

import time

ALONE, TOGETHER = 0, 1
# Batches of a turn. The first ones are not counted: who has slept wakes up late.
TURN, NOT_COUNTED = 24, 4
# A way is left for another that took so much less time when it was tried last.
MARGIN = 0.95
# So many turns at most until the slower way is tried again; one, unless that was in vain before.
LONGEST_PAUSE = 128


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

    def choose(self) -> int:
        """The way for the batch that begins now."""
        now = time.perf_counter()
        if self._n_batches == NOT_COUNTED:
            self._begun_at = now
        if self._n_batches == TURN:
            self._seconds[self.way] = (now - self._begun_at) / (TURN - NOT_COUNTED)
            self._end_turn()
        self._n_batches += 1
        return self.way

    def stop(self) -> None:
        """What follows is not part of a batch: a turn that has begun does not count."""
        self._n_batches = 0

    def _end_turn(self):
        self._n_batches, self._n_turns = 0, self._n_turns + 1
        own, other = self._seconds[self.way], self._seconds[1 - self.way]
        is_worse = other is not None and other < MARGIN * own
        if is_worse:
            # Tried in vain, or it was good and is no longer.
            self._pause = min(2 * self._pause, LONGEST_PAUSE) if self._n_turns == 1 else 1
        if is_worse or other is None or self._n_turns >= self._pause:
            self.way, self._n_turns = 1 - self.way, 0
