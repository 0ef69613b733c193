"""The report of a run: one HTML file, with nothing to load."""

import base64
import hashlib
import json
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from digit_recognizer.errors import InputError
from digit_recognizer.files import write_text
from digit_recognizer.pipeline.data.dataset import Data
from digit_recognizer.report.parts.run_files import Missing, RunFiles
from digit_recognizer.report.parts.sprites import Sheet
from digit_recognizer.report.sections import (
    against,
    augmented,
    calibration,
    confusion,
    curves,
    hardest,
    inside,
    result,
    submissions,
    uncertain,
    votes,
)

REPORT_FILE = "report.html"
# What the page shows one after the other: its template and anchor, its heading, what makes it.
SECTIONS = (
    ("result", "Result", result.section),
    ("curves", "Learning curves", curves.section),
    ("confusion", "Confusion matrix", confusion.section),
    ("calibration", "Calibration", calibration.section),
    ("hardest", "The hardest training images", hardest.section),
    ("uncertain", "The least certain test images", uncertain.section),
    ("votes", "Who was outvoted", votes.section),
    ("inside", "Inside a network", inside.section),
    ("augmented", "Augmentation", augmented.section),
    ("submissions", "Submissions", submissions.section),
)


class Section(NamedTuple):
    """A section as the page shows it: its anchor and heading, and what its template takes.

    `missing` is a sentence that stands in its place.
    """

    anchor: str
    title: str
    content: dict
    missing: str | None


class Pictures:
    """The sheets of images of a page.

    Attributes
    ----------
    train, test : Sheet
        Of the rows of the run's out-of-fold predictions, and of the test images.
    note : str or None
        Why there are none.
    """

    def __init__(self, run: RunFiles):
        self.sheets = []
        self.note, images = None, (None, None)
        try:
            images = run.images(run.X_train), run.images(run.data.X_test)
        except (Missing, InputError) as error:
            self.note = str(error)
        self.train, self.test = map(self.sheet, ("train", "test"), images)

    def sheet(self, name, images) -> Sheet:
        """A new sheet, see `Sheet`."""
        self.sheets.append(Sheet(name, images))
        return self.sheets[-1]


def write_report(run: Path, data: Data | None = None, against_run: Path | None = None) -> Path:
    """Write the report of a run, finished or not, into its directory.

    Parameters
    ----------
    run : Path
        Its directory.
    data : Data or None, default=None
        The data it was made with, where they are in memory; else they are read again.
    against_run : Path or None, default=None
        Another run, to compare it with.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If it cannot be written, or the two runs cannot be compared.
    """
    files = RunFiles(run, data)
    sections = list(SECTIONS)
    if against_run is not None:
        content = partial(against.section, other=against_run)
        sections.insert(1, ("against", f"Against {against_run.name}", content))
    path = run / REPORT_FILE
    write_text(path, render(files, sections))
    return path


def render(run: RunFiles, sections) -> str:
    """The page."""
    pictures = Pictures(run)
    made = [_made(run, pictures, *section) for section in sections]
    environment = Environment(
        loader=PackageLoader("digit_recognizer.report", "templates"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _source(environment, "report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        name=run.path.name,
        sections=made,
        sheets=pictures.sheets,
        style=Markup(_source(environment, "report.css")),
        script=Markup(script),
        script_hash=digest,
        as_json=_as_json,
    )


def _made(run, pictures, anchor, title, make):
    try:
        return Section(anchor, title, make(run, pictures), None)
    except (Missing, InputError) as error:
        if anchor == "against":
            raise
        return Section(anchor, title, {}, str(error))
    except (LookupError, TypeError, ValueError) as error:
        # Files of another version, or of no version at all.
        reason = f"{type(error).__name__}: {error}"
        sentence = f"The run's files do not fit ({reason}); another version may have made it."
        return Section(anchor, title, {}, sentence)


def _source(environment, name):
    return environment.loader.get_source(environment, name)[0]


def _as_json(value):
    """JSON that may stand in an element `script`."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))
