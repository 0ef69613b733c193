"""Which files in a folder are the competition's, in the shapes that downloads have.

First the names themselves, plain or gzipped, or inside the competition's own archive; then the same
in another case or as a numbered copy (``train (1).csv``), each in a zip archive of its own
(``train.csv.zip``), one folder deeper, in an archive of another name, or in archives inside one.
"""

import re
from pathlib import Path, PurePosixPath

from digit_recognizer.errors import InputError, quoted
from digit_recognizer.files import explaining
from digit_recognizer.pipeline.data.data_file import DataFile, list_archive

# Folders and files that are there and are no data of the user's.
_OWN = re.compile(
    r"\..*|readme.*|__macosx|(sample|openml)(-[0-9a-f]{8})?|thumbs\.db|desktop\.ini", re.IGNORECASE
)
# What browsers and file managers add to the name of a second copy.
_COPY = re.compile(r"( - copy| copy)?( ?\(\d+\)|[ -]\d+)?(?=\.|$)", re.IGNORECASE)
_ADVICE = "put the competition's files there, or give their folder or zip archive with --data"


def find_file(folder, name, competition):
    """Find one of the competition's files.

    Parameters
    ----------
    folder : str or Path
        A folder, or a zip archive.
    name : str
        Such as ``train.csv``.
    competition : Competition

    Returns
    -------
    file : DataFile or None

    Raises
    ------
    InputError
        If an archive has to be looked into and is damaged, or has a member outside of its folder,
        or if there are two files of different contents that it could be.
    """
    folder = Path(folder)
    return _find_all(folder, competition).get(name) if folder.exists() else None


def require_file(folder, name, competition):
    """Find one of the competition's files as `find_file` does, or raise InputError."""
    folder = Path(folder)
    if not folder.exists():
        raise InputError(
            f"{folder} does not exist; give the folder that holds the competition's files."
        )
    if folder.is_file() and not _is_zip(folder.name):
        raise InputError(
            f"{folder} is a single file; give the folder that holds all of the competition's files."
        )
    file = find_file(folder, name, competition)
    if file is not None:
        return file
    entries = [folder] if folder.is_file() else _entries(folder)
    if len(entries) == 1 and _is_zip(entries[0].name):
        folder, there = entries[0], list_archive(DataFile(entries[0]))
    else:
        there = [path.name for path in entries]
    listed = ", ".join(map(quoted, sorted(there)[:5])) or "nothing"
    raise InputError(f"{folder} lacks {name} (it holds {listed}); {_ADVICE}.")


def holds_something(folder):
    """Tell whether a folder holds anything but empty folders and what this program puts there."""
    return Path(folder).is_dir() and any(
        path.is_file() or holds_something(path) for path in _entries(Path(folder))
    )


def _find_all(folder, competition):
    """The competition's files in a folder or a zip archive, by name."""
    names, needed = competition.files, {competition.train_file, competition.test_file}
    own = {} if folder.is_file() else _loose_files(folder, names, competition)
    if needed <= own.keys():
        return own
    problems = []
    groups = list(_groups(folder, names, competition, problems))
    whole = [(label, files) for label, files in groups if needed <= files.keys()]
    own_labels = (competition.name, _stem(competition.archive))
    best = [one for one in whole if any(_matches(one[0], label) for label in own_labels)] or whole
    # Where no place has all, each may have its part: train/train.csv and test/test.csv.
    parts = [own, *(files for _, files in best or groups)]
    is_whole = needed <= set().union(*parts)
    if problems and not is_whole:
        raise problems[0]
    found = {}
    for name, file in (item for files in parts for item in files.items()):
        known = found.setdefault(name, file)
        if is_whole:
            _check_same(name, known, file)
    return found


def _loose_files(folder, names, competition):
    """The files that lie in a folder itself, or in the competition's archive there, by name."""
    found = {}
    archive = DataFile(folder / competition.archive)
    for name in names:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                found.setdefault(name, DataFile(path))
    if len(found) < len(names) and archive.path.is_file():
        members = list_archive(archive)
        for name in names:
            if name in members:
                found.setdefault(name, DataFile(archive.path, (name,)))
    missing = [name for name in names if name not in found]
    for path in _entries(folder) if missing else ():
        for name in missing:
            file = path.is_file() and _as_file(DataFile(path), name)
            if file:
                _check_same(name, found.setdefault(name, file), file)
    return found


def _groups(folder, names, competition, problems):
    """Yield the name and the files (by name) of each folder and archive below a folder.

    Errors of archives that cannot be read are added to `problems`.
    """
    for path in [folder] if folder.is_file() else _entries(folder):
        if path.is_dir():
            yield path.name, _loose_files(path, names, competition)
        archives = _entries(path) if path.is_dir() else [path]
        for archive in archives:
            if archive.is_file() and _is_zip(archive.name):
                try:
                    yield from _groups_of_archive(DataFile(archive), names)
                except InputError as error:
                    problems.append(error)


def _groups_of_archive(archive, names):
    """Yield the name and the files of each folder of an archive and of the archives in it."""
    groups = {}
    for member in list_archive(archive):
        path = PurePosixPath(member)
        if member.endswith("/") or any(map(_OWN.fullmatch, path.parts)):
            continue
        file = DataFile(archive.path, (*archive.members, member))
        matches = {name: found for name in names if (found := _as_file(file, name))}
        label = path.parent.name or _stem(archive.member or archive.path.name)
        for name, found in matches.items():
            known = groups.setdefault(label, {}).setdefault(name, found)
            _check_same(name, known, found)
        if not matches and _is_zip(member) and len(file.members) < 2:
            yield from _groups_of_archive(file, names)
    yield from groups.items()


def _as_file(file, name):
    """The file if it is the one of that name, or the one that it is an archive of; else None."""
    own = PurePosixPath(file.member or file.path.name).name
    if _matches(own, name) or _matches(own.lower().removesuffix(".gz"), name):
        return file
    if _is_zip(own) and _matches(_stem(own), name):
        for member in list_archive(file):
            if _matches(PurePosixPath(member).name, name):
                return DataFile(file.path, (*file.members, member))
    return None


def _entries(folder):
    """What is in a folder and may be data, by name."""
    with explaining(folder, "read", "check its permissions"):
        return sorted(path for path in folder.iterdir() if not _OWN.fullmatch(path.name))


def _matches(there, name):
    """Tell whether a name is the one that is looked for, in any case or as a copy of it."""
    name = PurePosixPath(name).name.lower()
    return name in (there.lower(), _COPY.sub("", there).lower())


def _is_zip(name):
    return name.lower().endswith(".zip")


def _stem(name):
    return name[: -len(".zip")] if _is_zip(name) else name


def _check_same(name, one, other):
    if one != other and one.digest() != other.digest():
        raise InputError(
            f"{one} and {other} differ, and either could be {name}; remove one, or give the folder "
            f"or zip archive of the right one with --data."
        )
