"""What a network keeps between small predictions, so that one image takes little time."""

import numpy as np

# Larger predictions make their memories anew, which is little of their time, and keep nothing.
MOST_KEPT_ROWS = 64


class Workspaces:
    """Memories of past small predictions, with the parameters they were prepared for.

    Each is used by one prediction at a time: threads that predict at once have their own. Only
    layers on images prepare anything; without them the parameters are not looked at.
    """

    def __init__(self):
        self._free: list[tuple[list, np.ndarray | None]] = []

    def take(self, network, n_rows) -> tuple[list, np.ndarray | None, bool]:
        """Memories, the parameters they are for, and whether layers are prepared for these.

        Comparing the parameters takes 20 µs for 100,000 of them; transforming the weights of the
        convolutions that have as many takes 100.
        """
        if n_rows > MOST_KEPT_ROWS:
            return network.memories(training=False), None, False
        try:
            memories, prepared_for = self._free.pop()
        except IndexError:
            memories, prepared_for = network.memories(training=False), None
        if not network.image_steps:
            return memories, None, False
        values = network.parameters.values
        is_prepared = prepared_for is not None and np.array_equal(values, prepared_for)
        return memories, prepared_for if is_prepared else values.copy(), is_prepared

    def give_back(self, memories, prepared_for, n_rows) -> None:
        """Keep memories for the next prediction if they are small."""
        if n_rows <= MOST_KEPT_ROWS:
            self._free.append((memories, prepared_for))
