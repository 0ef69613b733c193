"""The commands on runs there are: `runs`, `compare`."""

import sys

from digit_recognizer.command_line.options import RUN_HELP, add_command
from digit_recognizer.command_line.questions import confirmed
from digit_recognizer.command_line.tables import show


def add_compare(commands) -> None:
    """Add the command to the command line's."""
    compare = add_command(commands, "compare", _compare, "say whether one of two runs is better")
    compare.add_argument("runs", nargs=2, metavar="RUN", help=RUN_HELP)


def add_runs(commands) -> None:
    """Add the command to the command line's."""
    runs = add_command(commands, "runs", _runs, "list all runs; `runs clean` removes some")
    clean = add_command(
        runs.add_subparsers(title="commands", metavar="COMMAND"),
        "clean",
        _clean,
        "remove unfinished runs, or those named",
    )
    clean.add_argument("runs", nargs="*", metavar="RUN", help="default: all unfinished")
    clean.add_argument("--all", action="store_true", help="remove finished runs too")
    clean.add_argument("--yes", action="store_true", help="do not ask on a terminal")


def _compare(options):
    """Compare two runs by their out-of-fold predictions, with McNemar's exact test.

    The test is approximate: it takes the rows for independent, but the networks of different folds
    share training rows (Dietterich, 1998). Take a p-value near 0.05 for no answer.
    """
    from digit_recognizer.pipeline.comparison import compare
    from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER

    show(compare(*options.runs, RUNS_FOLDER).report())


def _runs(options):
    """List all runs: date, data, state, networks trained, CV, training time, size on the disk."""
    from digit_recognizer.pipeline.runs import catalogue

    runs = catalogue.list_runs()
    none = "No runs yet; make one with `digit-recognizer submit`."
    show(catalogue.table_of_runs(runs) if runs else none)


def _clean(options):
    """Remove runs: the unfinished ones, or those named, or all; not what is being trained."""
    from digit_recognizer.pipeline.runs import catalogue, run_directory

    runs = catalogue.choose(options.runs, options.all)
    if not runs:
        print("There is nothing to remove.")
        return
    show(catalogue.table_of_runs(runs))
    ask = sys.stdin.isatty() and not options.yes
    if ask and not confirmed("Remove them?"):
        print("Nothing was removed.")
        return
    for run in runs:
        run_directory.remove(run.path)
    print(f"Removed {len(runs)}, {sum(run.n_bytes for run in runs) / 1e6:.1f} MB.")
