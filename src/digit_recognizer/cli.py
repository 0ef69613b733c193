"""The command line: wiring only."""

from digit_recognizer import __version__
from digit_recognizer.command_line import exits, streams
from digit_recognizer.command_line.commands import runs, training, uploads
from digit_recognizer.command_line.options import Parser
from digit_recognizer.pictures.commands import add_predict_command
from digit_recognizer.report.commands import add_demo_command, add_report_command

# In the order of --help.
COMMANDS = (
    training.add_data,
    training.add_submit,
    uploads.add_upload,
    uploads.add_log,
    uploads.add_leaderboard,
    runs.add_compare,
    training.add_blend,
    add_report_command,
    add_demo_command,
    add_predict_command,
    runs.add_runs,
)


def main(arguments=None, patience=None) -> int:
    """Run one command; returns the exit status, see `exits`.

    `patience` says how long to wait for Kaggle, see `Patience`.
    """
    streams.prepare()
    options = _parser().parse_args(arguments)
    options.patience = patience
    return exits.run(options)


def commands():
    """The commands' parsers by name."""
    return _parser().get_default("parsers")


def _parser():
    parser = Parser(
        prog="digit-recognizer",
        description="Kaggle's digit-recognizer with a neural network written in NumPy.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    parser.set_defaults(parsers=commands.choices)
    return parser
