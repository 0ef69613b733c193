"""What a network in training says of itself to those who watch: a small file in its folder."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

FILE = ".status.json"
SECONDS_BETWEEN_WRITES = 0.25
# A training step passes a row forward once and backward at about twice the cost.
PASSES_OF_STEP = 3


@dataclass(frozen=True)
class Status:
    """How far a network is.

    Parameters
    ----------
    epoch, n_epochs : int
        The epoch in progress, from 1; one more than `n_epochs` where the network predicts.
    done, total : float
        Work in passes of a row through the network, counted from the first epoch.
    measured, seconds : float
        Work done by this process, and the time it took.
    loss, learning_rate : float or None
        Of the last step; L-BFGS has no rate.
    """

    epoch: int
    n_epochs: int
    done: float
    total: float
    measured: float
    seconds: float
    loss: float | None
    learning_rate: float | None

    @property
    def is_predicting(self) -> bool:
        """Whether all epochs are trained."""
        return self.epoch > self.n_epochs

    @property
    def total_seconds(self) -> float | None:
        """What the whole network would take at the speed measured; None before the first work."""
        return self.total * self.seconds / self.measured if self.measured > 0 else None


class StatusFile:
    """Writes the status of one training every quarter of a second.

    It is a courtesy: nothing waits for it to be on the disk, and a full disk is no error.

    Parameters
    ----------
    folder : Path
    n_epochs : int
    epoch_passes : float
        Work of an epoch.
    prediction_passes : float
        Work of the predictions at the end.
    """

    def __init__(self, folder: Path, n_epochs: int, epoch_passes: float, prediction_passes: float):
        self._path = folder / FILE
        self._n_epochs = n_epochs
        self._epoch_passes = epoch_passes
        self._total = n_epochs * epoch_passes + prediction_passes
        self._first = None
        self._start = self._last_write = perf_counter()
        self._numbers = {"loss": None, "learning_rate": None}

    def step(self, clock, loss: float, learning_rate: float | None) -> None:
        """Tell of a training step, of which `clock` counts how many of how many are done."""
        self._numbers = {"loss": float(loss), "learning_rate": learning_rate}
        self._tell(min(clock.epoch + 1, self._n_epochs), clock.fraction * self._n_epochs)

    def predicted(self, passes: float) -> None:
        """Tell of rows that have been predicted; `passes` counts the network's passes so far."""
        self._tell(self._n_epochs + 1, self._n_epochs, passes)

    def _tell(self, epoch, epochs_done, passes=0.0):
        now = perf_counter()
        done = epochs_done * self._epoch_passes + passes
        if self._first is None:
            self._first = done, now
        elif now - self._last_write < SECONDS_BETWEEN_WRITES:
            return
        self._last_write = now
        first, start = self._first
        status = Status(
            epoch, self._n_epochs, done, self._total, done - first, now - start, **self._numbers
        )
        aside = self._path.with_name(f"{FILE}.new")
        with suppress(OSError):
            aside.write_text(json.dumps(asdict(status)), encoding="utf-8")
            aside.replace(self._path)

    def clear(self) -> None:
        """Remove the file: the network is finished."""
        clear_status(self._path.parent)


def read_status(folder: Path) -> Status | None:
    """The status last written; None if there is none."""
    try:
        return Status(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def clear_status(folder: Path) -> None:
    """Remove the status that a network left which is not in training any more."""
    with suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)
