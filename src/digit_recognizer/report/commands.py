"""The commands `report` and `demo`, and what other commands take from them."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from digit_recognizer.command_line.options import add_command, add_run_options
from digit_recognizer.command_line.vocabulary import told
from digit_recognizer.errors import InputError

SWITCH = "DIGIT_RECOGNIZER_REPORT"
EXTRA = ("PIL", "jinja2", "markupsafe", "matplotlib")
NOT_INSTALLED = (
    "The report needs jinja2, matplotlib and pillow; install them with "
    "`pip install 'digit-recognizer[report]'`."
)


class NotInstalled(InputError):
    """What the report needs is not there."""


def add_report_command(commands) -> None:
    """Add the command to the command line's."""
    report = add_command(commands, "report", _report, "write report.html of a run")
    add_run_options(report)
    report.add_argument(
        "--against", metavar="RUN", help="another run, named alike, to compare it with"
    )


def add_demo_command(commands) -> None:
    """Add the command to the command line's."""
    add_run_options(
        add_command(commands, "demo", _demo, "write a page to draw on, with a run's networks")
    )


def _demo(options):
    """Write one HTML file to draw digits on, which holds the networks of a run.

    It needs no server, no network and no installation: mail it, put it on any web space, open it on
    a phone.
    """
    from digit_recognizer.pipeline.runs.named_runs import find_finished
    from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER
    from digit_recognizer.report.demo.page import write_demo

    show_page(write_demo(find_finished(options.run, RUNS_FOLDER)), options)


def _report(options):
    """Write one HTML file that shows a run: its errors, its probabilities, its labels.

    It stands in the run's folder and needs nothing else: no server and no network.
    """
    from digit_recognizer.pipeline.runs.named_runs import find_newest
    from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER

    run = _find_run(options.run, RUNS_FOLDER)
    against = find_newest([options.against], RUNS_FOLDER)[0] if options.against else None
    show_page(_writer()(run, against_run=against), options)


def _writer():
    """`write_report`; raises NotInstalled without the extra."""
    try:
        from digit_recognizer.report import page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise NotInstalled(NOT_INSTALLED) from error
    return page.write_report


def _find_run(name, folder):
    """The run that is named, else the newest that is finished, else the newest there is."""
    from digit_recognizer.pipeline.runs.named_runs import find_finished
    from digit_recognizer.pipeline.runs.run_directory import IDENTITY_FILE, run_directories

    begun = run_directories()
    try:
        return find_finished(name, folder)
    except InputError:
        if name is not None or not begun:
            raise
    return max(begun, key=lambda path: (path / IDENTITY_FILE).stat().st_mtime)


def show_page(path: Path, options) -> None:
    """Say where a page is, and open it where ``--open`` asks for it."""
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)
    if not options.open:
        return
    import webbrowser

    opened = False
    with suppress(webbrowser.Error):
        opened = webbrowser.open(path.resolve().as_uri())
    if not opened:
        print(told("There is no browser here to open it with; open the file yourself."))


def write_after_run(run_id: str, data=None) -> None:
    """Write the report of a run that has just ended, where the extra is installed.

    It never fails the run: what goes wrong is one sentence on standard error. The environment
    variable ``DIGIT_RECOGNIZER_REPORT=0`` leaves it out.

    Parameters
    ----------
    run_id : str
    data : Data or None, default=None
        The run's data where they were read; without them a report that is there stays.
    """
    from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER

    if os.environ.get(SWITCH) == "0":
        return
    path = RUNS_FOLDER / run_id / "report.html"
    try:
        write_report = _writer()
        if data is not None or not path.is_file():
            write_report(path.parent, data)
        print(f"{'Report':<14}{path}")
    except NotInstalled:
        return
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        sentence = f"The report was not written ({reason}); the submission is there all the same."
        print(told(sentence), file=sys.stderr, flush=True)
