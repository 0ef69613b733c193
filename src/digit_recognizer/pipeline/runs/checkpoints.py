"""Checkpoints: training states in files, the newest of which is whole whatever happens."""

import hashlib
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from digit_recognizer.errors import InputError
from digit_recognizer.estimator import TrainingState
from digit_recognizer.files import explaining, write_bytes

NAME = re.compile(r"epoch-(\d{4,})-([0-9a-f]{16})\.safetensors")
# What a writing that was killed leaves behind, see `files.replacing`.
TEMPORARY_NAME = re.compile(rf"\.{NAME.pattern}\.[0-9a-f]+\.tmp")


class CheckpointFile(NamedTuple):
    """A file of a folder of checkpoints, by what its name says."""

    epoch: int
    digest: str
    path: Path


class Checkpoints:
    """The training states of one training in a folder, at most two, in files named by content.

    ``epoch-0007-<first 16 hexadecimal digits of the content's SHA-256>.safetensors``: a file that
    is damaged in any way no longer fits its name. One process at a time uses the folder.

    Parameters
    ----------
    folder : str or Path
        Made by the first `save`.
    """

    def __init__(self, folder):
        self.folder = Path(folder)

    def save(self, state: TrainingState, epoch: int) -> None:
        """Write a state; once it is on the disk, remove all but it and the one before.

        Parameters
        ----------
        state : TrainingState
        epoch : int
            Epochs finished.

        Raises
        ------
        InputError
            If it cannot be written, or an older one cannot be removed. Then the older ones are
            still whole.
        """
        content = state.to_bytes()
        path = self.folder / f"epoch-{epoch:04d}-{_digest(content)}.safetensors"
        write_bytes(path, content)
        others = [file for file in self._files() if file.path != path]
        before = next((file for file in others if file.epoch < epoch), None)
        for file in others:
            if file is not before:
                _remove(file.path)

    def latest(self, report: Callable[[str], None]) -> TrainingState | None:
        """Read the state of the last epoch whose file is whole.

        Newer files that are damaged are removed.

        Parameters
        ----------
        report : callable
            Called with a sentence for each damaged file.

        Returns
        -------
        TrainingState or None
            None if there is none.

        Raises
        ------
        InputError
            If the folder cannot be read.
        """
        self._remove_temporary()
        damaged, state, instead = [], None, "the fold starts from the beginning"
        for file in self._files():
            state = _read(file)
            if state is not None:
                instead = f"the one of epoch {file.epoch} is used instead"
                break
            damaged.append(file.path)
        for path in damaged:
            report(f"{path} is damaged; {instead}.")
            # Where it cannot be removed it is found damaged again, and nothing worse.
            with suppress(InputError):
                _remove(path)
        return state

    def clear(self) -> None:
        """Remove all checkpoints.

        Raises
        ------
        InputError
            If one cannot be removed.
        """
        self._remove_temporary()
        for file in self._files():
            _remove(file.path)

    def _remove_temporary(self):
        for path in self._paths():
            if TEMPORARY_NAME.fullmatch(path.name):
                with suppress(InputError):
                    _remove(path)

    def _files(self):
        """The checkpoints, the newest first."""
        matches = ((NAME.fullmatch(path.name), path) for path in self._paths())
        files = [CheckpointFile(int(m[1]), m[2], path) for m, path in matches if m is not None]
        return sorted(files, reverse=True)

    def _paths(self):
        advice = "check its permissions, or choose another folder"
        with explaining(self.folder, "read", advice), suppress(FileNotFoundError):
            return list(self.folder.iterdir())
        return []


def _read(file):
    """The state in a checkpoint, or None if the file is damaged."""
    try:
        content = file.path.read_bytes()
        return TrainingState.from_bytes(content) if _digest(content) == file.digest else None
    except (OSError, ValueError):
        return None


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def _remove(path):
    with explaining(path, "removed", "check the permissions of its folder"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
