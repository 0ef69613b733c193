"""The options that commands share, and the parser they belong to."""

import argparse
import math
from contextlib import suppress
from pathlib import Path

from digit_recognizer.command_line.vocabulary import told

RUN_HELP = (
    "a run's ID in runs/, a beginning of it that no other has, a recipe's name for its newest run, "
    "or a run's folder"
)
INTERRUPTED = "interrupted; nothing was submitted."


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are told in the words of make where that was typed."""

    def error(self, message):
        text = told(message)
        if text == message:
            super().error(message)
        self.exit(2, f"digit-recognizer: {text}\n")


def add_command(commands, name, function, text):
    """Add a command that runs `function` and is listed with `text`; returns its parser."""
    parser = commands.add_parser(name, help=text, description=function.__doc__)
    parser.set_defaults(command=function, interrupted=INTERRUPTED)
    return parser


def path(text):
    """A path of the command line, where ``~`` is the user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} names no home folder; give a path.") from error


def seconds(text):
    """A time of the command line."""
    with suppress(ValueError):
        seconds = float(text)
        if 0 <= seconds < math.inf:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no time; give seconds, 0 or more.")


def add_recipe_option(parser, default="fast"):
    """Add ``--recipe``; `default` is a recipe, or words for what stands for one."""
    parser.add_argument(
        "--recipe",
        type=path,
        default=default if default == "fast" else None,
        metavar="NAME",
        help=f"a recipe's name in recipes/, or its path (default: {default})",
    )


def add_folder_option(parser):
    """Add ``--data``."""
    parser.add_argument(
        "--data",
        type=path,
        metavar="PATH",
        help="folder or zip archive of the competition's files (default: data)",
    )


def add_data_options(parser):
    """Add what says which data there are to be."""
    add_recipe_option(parser)
    add_folder_option(parser)
    parser.add_argument(
        "--source",
        choices=("kaggle", "openml", "sample"),
        help="download the files from Kaggle, or make them from OpenML's MNIST or from the "
        "embedded sample",
    )


def add_run_options(parser):
    """Add ``--run`` and ``--open`` of a command that writes a page of a run."""
    parser.add_argument(
        "--run",
        metavar="RUN",
        help=f"{RUN_HELP} (default: the newest run)",
    )
    parser.add_argument("--open", action="store_true", help="show it in the browser")
