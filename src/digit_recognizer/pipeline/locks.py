"""Locks: one process at a time in a folder. The system frees the lock of a process that ends."""

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import explain_write, make_folder

FILE = ".lock"


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
    make_folder(folder)
    path = folder / FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise explain_write(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise OutsideError(
                f"{folder} is in use by process {holder(folder) or 'unknown'}; wait for its end, "
                "or stop it."
            ) from error
        except OSError as error:
            raise InputError(
                f"{path} cannot be locked ({error.strerror}); choose a folder on a file system "
                "that knows locks."
            ) from error
        with suppress(OSError):
            # For messages only: a full disk must not stop what needs no space.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> int | None:
    """Number of the process that holds the folder's lock, or did when it was killed."""
    try:
        return int((folder / FILE).read_text())
    except (OSError, ValueError):
        return None


def is_locked(folder: Path) -> bool:
    """Whether a process holds the folder's lock."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # A file system that knows no locks, which `locked` tells of.
        return False
    finally:
        os.close(descriptor)
    return False
