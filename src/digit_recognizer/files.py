"""Writing files so that each is either whole or not there."""

import codecs
import errno
import hashlib
import io
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from digit_recognizer.errors import InputError

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
def replacing(path):
    """Open a file for writing that takes its place only once it is whole and on the disk.

    The bytes go to a temporary file in the same folder, which is made if need be. Whatever ends
    the block early, an interrupt included, leaves the old file and nothing else. Where the system
    allows it the folder is brought to the disk too, so that the file is still there after a power
    failure.

    Parameters
    ----------
    path : str or Path
        The file to make or to replace.

    Yields
    ------
    file : binary file

    Raises
    ------
    InputError
        If the file cannot be written: a full disk, a folder without permission and the like.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise explain_write(path, error) from error


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


def explain_write(path, error):
    """Make the InputError that says why `path` cannot be written; `error` is the OSError."""
    remedy = _REMEDIES.get(error.errno, "choose another folder")
    reason = error.strerror or str(error)
    return InputError(f"{path} cannot be written ({reason}); {remedy}.")


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
def explaining(path, what):
    """Turn an OSError into an InputError that names the path and what cannot be done with it."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno, "choose another folder")
        raise InputError(f"{path} cannot be {what} ({error.strerror}); {remedy}.") from error


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


def read_text(path, remedy="check its name and permissions"):
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
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "UTF-16" if is_utf_16 else "another encoding"
        raise InputError(f"{path} is in {encoding}; save it as UTF-8.") from error


def sha256(path):
    """Return the SHA-256 digest of a file, in hexadecimal.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); check its name and permissions."
        ) from error
