"""The log of submissions: one row each, in ``submissions/log.csv``."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from digit_recognizer.errors import InputError
from digit_recognizer.files import write_text

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
)


def timestamp(for_file: bool = False) -> str:
    """The time now in UTC, to the second; without colons where it is part of a file's name."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ" if for_file else "%Y-%m-%dT%H:%M:%SZ")


def append(path: Path, run: str, recipe: str, metrics: dict, digest: str) -> None:
    """Add a submission that was written and not yet uploaded.

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
        "status": "written",
    }
    for name in ("cv_accuracy_mean", "cv_accuracy_std", "oof_accuracy"):
        row[name] = f"{metrics[name]:.6f}"
    write(path, [*read(path), row])


def read(path: Path) -> list[dict]:
    """Rows of the log, oldest first; none if there is no log yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(
            f"{path}, line 1: the columns are not those of a log of submissions; "
            "move the file away, and a new one is begun."
        )
    return list(reader)


def write(path: Path, rows: list[dict]) -> None:
    """Replace the log."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
