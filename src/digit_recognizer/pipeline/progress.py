"""What a run shows while it trains."""

import sys
import threading
from pathlib import Path

from tqdm import tqdm

from digit_recognizer.pipeline.folds import HISTORY_FILE, Fold, read_history

SECONDS_BETWEEN_LOOKS = 0.2


class Progress:
    """A live bar on a terminal, a line for each finished fold elsewhere.

    The folds tell their epochs through the history files in the run directory, which works
    alike for processes of this machine and of others.

    Parameters
    ----------
    run_folder : Path
    folds : list of Fold
    n_epochs : int
        Most epochs of a fold.
    stream : text file, default=sys.stderr
    """

    def __init__(self, run_folder: Path, folds: list[Fold], n_epochs: int, stream=None):
        self.run_folder = run_folder
        self.folds = folds
        self.n_epochs = n_epochs
        self.stream = stream or sys.stderr
        self._seen = {fold.number: 0 for fold in folds}
        self._stopped = threading.Event()
        self._bar = self._thread = None

    def __enter__(self):
        if self.stream.isatty():
            self._bar = tqdm(
                total=len(self.folds) * self.n_epochs,
                unit="epoch",
                file=self.stream,
                dynamic_ncols=True,
                bar_format="{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stopped.set()
        if self._bar is not None:
            self._thread.join()
            self._look()
            self._bar.close()

    def finished(self, result: dict) -> None:
        """Report a finished fold; `result` is what `train_fold` returned."""
        if self._bar is None:
            print(
                f"fold {result['fold']}/{len(self.folds)}: {result['epochs']} epochs, "
                f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.2%}, "
                f"{result['seconds']:.1f} s",
                file=self.stream,
                flush=True,
            )
        else:
            # A fold that stopped early has had all the epochs it will have.
            last = {"epoch": result["epochs"], **result}
            self._show(result["fold"], last, n_epochs=self.n_epochs)

    def _watch(self):
        while not self._stopped.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self):
        for fold in self.folds:
            history = read_history(self.run_folder / fold.name / HISTORY_FILE)
            if len(history) > self._seen[fold.number]:
                self._show(fold.number, history[-1], n_epochs=len(history))

    def _show(self, number, last, n_epochs):
        """Show a fold's last epoch, after `n_epochs` of it."""
        self._bar.set_description_str(f"fold {number} epoch {last['epoch']} ", refresh=False)
        self._bar.set_postfix_str(
            f"loss {float(last['loss']):.4f}, accuracy {float(last['accuracy']):.2%}"
        )
        self._bar.update(max(n_epochs - self._seen[number], 0))
        self._seen[number] = max(n_epochs, self._seen[number])
