"""Locks: one process at a time in a folder. The system frees the lock of a process that ends."""

import os
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import make_folder

with warnings.catch_warnings():
    # Where the system has no locks, filelock warns that it makes do with the file's existence.
    warnings.simplefilter("ignore")
    from filelock import FileLock, Timeout

# Of the lock, and of who holds it: on Windows nobody else may read a locked file.
FILES = FILE, HOLDER_FILE = ".lock", ".lock-holder"
# Another process may only be looking whether it is locked.
SECONDS_OF_A_LOOK = 0.2


@contextmanager
def locked(folder: Path, wait: bool = False):
    """Hold the folder's lock; the folder is made if need be.

    Parameters
    ----------
    folder : Path
    wait : bool, default=False
        Whether to wait for another process that holds it.

    Raises
    ------
    OutsideError
        If another process holds it, named by its number, and `wait` is false.
    InputError
        If the file system knows no locks.
    """
    lock = _lock(folder, -1 if wait else SECONDS_OF_A_LOOK)
    try:
        # For messages only: a full disk must not stop what needs no space.
        with suppress(OSError):
            (folder / HOLDER_FILE).write_text(str(os.getpid()))
        yield
        with suppress(OSError):
            (folder / HOLDER_FILE).unlink()
    finally:
        lock.release()


def _lock(folder, seconds):
    """The folder's lock, held."""
    while True:
        make_folder(folder)
        lock = FileLock(folder / FILE)
        try:
            lock.acquire(seconds)
            return lock
        except Timeout as error:
            raise OutsideError(
                f"{folder} is in use by process {holder(folder) or 'unknown'}; wait for its "
                "end, or stop it."
            ) from error
        except FileNotFoundError:
            # Who held it before removed the folder.
            continue
        except OSError as error:
            raise InputError(
                f"{folder / FILE} cannot be locked ({error.strerror}); choose a folder that can be "
                "written to, on a file system that knows locks."
            ) from error


def holder(folder: Path) -> int | None:
    """Number of the process that holds the folder's lock, or did when it was killed."""
    try:
        return int((folder / HOLDER_FILE).read_text())
    except (OSError, ValueError):
        return None


def is_locked(folder: Path) -> bool:
    """Whether a process holds the folder's lock."""
    if not (folder / FILE).exists():
        return False
    try:
        with FileLock(folder / FILE).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except OSError:
        # A file system that knows no locks, which `locked` tells of.
        return False
