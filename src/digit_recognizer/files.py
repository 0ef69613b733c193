"""Writing files so that each is either whole or not there."""

import codecs
import errno
import glob
import hashlib
import io
import os
import secrets
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from digit_recognizer.errors import InputError

try:
    import fcntl
except ImportError:
    # Windows.
    fcntl = None

# What helps where a file cannot be read.
READABLE = "check its name and permissions"
# Name of a temporary file, from the name of the file to replace and a random part.
TEMPORARY = ".{}.{}.tmp"
_REMEDIES = {
    errno.ENOSPC: "free some space or choose another folder",
    errno.EDQUOT: "free some space or choose another folder",
    errno.EFBIG: "raise the limit on the size of files or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.EACCES: "choose a folder that can be written to, or change its permissions",
    errno.EPERM: "choose a folder that can be written to, or change its permissions",
    errno.ENOTDIR: "remove the file that stands where a folder should be, or choose another folder",
    errno.EEXIST: "remove the file that stands where a folder should be, or choose another folder",
    errno.EISDIR: "remove the folder of that name or choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@contextmanager
def replacing_file(path, flush=True):
    """Open a file for writing that takes its place only once it is whole and on the disk.

    The bytes go to a temporary file in the same folder, which is made if need be. Whatever ends
    the block early, an interrupt included, leaves the old file and nothing else; a process that is
    killed leaves the temporary one too, see `remove_leftovers`. Where the system allows it the
    folder is brought to the disk, so that the file is still there after a power failure. A link
    stays one: the file that it leads to is replaced.

    Parameters
    ----------
    path : str or Path
        The file to make or to replace.
    flush : bool, default=True
        False does not wait for the disk. Then the file is whole whatever happens to the process,
        but after a power failure some file systems have a damaged one.

    Yields
    ------
    file : binary file

    Raises
    ------
    OSError
        If the file cannot be written: a full disk, a folder without permission and the like.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary, file = _open_temporary(target)
    try:
        with file:
            yield file
            file.flush()
            if flush:
                os.fsync(file.fileno())
            else:
                # A file system of a network may say only at a close that it is full.
                os.close(os.dup(file.fileno()))
            if fcntl is None:
                # Windows renames no open file.
                file.close()
            temporary.replace(target)
        if flush:
            _sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _open_temporary(target):
    """A new file beside `target`, locked for as long as its writer lives and has it open."""
    while True:
        temporary = target.with_name(TEMPORARY.format(target.name, secrets.token_hex(4)))
        file = temporary.open("xb")
        if fcntl is None:
            return temporary, file
        with suppress(OSError):
            # Some file systems know no locks.
            fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, file
        # `remove_leftovers` came between.
        file.close()


def check_replaceable(path):
    """Find out whether `replacing_file` can begin; raises the OSError that it would."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary, file = _open_temporary(target)
    file.close()
    # Without its lock `remove_leftovers` of another process may be the first.
    temporary.unlink(missing_ok=True)


@contextmanager
def replacing(path):
    """`replacing_file` for commands: what cannot be written is an InputError."""
    with explaining(path, "written"), replacing_file(path) as file:
        yield file


def leftovers(path):
    """The temporary files of `path`: of writers that were killed, and of those at work."""
    target = Path(os.path.realpath(path))
    return target.parent.glob(TEMPORARY.format(glob.escape(target.name), "?" * 8))


def remove_leftovers(paths):
    """Remove those of the temporary files whose writers were killed.

    Where the system knows no locks, or one cannot be removed, it stays.
    """
    for path in paths if fcntl is not None else ():
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _sync_folder(path):
    """Bring what was renamed in a folder to the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        # Windows opens no folders, nor does any system one that may be written but not read.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems of networks know no fsync of folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def explain_write(path, error, what="written", advice=None):
    """Make the InputError that says why `path` cannot be written; `error` is the OSError."""
    reason = error.strerror or str(error)
    return InputError(f"{path} cannot be {what} ({reason}); {advice or remedy(error)}.")


def remedy(error):
    """What helps against the OSError of a file that cannot be written."""
    return _REMEDIES.get(error.errno, "choose another folder")


def make_folder(path):
    """Make a folder and those above it, if they are not there.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    with explaining(path, "made"):
        Path(path).mkdir(parents=True, exist_ok=True)


@contextmanager
def explaining(path, what, advice=None):
    """Turn an OSError into an InputError that names the path and what cannot be done with it.

    `advice` says what helps, where the error itself does not.
    """
    try:
        yield
    except OSError as error:
        raise explain_write(path, error, what, advice) from error


@contextmanager
def explaining_path(path, advice=None):
    """Put the path and what helps into the message of an OSError, for callers of the library."""
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error}; {advice or remedy(error)}"
        raise OSError(error.errno, reason, str(path)) from error


def write_bytes(path, content):
    """Write `content` (bytes) to `path` as a whole, see `replacing`."""
    with replacing(path) as file:
        file.write(content)


def write_text(path, text):
    """Write `text` to `path` in UTF-8 with its line ends as they are, see `replacing`."""
    write_bytes(path, text.encode())


def write_array(path, array):
    """Write a NumPy array (without objects) to `path` in the ``.npy`` format, see `replacing`."""
    # numpy.save to a real file hides why it failed (its OSError has no errno).
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getbuffer())


def read_text(path, remedy=READABLE):
    """Return the text of a file in UTF-8; a byte order mark before it is no part of it.

    Parameters
    ----------
    path : str or Path
    remedy : str
        What to do about a file that cannot be read.

    Raises
    ------
    InputError
        If it cannot be read or is in another encoding.
    """
    content = read_bytes(path, remedy)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "UTF-16" if is_utf_16 else "another encoding"
        raise InputError(f"{path} is in {encoding}; save it as UTF-8.") from error


def read_bytes(path, remedy=READABLE):
    """Return the content of a file; raises as `read_text`."""
    with explaining(path, "read", remedy):
        return Path(path).read_bytes()


def sha256(path):
    """Return the SHA-256 digest of a file, in hexadecimal.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    with explaining(path, "read", READABLE), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_name(text: str) -> str:
    """Return a name from the command line as text that any file may hold and any name may have.

    Its bytes that are no text, such as those of a name in another encoding, become ``_xff``.
    """
    content = os.fsencode(text)
    name = content.decode(sys.getfilesystemencoding(), "backslashreplace")
    return text if name == text else name.replace("\\", "_")
