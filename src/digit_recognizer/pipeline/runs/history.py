"""The history of a network's training: one row an epoch, as CSV."""

import csv
import io
from pathlib import Path

from digit_recognizer.files import write_text

FILE = "history.csv"
COLUMNS = ("epoch", "loss", "accuracy", "learning_rate", "seconds")


def write_history(path: Path, history: list[dict]) -> None:
    """Write the epochs so far."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[dict]:
    """The epochs written so far, as text; none if the file is not there yet or is damaged."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return rows if all(map(_is_whole, rows)) else []


def _is_whole(row):
    """Whether a row has all columns, and numbers in them; L-BFGS has no accuracy of an epoch."""
    if set(row) != set(COLUMNS) or None in row.values():
        return False
    try:
        int(row["epoch"])
        for text in row.values():
            float(text or 0)
    except ValueError:
        return False
    return True
