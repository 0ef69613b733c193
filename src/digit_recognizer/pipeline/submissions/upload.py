"""A submission on its way to Kaggle: checked, uploaded once, its score awaited and logged."""

from dataclasses import dataclass
from pathlib import Path, PurePath

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.files import as_name, read_bytes
from digit_recognizer.pipeline.data.data_file import DataFile, list_archive
from digit_recognizer.pipeline.data.dataset import has_test_labels, read_expected
from digit_recognizer.pipeline.data.submission import read_submission
from digit_recognizer.pipeline.recipes.recipe import DEFAULT_RECIPE, load_recipe
from digit_recognizer.pipeline.runs.run_directory import RECIPE_FILE, RUNS_FOLDER, read_identity
from digit_recognizer.pipeline.submissions import log

_MAKE = "make it with `digit-recognizer submit` or name another with --file"
_SAMPLE = (
    "was made from sample data, not from the competition's; bring the competition's files with "
    "`digit-recognizer data --source kaggle` and run `digit-recognizer submit` again"
)


@dataclass(frozen=True)
class Candidate:
    """A checked file that may be uploaded.

    Parameters
    ----------
    path : Path
    content : bytes
    row : dict
        Its row of the log, or a new one if the log does not know the file.
    reference : int or None
        Of its upload that still waits for its score.
    """

    path: Path
    content: bytes
    row: dict
    reference: int | None = None

    @property
    def mark(self):
        """What tells this file's submission from others at Kaggle: a part of its SHA-256."""
        return f"[{self.row['sha256'][:12]}]"

    @property
    def title(self):
        """The description at Kaggle unless the user gives one."""
        run, accuracy = self.row["run"], self.row["cv_accuracy_mean"]
        return f"{run}, CV {accuracy}" if run else as_name(self.path.name)


def find_origin(path, log_path, recipe=None):
    """Find the recipe and the data of the run that made a file.

    Parameters
    ----------
    path : Path
    log_path : Path
    recipe : str, Path or None
        The recipe the user named.

    Returns
    -------
    recipe : Recipe
        That of the run, whose competition the file is for; the one the user named, or ``fast``, if
        the log does not know the file.
    data_folder : Path or None
        What the run was trained on, if that is there.

    Raises
    ------
    InputError
        If the file cannot be read, the recipe the user named is of another competition than the
        run, or the run is gone and there is no recipe of its name.
    """
    row = log.of_file(log.read(log_path), _submission_in(path).digest().hex())
    if row is None or not row["run"]:
        return load_recipe(recipe or DEFAULT_RECIPE), None
    run = RUNS_FOLDER / row["run"]
    known = run / RECIPE_FILE
    try:
        found = load_recipe(recipe or (known if known.is_file() else row["recipe"]))
    except InputError as error:
        if recipe:
            raise
        if known.is_file():
            raise InputError(
                f"{known} is damaged; submit with its recipe again, which mends the run, or give "
                "--recipe."
            ) from error
        raise InputError(
            f"Run {row['run']}, which made {path}, is gone; give its recipe with --recipe."
        ) from error
    if found.competition.slug != row["competition"]:
        remedy = "leave --recipe out" if recipe else "give its recipe with --recipe"
        raise InputError(
            f"{path} is of run {row['run']}, a submission to {row['competition']}, not to "
            f"{found.competition.slug}; {remedy}."
        )
    folder = read_identity(run).get("data_folder")
    return found, Path(folder) if folder and Path(folder).exists() else None


def _submission_in(path) -> DataFile:
    """The CSV file that is meant: the file, or what a zip archive holds, which Kaggle unpacks."""
    read_bytes(path, _MAKE)
    file = DataFile(path)
    if path.suffix.lower() != ".zip":
        return file
    # Folders, and what macOS adds, are no files of the user's.
    names = [name for name in list_archive(file) if PurePath(name).name[:1] not in (".", "")]
    names = [name for name in names if not name.endswith("/")]
    if len(names) != 1:
        raise InputError(
            f"{path} holds {len(names)} files; zip the submission alone, or name the CSV file."
        )
    return DataFile(path, (names[0],))


