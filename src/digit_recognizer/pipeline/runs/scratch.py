"""Folders that last as long as the process that needs them; what a killed one left is removed."""

import atexit
import os
import shutil
import stat
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import explaining
from digit_recognizer.pipeline.runs.locks import holder, locked

SECONDS_FOR_HELPER = 1
SHARED_PREFIX = "digit-recognizer-shared-"
# A file system in memory, which joblib takes too where it has as much space.
SHARED_MEMORY, SHARED_MEMORY_BYTES = Path("/dev/shm"), 2_000_000_000


@contextmanager
def scratch_folder(prefix: str, base: Path):
    """Make a folder of its own in `base`, and remove it with all that is in it at the end.

    Its lock tells it from those of the same prefix whose process was killed: they are removed.

    Parameters
    ----------
    prefix : str
    base : Path

    Yields
    ------
    Path
    """
    for left in base.glob(f"{prefix}*"):
        # Somebody works in it, or it is another user's.
        with suppress(InputError, OutsideError, OSError):
            if _is_own_folder(left):
                _remove(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    try:
        with locked(folder):
            yield folder
    finally:
        # Windows removes no file that is locked.
        shutil.rmtree(folder, ignore_errors=True)


def _remove(folder):
    process = holder(folder)
    with locked(folder):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if process is not None and not Path(f"/proc/{process}").exists():
        _remove_semaphores(f"sem.loky-{process}-*")


def _remove_semaphores(pattern):
    """Remove joblib's semaphores of a process, unless its helper process lived on to do it."""
    if any(SHARED_MEMORY.glob(pattern)):
        # It complains of those that are gone.
        time.sleep(SECONDS_FOR_HELPER)
    for semaphore in SHARED_MEMORY.glob(pattern):
        semaphore.unlink(missing_ok=True)


def _is_own_folder(path):
    status = path.lstat()
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return is_own and stat.S_ISDIR(status.st_mode)


def shared_folder() -> Path:
    """This process's folder for what it shares with those it starts.

    It is in ``JOBLIB_TEMP_FOLDER`` if that is set, else in shared memory if that has the space,
    else among the temporary files.
    """
    return _shared_folder(os.environ.get("JOBLIB_TEMP_FOLDER") or _usual_base())


def _usual_base():
    with suppress(OSError):
        has_space = shutil.disk_usage(SHARED_MEMORY).free >= SHARED_MEMORY_BYTES
        if has_space and os.access(SHARED_MEMORY, os.W_OK):
            return str(SHARED_MEMORY)
    return tempfile.gettempdir()


@cache
def _shared_folder(base):
    stack = ExitStack()
    with explaining(base, "used to share data with other processes"):
        folder = stack.enter_context(scratch_folder(SHARED_PREFIX, Path(base)))
    atexit.register(stack.close)
    return folder
