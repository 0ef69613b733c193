"""Locks: one process at a time in a folder. The system frees the lock of a process that ends."""

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import explain_write, make_folder

FILE = ".lock"
LOOKS, SECONDS_BETWEEN_LOOKS = 4, 0.05


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
    descriptor = _lock(folder, wait)
    try:
        with suppress(OSError):
            # For messages only: a full disk must not stop what needs no space.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _lock(folder, wait):
    """Descriptor of the folder's lock file, locked."""
    path = folder / FILE
    while True:
        make_folder(folder)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise explain_write(path, error) from error
        try:
            _lock_file(descriptor, folder, wait)
            if _is_there(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Who held it before removed the folder.
        os.close(descriptor)


def _is_there(path, descriptor):
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _lock_file(descriptor, folder, wait):
    for is_last in (*[False] * LOOKS, True):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return
        except BlockingIOError as error:
            # Another process may only be looking whether it is locked.
            if is_last:
                raise OutsideError(
                    f"{folder} is in use by process {holder(folder) or 'unknown'}; wait for its "
                    "end, or stop it."
                ) from error
            sleep(SECONDS_BETWEEN_LOOKS)
        except OSError as error:
            raise InputError(
                f"{folder / FILE} cannot be locked ({error.strerror}); choose a folder on a file "
                "system that knows locks."
            ) from error


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
