"""What a run shows while it trains."""

import heapq
import sys
import threading
from math import ceil

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column

from digit_recognizer.errors import counted
from digit_recognizer.pipeline.runs.members import Member, key_of
from digit_recognizer.pipeline.runs.status import clear_status, read_status

SECONDS_BETWEEN_LOOKS = 0.25
# How much of a network has to be measured before anything is said about the whole run.
SECONDS_MEASURED = 5
NARROW = 60


class Progress:
    """A ticking line for each network in training and one for the whole; without a terminal, text.

    The networks tell how far they are through small files in the run directory (see `status`),
    which works alike for processes of this machine and of others.

    Parameters
    ----------
    members : list of Member
        All networks of the run.
    finished : collection of tuple
        Keys of those that were trained before.
    stream : text file, default=sys.stderr
    """

    def __init__(self, members: list[Member], finished=(), stream=None):
        self._members = {member.key: member for member in members}
        self._finished = set(finished)
        self._running: dict[tuple, object] = {}
        self._took: dict[tuple, float] = {}
        self._most_at_once = 1
        self._console = Console(file=stream or sys.stderr, highlight=False, markup=False)
        self._is_live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._bars = _bars(self._console)
        self._tasks: dict[tuple, int] = {}
        self._total = self._estimate = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        for key, member in self._members.items():
            if key not in self._finished:
                clear_status(member.folder)
        if self._is_live:
            self._total = self._bars.add_task("all", total=1.0, state="", numbers="", seconds=None)
            self._show_total()
            self._bars.start()
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stopped.set()
        self._thread.join()
        if self._is_live:
            self._bars.stop()

    def finished(self, result: dict) -> None:
        """Report a finished network; `result` is what `train_member` returned."""
        key = key_of(result)
        with self._lock:
            self._finished.add(key)
            last = self._running.pop(key, None)
            if last is not None and last.total_seconds:
                self._took[key] = last.total_seconds
            if key in self._tasks:
                self._bars.remove_task(self._tasks.pop(key))
            self._console.print(
                f"{self._members[key].name}: {counted(result['epochs'], 'epoch')}, "
                f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.2%}, "
                f"{result['seconds']:.1f} s",
                soft_wrap=True,
            )
            if self._is_live:
                self._show_total()

    def _watch(self):
        while not self._stopped.wait(SECONDS_BETWEEN_LOOKS):
            with self._lock:
                self._look()

    def _look(self):
        for key, member in self._members.items():
            status = None if key in self._finished else read_status(member.folder)
            if status is not None:
                self._running[key] = status
                if self._is_live:
                    self._show(key, status)
        self._most_at_once = max(self._most_at_once, len(self._running))
        if self._is_live:
            self._show_total()
        measured = max((status.seconds for status in self._running.values()), default=0)
        if self._estimate is None and measured >= SECONDS_MEASURED:
            self._say_estimate()

    def _say_estimate(self):
        self._estimate = self._seconds_left()
        missing, jobs = len(self._members) - len(self._finished), len(self._running)
        at_once = f", {jobs} at a time" if 1 < jobs < missing else ""
        networks = counted(missing, "network")
        self._console.print(
            f"{networks} to train{at_once}: about {_in_words(self._estimate)}.", soft_wrap=True
        )

    def _show(self, key, status):
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(
                self._members[key].name, total=1.0, state="", numbers="", seconds=None
            )
        state = f"epoch {status.epoch}/{status.n_epochs}"
        numbers = [
            f"{name} {value:.2g}" if name == "rate" else f"{name} {value:.4f}"
            for name, value in (("loss", status.loss), ("rate", status.learning_rate))
            if value is not None and not status.is_predicting
        ]
        self._bars.update(
            self._tasks[key],
            completed=status.done / status.total,
            state="predicting" if status.is_predicting else state,
            numbers=" ".join(numbers),
        )

    def _show_total(self):
        done = len(self._finished)
        seconds = self._network_seconds()
        left = sum(self._left(key, seconds) for key in self._missing())
        total = left + sum(self._of(key, seconds) for key in self._finished)
        total += sum(self._of(key, seconds) - self._left(key, seconds) for key in self._running)
        self._bars.update(
            self._total,
            completed=1 - left / total if total else done / max(len(self._members), 1),
            state=f"{done} of {len(self._members)}",
            seconds=self._seconds_left(),
        )

    def _missing(self):
        return [key for key in self._members if key not in self._finished]

    def _network_seconds(self):
        """Seconds a network takes, of each that is or was in training while we looked."""
        running = {key: status.total_seconds for key, status in self._running.items()}
        return self._took | {key: value for key, value in running.items() if value}

    def _of(self, key, seconds):
        """Seconds that a network takes or will take: as long as others of its architecture."""
        if key in seconds:
            return seconds[key]
        alike = [value for other, value in seconds.items() if other[1:] == key[1:]]
        known = alike or list(seconds.values())
        return sum(known) / len(known) if known else 0.0

    def _left(self, key, seconds):
        status = self._running.get(key)
        return self._of(key, seconds) * (1 - status.done / status.total if status else 1)

    def _seconds_left(self):
        """Seconds to the end if the processes take one network after the other; None if unknown."""
        seconds = self._network_seconds()
        if not seconds:
            return None
        ends = [self._left(key, seconds) for key in self._running]
        # Who is between two networks tells nothing yet.
        ends += [0.0] * (self._most_at_once - len(ends))
        heapq.heapify(ends)
        for key in self._missing():
            if key not in self._running:
                heapq.heapreplace(ends, ends[0] + self._left(key, seconds))
        return max(ends)


class _Clock(ProgressColumn):
    """Time since the line began and, of the whole run, the time that is left."""

    def render(self, task):
        text = _clock(task.elapsed or 0)
        seconds = task.fields["seconds"]
        return text if seconds is None else f"{text}, {_clock(seconds)} left"


def _bars(console):
    """The columns of the lines; a narrow terminal does without bars and numbers."""
    narrow = console.width < NARROW
    name, state, percentage, numbers = (
        TextColumn(text, table_column=Column(no_wrap=True))
        for text in (
            "{task.description}",
            "{task.fields[state]}",
            "{task.percentage:>3.0f}%",
            "{task.fields[numbers]}",
        )
    )
    bar = BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4))
    clock = _Clock(table_column=Column(no_wrap=True))
    columns = [name, state, percentage, clock]
    if not narrow:
        columns = [name, state, bar, percentage, numbers, clock]
    return Bars(*columns, console=console, expand=not narrow, refresh_per_second=4)


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _in_words(seconds):
    minutes = round(seconds / 60)
    if minutes < 2:
        return counted(max(ceil(seconds), 1), "second")
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} minutes"
