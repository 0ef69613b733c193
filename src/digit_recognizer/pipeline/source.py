"""Where the data comes from: the user's folder, a Kaggle notebook, OpenML or the sample."""

from pathlib import Path

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.archive import find_file, holds_traces, require_file
from digit_recognizer.pipeline.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.openml import write_openml
from digit_recognizer.pipeline.sample import write_sample

DEFAULT_FOLDER = Path("data")

# Where a Kaggle notebook has the files of its competitions.
KAGGLE_INPUT = Path("/kaggle/input")

_NO_UPLOAD = "a submission for it cannot be uploaded to Kaggle"


def find_data(folder=None, source=None, competition=DIGIT_RECOGNIZER, kaggle_input=KAGGLE_INPUT):
    """Find the competition's files, or make them from a source of free images.

    Parameters
    ----------
    folder : str, Path or None
        The folder the user named, which must hold the files; None for ``data``, which may lack
        them: then a Kaggle notebook's input is looked for, and at last the sample is written.
    source : {"sample", "openml"} or None
        Where to take the images from instead: the sample or OpenML's MNIST, each written to a
        folder of that name inside `folder`.
    competition : Competition
    kaggle_input : Path

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
        two files alone, if an archive is damaged, or if the sample cannot be written.
    OutsideError
        If a download fails.
    """
    if source is not None:
        return _make(Path(folder or DEFAULT_FOLDER), source, competition)
    if folder is not None:
        return _take(Path(folder), competition)
    for place in _usual_places(competition, Path(kaggle_input)):
        # A folder with half of the files is one to complete, not one to pass over.
        if holds_traces(place, competition):
            return _take(place, competition)
    return _make(DEFAULT_FOLDER, "sample", competition)


def _usual_places(competition, kaggle_input):
    yield DEFAULT_FOLDER
    yield kaggle_input / competition.slug
    yield kaggle_input / "competitions" / competition.slug


def _take(folder, competition):
    for name in (competition.train_file, competition.test_file):
        require_file(folder, name, competition)
    if find_file(folder, competition.test_labels_file, competition):
        return folder, f"Data: a sample with test labels in {folder}; {_NO_UPLOAD}."
    return folder, f"Data: the competition's files in {folder}."


def _make(folder, source, competition):
    if source == "sample":
        what, write = "the embedded sample", write_sample
    elif source == "openml":
        what, write = "OpenML's MNIST", write_openml
    else:
        raise InputError(f"--source {source!r} is not known; give sample or openml.")
    folder = folder / source
    write(folder, competition)
    return folder, f"Data: {what} in {folder}; {_NO_UPLOAD}."
