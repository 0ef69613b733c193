"""A place where a run is made: its folder, its command line, what it leaves."""

import csv
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import digit_recognizer

SOURCE = Path(digit_recognizer.__file__).parents[1]
# A run of two folds.
SAMPLE_RECIPE, N_EPOCHS = Path(__file__).with_name("sample.toml"), 24
RESULTS = ("submission.csv", "oof.csv")
CHECKPOINT = re.compile(r"epoch-(\d+)-[0-9a-f]{16}\.safetensors")
SECONDS_BETWEEN_LOOKS = 0.005
SECONDS_TO_WAIT = 1800


@dataclass(frozen=True)
class Ending:
    """How a process ended: its status, and the lines it said on standard error."""

    status: int
    lines: list[str]


@dataclass
class Workplace:
    """A folder in which one recipe is trained, again and again.

    Parameters
    ----------
    folder : Path
        Where the processes start; what holds ``runs/`` and ``submissions/``.
    recipe : Path
    data : Path, optional
        The folder of the competition's files; without it the embedded sample.
    prefix : list of str
        Commands that the submit is the argument of.
    seen_at : Path, optional
        Where this process sees the folder, if elsewhere.
    """

    folder: Path
    recipe: Path
    data: Path | None = None
    prefix: list[str] = field(default_factory=list)
    seen_at: Path | None = None

    def arguments(self, *options) -> list[str]:
        """Of the command line."""
        data = ["--source", "sample"] if self.data is None else ["--data", str(self.data)]
        return ["submit", *data, "--recipe", str(self.recipe), *options]

    def start(self, *options, file_size=None, **environment) -> subprocess.Popen:
        """Start a submit in a process group of its own.

        Parameters
        ----------
        *options : str
            Of the command line.
        file_size : int, optional
            The most bytes that a file may have.
        **environment : str
            Variables.
        """
        command = [sys.executable, "-m", "digit_recognizer", *self.arguments(*options)]

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

        return subprocess.Popen(
            [*self.prefix, *command],
            cwd=None if self.prefix else self.folder,
            env=os.environ | {"PYTHONPATH": str(SOURCE)} | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            preexec_fn=None if file_size is None else limit,
        )

    def submit(self, *options, **how) -> Ending:
        """Start a submit and wait for its end."""
        return ending(self.start(*options, **how))

    @property
    def run(self) -> Path:
        """The only run's directory."""
        (path,) = ((self.seen_at or self.folder) / "runs").iterdir()
        return path

    def has_run(self) -> bool:
        """Whether a run was begun."""
        return any((self.seen_at or self.folder).glob("runs/*/run.json"))

    def results(self) -> dict[str, bytes]:
        """The files that must be the same, whatever happened."""
        return {name: (self.run / name).read_bytes() for name in RESULTS}

    def epochs(self) -> dict[str, list[tuple]]:
        """By fold, the rows of the history that a checkpoint or a result vouches for.

        The time that an epoch took, to the nanosecond, tells it from the same epoch trained again.
        """
        rows = {}
        for folder in sorted(self.run.glob("fold-*")):
            numbers = (CHECKPOINT.fullmatch(path.name) for path in folder.iterdir())
            last = max((int(match[1]) for match in numbers if match), default=0)
            there = read_rows(folder / "history.csv")
            rows[folder.name] = there if (folder / "result.json").exists() else there[:last]
        return rows

    def wait_for(self, n_epochs: int, process: subprocess.Popen) -> None:
        """Wait until that many epochs are in the histories, or the process ends."""
        deadline = time.monotonic() + SECONDS_TO_WAIT
        while process.poll() is None and self._n_epochs() < n_epochs:
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError(f"{n_epochs} epochs are not done in {SECONDS_TO_WAIT} s")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def _n_epochs(self):
        files = (self.seen_at or self.folder).glob("runs/*/fold-*/history.csv")
        return sum(len(read_rows(file)) for file in files)

    def workers(self) -> list[int]:
        """Numbers of the processes that hold the folds' locks, or did when they ended."""
        texts = []
        for lock in sorted(self.run.glob("fold-*/.lock-holder")):
            with suppress(FileNotFoundError):
                texts.append(lock.read_text())
        return [int(text) for text in texts if text]

    def leftovers(self) -> list[str]:
        """Files of cut-off writings, and checkpoints of finished folds."""
        folder = self.seen_at or self.folder
        return [path.name for path in (*folder.rglob("*.tmp"), *self.run.rglob("epoch-*"))]

    def copy(self, folder: Path) -> "Workplace":
        """The same with all its files in another folder."""
        shutil.copytree(self.folder, folder)
        return Workplace(folder, self.recipe, self.data)


def read_rows(path: Path) -> list[tuple]:
    """The rows of a CSV file, but its header; none if it is not there."""
    try:
        return [tuple(row) for row in csv.reader(path.read_text().splitlines()[1:])]
    except FileNotFoundError:
        return []


def ending(process: subprocess.Popen) -> Ending:
    """Wait for a process's end."""
    try:
        _, errors = process.communicate(timeout=SECONDS_TO_WAIT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ending(process.returncode, errors.splitlines())


def is_running(pid: int) -> bool:
    """Whether there is a process of that number that has not ended."""
    return _status(pid)[0] not in "ZX"


def parent(pid: int) -> int | None:
    """Number of the process that a process was started by; None if it has ended."""
    state, number = _status(pid)
    return None if state in "ZX" else int(number)


def _status(pid):
    """Letter of a process's state, and number of its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
