"""A file of data in whatever form it lies on the disk: plain, gzipped, or inside zip archives."""

import gzip
import hashlib
import io
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from digit_recognizer.errors import InputError, quoted

_BUFFER_SIZE = 1 << 18


@dataclass(frozen=True)
class DataFile:
    """One of the competition's files, in whatever form it lies on the disk.

    Parameters
    ----------
    path : Path
        The file on the disk: a CSV file, the same gzipped (``.gz``), or a zip archive.
    members : tuple of str
        Its name inside the archive; or that of an archive inside, and its name inside that.
    """

    path: Path
    members: tuple[str, ...] = ()

    def __str__(self):
        return " in ".join([*reversed(self.members), str(self.path)])

    @property
    def member(self):
        """Name inside the innermost archive; None if the file is in none."""
        return self.members[-1] if self.members else None

    @property
    def plain_path(self):
        """The path, if the file lies on the disk as it is; else None."""
        return None if self.members or self._is_gzipped else self.path

    @property
    def _is_gzipped(self):
        return (self.member or self.path.name).lower().endswith(".gz")

    @contextmanager
    def open(self):
        """Yield the contents, decompressed, as a buffered binary file.

        Raises
        ------
        InputError
            If the file cannot be read or is damaged, also when that shows only later in the block.
        """
        try:
            with ExitStack() as stack:
                yield stack.enter_context(io.BufferedReader(self._raw(stack), _BUFFER_SIZE))
        except (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError) as error:
            raise InputError(f"{self} is damaged ({error}); download it again.") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(
                f"{self} cannot be read ({reason}); check the file and its permissions."
            ) from error

    def _raw(self, stack):
        content = stack.enter_context(self.path.open("rb", -1 if self.members else 0))
        for member in self.members:
            archive = stack.enter_context(zipfile.ZipFile(content))
            try:
                content = stack.enter_context(archive.open(member))
            except (RuntimeError, NotImplementedError) as error:
                # A password, or a compression that Python does not know.
                raise InputError(
                    f"{self} cannot be unpacked ({error}); unpack it yourself beside the archive."
                ) from error
        return stack.enter_context(gzip.open(content)) if self._is_gzipped else content

    def digest(self) -> bytes:
        """SHA-256 of the contents."""
        with self.open() as content:
            return hashlib.file_digest(content, "sha256").digest()


def list_archive(file: DataFile) -> list[str]:
    """Names of what a zip archive holds.

    Raises
    ------
    InputError
        If it is no zip archive, or cannot be read, or has a member outside of its own folder.
    """
    with file.open() as content:
        try:
            with zipfile.ZipFile(content) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise InputError(
                f"{file} is not a whole zip archive ({error}); download it again or remove it."
            ) from error
    for name in names:
        if leaves_folder(name):
            raise InputError(
                f"{file} has a member {quoted(name)} outside of the archive's own folder; "
                f"remove the archive and download it from the competition."
            )
    return names


def leaves_folder(name):
    """Tell whether an archive's member would be unpacked outside of the archive's own folder."""
    windows = PureWindowsPath(name)
    return PurePosixPath(name).is_absolute() or bool(windows.anchor) or ".." in windows.parts
