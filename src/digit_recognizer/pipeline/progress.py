"""What a run shows while it trains."""

import sys
import threading

from tqdm import tqdm

from digit_recognizer.pipeline import history
from digit_recognizer.pipeline.members import Member

SECONDS_BETWEEN_LOOKS = 0.2


class Progress:
    """A live bar on a terminal, a line for each finished network elsewhere.

    The networks tell their epochs through the history files in the run directory, which works
    alike for processes of this machine and of others.

    Parameters
    ----------
    members : list of Member
        All networks of the run.
    finished : collection of (fold, network)
        Those that were trained before.
    stream : text file, default=sys.stderr
    """

    def __init__(self, members: list[Member], finished=(), stream=None):
        self.members = {(member.fold.number, member.number): member for member in members}
        self.stream = stream or sys.stderr
        self._seen = dict.fromkeys(self.members, 0)
        self._before = set(finished)
        self._stopped = threading.Event()
        self._bar = self._thread = None

    def __enter__(self):
        if self.stream.isatty():
            self._bar = tqdm(
                total=sum(member.estimator.max_iter for member in self.members.values()),
                unit="epoch",
                file=self.stream,
                dynamic_ncols=True,
                bar_format="{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )
            self._begin()
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def _begin(self):
        """Epochs of earlier starts count, but not for the speed."""
        for key, member in self.members.items():
            rows = history.read_history(member.folder / history.FILE)
            self._seen[key] = member.estimator.max_iter if key in self._before else len(rows)
        self._bar.initial = self._bar.n = sum(self._seen.values())

    def __exit__(self, *exception):
        self._stopped.set()
        if self._bar is not None:
            self._thread.join()
            self._look()
            self._bar.close()

    def finished(self, result: dict) -> None:
        """Report a finished network; `result` is what `train_member` returned."""
        key = result["fold"], result["network"]
        if self._bar is None:
            print(
                f"{self.members[key].name}: {result['epochs']} epochs, "
                f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.2%}, "
                f"{result['seconds']:.1f} s",
                file=self.stream,
                flush=True,
            )
        else:
            # A network that stopped early has had all the epochs it will have.
            last = {"epoch": result["epochs"], **result}
            self._show(key, last, n_epochs=self.members[key].estimator.max_iter)

    def _watch(self):
        while not self._stopped.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self):
        for key, member in self.members.items():
            rows = history.read_history(member.folder / history.FILE)
            if len(rows) > self._seen[key]:
                self._show(key, rows[-1], n_epochs=len(rows))

    def _show(self, key, last, n_epochs):
        """Show a network's last epoch, after `n_epochs` of it."""
        name = self.members[key].name
        self._bar.set_description_str(f"{name} epoch {last['epoch']} ", refresh=False)
        self._bar.set_postfix_str(
            f"loss {float(last['loss']):.4f}, accuracy {float(last['accuracy']):.2%}"
        )
        self._bar.update(max(n_epochs - self._seen[key], 0))
        self._seen[key] = max(n_epochs, self._seen[key])
