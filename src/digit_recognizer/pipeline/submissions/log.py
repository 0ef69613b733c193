"""The log of submissions: one row each, in ``submissions/log.csv``."""

import csv
import io
import tomllib
from contextlib import contextmanager, suppress
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from rich.console import Group
from rich.table import Table

from digit_recognizer.errors import InputError
from digit_recognizer.files import read_text, write_text
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.recipes.recipe import find_recipe
from digit_recognizer.pipeline.runs.locks import locked
from digit_recognizer.pipeline.runs.run_directory import RECIPE_FILE, RUNS_FOLDER

SUBMISSIONS_FOLDER = Path("submissions")
SUBMISSION_FILE = SUBMISSIONS_FOLDER / "submission.csv"
LOG_FILE = SUBMISSIONS_FOLDER / "log.csv"

COLUMNS = (
    "time",
    "run",
    "recipe",
    "cv_accuracy_mean",
    "cv_accuracy_std",
    "oof_accuracy",
    "sha256",
    "kaggle_reference",
    "status",
    "public_score",
    "private_score",
    "competition",
)

# A row's status; from its upload on, it is Kaggle's: pending, complete or error.
WRITTEN, SAMPLE, PENDING = "written", "sample", "pending"


def timestamp(for_file: bool = False) -> str:
    """The time now in UTC, to the second; without colons where it is part of a file's name."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ" if for_file else "%Y-%m-%dT%H:%M:%SZ")


def append_once(
    path: Path, run: str, recipe: str, metrics: dict, digest: str, status=WRITTEN, competition=""
):
    """Add a submission that was written and not yet uploaded, or a sample's, unless it is there.

    `competition` is the slug of what it is a submission to.

    Raises
    ------
    InputError
        If the log that is there is not one of ours.
    """
    row = {
        "time": timestamp(),
        "run": run,
        "recipe": recipe,
        "sha256": digest,
        "status": status,
        "competition": competition,
    }
    for name in ("cv_accuracy_mean", "cv_accuracy_std", "oof_accuracy"):
        row[name] = f"{metrics[name]:.6f}"
    with _changed(path) as rows:
        if not any(known["run"] == run and known["sha256"] == digest for known in rows):
            rows.append(row)


def read(path: Path) -> list[dict]:
    """Rows of the log, oldest first; none if there is no log yet.

    Raises
    ------
    InputError
        If the file cannot be read, or is not one of ours.
    """
    remedy = "correct it, or move the file away, and a new one is begun."
    if not path.exists():
        return []
    text = read_text(path, remedy.removesuffix("."))
    reader = csv.DictReader(io.StringIO(text))
    # The first logs did not name the competition.
    if tuple(reader.fieldnames or ()) not in (COLUMNS, COLUMNS[:-1]):
        raise InputError(
            f"{path}, line 1: the columns are not those of a log of submissions; {remedy}"
        )
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise InputError(
                f"{path}, line {reader.line_num}: the row does not have "
                f"{len(reader.fieldnames)} values; {remedy}"
            )
        rows.append(row | {"competition": row.get("competition") or _competition_of(row["run"])})
    return rows


def _competition_of(run):
    """Slug of the competition of a run, by the recipe it keeps."""
    try:
        recipe = tomllib.loads((RUNS_FOLDER / run / RECIPE_FILE).read_text(encoding="utf-8"))
        return recipe["competition"]["slug"]
    except (OSError, ValueError, KeyError, TypeError):
        return DIGIT_RECOGNIZER.slug


@contextmanager
def _changed(path):
    """The rows, to be changed and written while no other process does."""
    with locked(path.parent, wait=True):
        rows = read(path)
        before = deepcopy(rows)
        yield rows
        if rows != before:
            write(path, rows)


def write(path: Path, rows: list[dict]) -> None:
    """Replace the log."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def rewrite(path: Path) -> None:
    """Write the log as it is, which shows whether it can be written."""
    with locked(path.parent, wait=True):
        write(path, read(path))


def of_file(rows: list[dict], digest: str) -> dict | None:
    """The row of a file by its SHA-256: that of its upload if there is one, else the newest."""
    own = [row for row in rows if row["sha256"] == digest]
    uploaded = [row for row in own if row["kaggle_reference"]]
    return (uploaded or own or [None])[-1]


def set_uploaded(path: Path, row: dict, reference: int) -> None:
    """Note an upload: in the row's own place, or in a new row if that has an earlier upload."""
    with _changed(path) as rows:
        if row["kaggle_reference"] or row not in rows:
            row = row | {"time": timestamp(), "public_score": "", "private_score": ""}
            rows.append(row)
        else:
            row = rows[rows.index(row)]
        row.update(kaggle_reference=str(reference), status=PENDING)


def set_result(path: Path, reference, status: str, public_score: str, private_score: str) -> None:
    """Note what Kaggle says of an upload."""
    with _changed(path) as rows:
        for row in rows:
            if row["kaggle_reference"] == str(reference):
                row.update(status=status, public_score=public_score, private_score=private_score)


def overview(rows: list[dict], slug: str) -> str | Group:
    """The submissions to one competition as a table, and how to see those to others."""
    own = [row for row in rows if row["competition"] == slug]
    others = dict.fromkeys(row["competition"] for row in rows if row["competition"] != slug)
    if not rows:
        return "No submissions yet; make one with `digit-recognizer submit`."
    parts = [table_of_submissions(own) if own else f"No submissions to {slug} yet."]
    for other in others:
        there = [row for row in rows if row["competition"] == other]
        command = f"digit-recognizer log --recipe={quote(_recipe_of(there))}"
        parts.append(f"To {other}: {len(there)}, see `{command}`.")
    return Group(*parts)


def _recipe_of(rows):
    """What `--recipe` takes for the competition of the rows, the newest that is still there."""
    for row in reversed(rows):
        for name in (row["recipe"], (RUNS_FOLDER / row["run"] / RECIPE_FILE).as_posix()):
            with suppress(InputError):
                find_recipe(name)
                return name
    return "NAME"


def table_of_submissions(rows: list[dict]) -> Table:
    """The rows as a table for people, oldest first; ``*`` marks the best CV and the best LB.

    A sample's accuracy is none of the competition's.
    """
    own = [row for row in rows if row["status"] != SAMPLE]
    best_cv, best_public = _best(own or rows, "cv_accuracy_mean"), _best(own, "public_score")
    names = ("time", "run", "CV", "LB", "private", "status", "reference")
    table = Table(*names, box=None, pad_edge=False)
    for row in rows:
        cv, public = row["cv_accuracy_mean"], row["public_score"]
        table.add_row(
            row["time"],
            row["run"],
            cv and cv[:7] + "*" * (as_number(cv) == best_cv),
            public and public[:7] + "*" * (as_number(public) == best_public),
            row["private_score"][:7],
            row["status"],
            row["kaggle_reference"],
        )
    return table


def _best(rows: list[dict], column: str) -> float | None:
    """The highest number in a column; None if there is none."""
    numbers = [as_number(row[column]) for row in rows]
    return max((number for number in numbers if number is not None), default=None)


def as_number(text: str) -> float | None:
    """The number that a text spells, or None."""
    try:
        return float(text)
    except ValueError:
        return None
