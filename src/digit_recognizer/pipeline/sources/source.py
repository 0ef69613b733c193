"""Where the data comes from: the user's folder, a Kaggle notebook, Kaggle, OpenML or the sample."""

import hashlib
from dataclasses import replace
from pathlib import Path

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.archive import find_file, holds_something, require_file
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.data.dataset import has_test_labels
from digit_recognizer.pipeline.sources.download import download_data
from digit_recognizer.pipeline.sources.openml import write_openml
from digit_recognizer.pipeline.sources.sample import write_sample

DEFAULT_FOLDER = Path("data")

# Where a Kaggle notebook has the files of its competitions.
KAGGLE_INPUT = Path("/kaggle/input")

_NO_UPLOAD = "a submission for it cannot be uploaded to Kaggle"


def find_data(
    folder=None,
    source=None,
    competition=DIGIT_RECOGNIZER,
    kaggle_input=None,
    kaggle=None,
    force=False,
):
    """Find the competition's files, or bring or make them.

    Parameters
    ----------
    folder : str, Path or None
        The folder the user named, which must hold the files; None for ``data``, which may lack
        them: then a Kaggle notebook's input is looked for, then they are downloaded if there are
        credentials, and at last, for digit-recognizer, the sample is written.
    source : {"kaggle", "sample", "openml"} or None
        Where to take the images from instead: the competition on Kaggle, whose files are put into
        `folder` where they are not there yet; the sample or OpenML's MNIST, each written to a
        folder of that name inside `folder`, one for each layout of the files.
    competition : Competition
    kaggle_input : Path or None
        None for where a Kaggle notebook has it.
    kaggle : Kaggle or None
        The competition on Kaggle; without it nothing is downloaded from there.
    force : bool
        Download from Kaggle even if the files are there.

    Returns
    -------
    folder : Path
        It holds the training and the test file.
    message : str
        One line that says which source it is.

    Raises
    ------
    InputError
        If the folder the user named does not exist or lacks files, if ``data`` holds one of the
        two files alone, if an archive is damaged, if the sample cannot be written, or if another
        competition's files are nowhere.
    OutsideError
        If a download fails.
    """
    if force and source not in (None, "kaggle"):
        raise InputError("--force downloads from Kaggle; leave it out, or give --source kaggle.")
    if force or source == "kaggle":
        folder = Path(folder or DEFAULT_FOLDER)
        if not force and _is_complete(folder, competition):
            return _take(folder, competition)
        return _download(kaggle, folder, competition)
    if source is not None:
        return _make(Path(folder or DEFAULT_FOLDER), source, competition)
    there = find_folder(folder, competition, kaggle_input)
    if there is not None:
        return _take(there, competition)
    if kaggle is not None and kaggle.credentials is not None and not competition.is_data_set:
        return _download(kaggle, DEFAULT_FOLDER, competition)
    if competition.slug != DIGIT_RECOGNIZER.slug:
        # Western digits are no stand-in for other images.
        raise InputError(
            f"{DEFAULT_FOLDER} has no files of {competition.slug}; {_by_hand(competition)}, give "
            "their folder with --data, or try the recipe on scikit-learn's digits with --source "
            "sample."
        )
    return _make(DEFAULT_FOLDER, "sample", competition)


def find_folder(folder=None, competition=DIGIT_RECOGNIZER, kaggle_input=None):
    """Return the folder of the competition's files where they are already, or None.

    Parameters are those of `find_data`; the folder the user named is returned as it is.
    """
    if folder is not None:
        folder = Path(folder)
        is_one_of_them = folder.name in (competition.train_file, competition.test_file)
        return folder.parent if is_one_of_them and folder.is_file() else folder
    # A folder with half of the files, or with something else, is not one to pass over.
    given = Path(kaggle_input or KAGGLE_INPUT)
    places = (
        DEFAULT_FOLDER,
        given / competition.name,
        given / "competitions" / competition.name,
    )
    return next(filter(holds_something, places), None)


def _is_complete(folder, competition):
    names = (competition.train_file, competition.test_file)
    try:
        return all(find_file(folder, name, competition) for name in names)
    except InputError:  # a damaged archive, which the download stands in for
        return False


def _by_hand(competition):
    kind = "datasets" if competition.is_data_set else "competitions"
    return f"download them from https://www.kaggle.com/{kind}/{competition.slug} into it"


def _download(kaggle, folder, competition):
    if competition.is_data_set:
        raise InputError(
            f"{competition.slug} is a data set on Kaggle, not a competition, and {folder} has not "
            f"all of its files; {_by_hand(competition)}."
        )
    download_data(kaggle, folder, competition)
    return folder, f"Data: the competition's files in {folder}, downloaded from Kaggle."


def _take(folder, competition):
    file = require_file(folder, competition.train_file, competition)
    require_file(folder, competition.test_file, competition)
    place = file.path if file.members else file.path.parent
    if has_test_labels(folder, competition):
        return folder, f"Data: images with test labels in {place}; {_NO_UPLOAD}."
    return folder, f"Data: the competition's files in {place}."


def _layout(competition):
    """End of the name of a folder of files that have not the columns of Digit Recognizer's."""
    columns = replace(competition, slug="", classes=None)
    if columns == replace(DIGIT_RECOGNIZER, slug="", classes=None):
        return ""
    return f"-{hashlib.sha256(repr(columns).encode()).hexdigest()[:8]}"


def _make(folder, source, competition):
    if source == "sample":
        what, write = "the embedded sample", write_sample
    elif source == "openml":
        what, write = "OpenML's MNIST", write_openml
    else:
        raise InputError(f"--source {source!r} is not known; give kaggle, sample or openml.")
    folder = folder / f"{source}{_layout(competition)}"
    write(folder, competition)
    return folder, f"Data: {what} in {folder}; {_NO_UPLOAD}."
