"""Where in a folder the competition's files are: plain, gzipped, or inside Kaggle's archive."""

import gzip
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
    member : str or None
        Name inside the archive.
    """

    path: Path
    member: str | None = None

    def __str__(self):
        return str(self.path) if self.member is None else f"{self.member} in {self.path}"

    @property
    def plain_path(self):
        """The path, if the file lies on the disk as it is; else None."""
        return None if self.member is not None or self.path.suffix == ".gz" else self.path

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
        if self.member is not None:
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            try:
                return stack.enter_context(archive.open(self.member))
            except (RuntimeError, NotImplementedError) as error:
                # A password, or a compression that Python does not know.
                raise InputError(
                    f"{self} cannot be unpacked ({error}); unpack it yourself beside the archive."
                ) from error
        if self.path.suffix == ".gz":
            return stack.enter_context(gzip.open(self.path))
        return stack.enter_context(self.path.open("rb", buffering=0))


def find_file(folder, name, competition):
    """Find one of the competition's files in a folder.

    Parameters
    ----------
    folder : Path
    name : str
        Such as ``train.csv``.
    competition : Competition

    Returns
    -------
    file : DataFile or None
        The file itself, else ``<name>.gz``, else the member of ``<slug>.zip``; None if there is
        none of them.

    Raises
    ------
    InputError
        If the archive has to be looked into and is damaged, or has a member outside of the folder.
    """
    folder = Path(folder)
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return DataFile(path)
    path = _archive_path(folder, competition)
    if path.is_file() and name in _members(path):
        return DataFile(path, name)
    return None


def require_file(folder, name, competition):
    """Find one of the competition's files as `find_file` does, or raise InputError."""
    folder = Path(folder)
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise InputError(f"{folder} {what}; give the folder that holds the competition's files.")
    file = find_file(folder, name, competition)
    if file is not None:
        return file
    archive = _archive_path(folder, competition)
    if archive.is_file():
        members = ", ".join(map(quoted, sorted(_members(archive))[:5])) or "nothing"
        raise InputError(f"{archive} lacks {name} (it holds {members}); download it again.")
    raise InputError(
        f"{folder} has neither {name} nor {name}.gz nor {archive.name}; "
        f"put the competition's files there or give their folder."
    )


def holds_traces(folder, competition):
    """Tell whether a folder holds the training file, the test file or the archive, whole or not."""
    folder = Path(folder)
    names = (competition.train_file, competition.test_file)
    paths = [folder / name for name in names] + [folder / f"{name}.gz" for name in names]
    return any(path.is_file() for path in (*paths, _archive_path(folder, competition)))


def _archive_path(folder, competition):
    return folder / f"{competition.slug}.zip"


def _members(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(
            f"{path} is not a whole zip archive ({error}); download it again or remove it."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    for name in names:
        if leaves_folder(name):
            raise InputError(
                f"{path} has a member {quoted(name)} outside of the archive's own folder; "
                f"remove the archive and download it from the competition."
            )
    return frozenset(names)


def leaves_folder(name):
    """Tell whether an archive's member would be unpacked outside of the archive's own folder."""
    windows = PureWindowsPath(name)
    return PurePosixPath(name).is_absolute() or bool(windows.anchor) or ".." in windows.parts