def check_candidate(path, data_folder, competition, log_path, force=False):
    """Check that a file is a submission Kaggle would take, and one it has not got yet.

    Parameters
    ----------
    path : Path
    data_folder : Path or None
        Holds the competition's files, which say what ids there must be.
    competition : Competition
    log_path : Path
    force : bool
        Whether a file that was uploaded before may be so again.

    Returns
    -------
    candidate : Candidate

    Raises
    ------
    InputError
        If the file is missing or wrong, made from sample data, or was uploaded before.
    """
    content, file = read_bytes(path, _MAKE), _submission_in(path)
    digest = file.digest().hex()
    row = log.of_file(log.read(log_path), digest)
    if row is not None and row["status"] == log.SAMPLE:
        raise InputError(f"{path} {_SAMPLE}.")
    if data_folder is None:
        raise InputError(
            f"{path} cannot be checked without the competition's files; bring them with "
            f"`digit-recognizer data --source kaggle` or give their folder with --data."
        )
    if has_test_labels(data_folder, competition):
        raise InputError(f"{path} {_SAMPLE} ({data_folder} has the labels of the test images).")
    ids, classes = read_expected(data_folder, competition)
    read_submission(file, competition, classes, ids)
    reference = None
    if row is not None and row["kaggle_reference"] and not force:
        if row["status"] == log.PENDING:
            reference = int(row["kaggle_reference"])
        else:
            raise InputError(
                f"{path} was uploaded before, as submission {row['kaggle_reference']} "
                f"({row['status']}); give --force to spend another submission on it."
            )
    new = dict.fromkeys(log.COLUMNS, "") | {
        "time": log.timestamp(),
        "sha256": digest,
        "status": log.WRITTEN,
        "competition": competition.slug,
    }
    return Candidate(path, content, row or new, reference)


def check_limits(limits):
    """Raise OutsideError if no submission is left; `limits` is what Kaggle says."""
    if limits.left <= 0:
        raise OutsideError(
            f"No submission is left for today ({limits.made_today} were made); upload it after "
            f"midnight UTC."
        )


def upload(kaggle, candidate, message, log_path, force=False):
    """Upload a file and note it in the log.

    A file that Kaggle has already, by an upload that waits for its score or whose answer was
    lost, is not uploaded again.

    Parameters
    ----------
    kaggle : Kaggle
    candidate : Candidate
    message : str or None
        The description at Kaggle; None for the candidate's own.
    log_path : Path
    force : bool

    Returns
    -------
    reference : int
    """
    if candidate.reference is not None:
        return candidate.reference
    # A log that cannot be written must show before the upload.
    log.rewrite(log_path)
    found = [] if force else kaggle.submissions()
    reference = next((one.reference for one in found if candidate.mark in one.description), None)
    if reference is None:
        description = f"{message or candidate.title} {candidate.mark}"
        reference = kaggle.upload(as_name(candidate.path.name), candidate.content, description)
    log.set_uploaded(log_path, candidate.row, reference)
    return reference


def wait_for_score(kaggle, reference, log_path, timeout):
    """Ask for a submission, less and less often, until Kaggle has scored it; note it in the log.

    Parameters
    ----------
    kaggle : Kaggle
    reference : int
    log_path : Path
    timeout : float
        Seconds after which to give up.

    Returns
    -------
    submission : Submission

    Raises
    ------
    OutsideError
        If it has no score by then, or Kaggle finds it wrong.
    """
    patience = kaggle.patience
    end = patience.clock() + timeout
    for pause in patience.pauses():
        submission = kaggle.submission(reference)
        if submission.status != log.PENDING:
            break
        left = end - patience.clock()
        if left <= 0:
            raise OutsideError(
                f"Kaggle has not scored submission {reference} after {timeout:g} seconds; "
                f"`digit-recognizer log --refresh` asks again."
            )
        patience.sleep(min(pause, left))
    _note(log_path, submission)
    if submission.status == "error":
        raise OutsideError(
            f"Kaggle could not score submission {reference} ({submission.error}); correct the "
            f"file and upload it again."
        )
    return submission


def refresh(kaggle, log_path):
    """Ask Kaggle for the submissions that had no score yet; returns how many have one now."""
    rows = [row for row in log.read(log_path) if row["competition"] == kaggle.slug]
    pending = [row for row in rows if row["status"] == log.PENDING]
    results = [kaggle.submission(int(row["kaggle_reference"])) for row in pending]
    for submission in results:
        _note(log_path, submission)
    return sum(submission.status == "complete" for submission in results)


def _note(log_path, submission):
    scores = submission.public_score, submission.private_score
    log.set_result(log_path, submission.reference, submission.status, *scores)
