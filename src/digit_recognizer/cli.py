"""The command line: wiring only."""

import argparse
import signal
import sys
from pathlib import Path

from digit_recognizer import __version__
from digit_recognizer.errors import InputError, Interrupted, OutsideError


def main(arguments=None) -> int:
    """Run one command; returns the exit status: 0, 1 for failures outside, 2 for mistakes."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        options.command(options)
    except InputError as error:
        return _complain(error, 2)
    except OutsideError as error:
        return _complain(error, 1)
    except Interrupted:
        return _complain("interrupted; nothing was submitted.", 130)
    return 0


def _interrupt(number, frame):
    # Not KeyboardInterrupt, which an estimator's fit answers with a warning and a shorter training.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Interrupted


def _complain(message, status):
    print(f"digit-recognizer: {message}", file=sys.stderr)
    return status


def _parser():
    parser = argparse.ArgumentParser(
        prog="digit-recognizer",
        description="Kaggle's digit-recognizer with a neural network written in NumPy.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    data = commands.add_parser(
        "data", help="bring the competition's files into data/", description=_data.__doc__
    )
    _add_data_options(data)
    data.set_defaults(command=_data)

    submit = commands.add_parser(
        "submit",
        help="train all folds and write submissions/submission.csv",
        description=_submit.__doc__,
    )
    _add_data_options(submit)
    submit.add_argument("--jobs", type=int, metavar="N", help="folds trained at the same time")
    submit.add_argument("--seed", type=int, metavar="N", help="seed of folds and training")
    submit.set_defaults(command=_submit)
    return parser


def _add_data_options(parser):
    parser.add_argument(
        "--recipe",
        default="fast",
        metavar="NAME",
        help="a recipe's name in recipes/, or its path (default: fast)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="folder with the CSV files (default: data)"
    )
    parser.add_argument(
        "--source",
        choices=("openml", "sample"),
        help="make the files from OpenML's MNIST or from the embedded sample",
    )


def _load(options, overrides=None):
    """Recipe, folder of the data, and the line that says where they come from."""
    from digit_recognizer.pipeline.recipe import load_recipe
    from digit_recognizer.pipeline.source import find_data

    recipe = load_recipe(options.recipe, overrides)
    folder, message = find_data(options.data, options.source, recipe.competition)
    print(message, flush=True)
    return recipe, folder


def _data(options):
    """Find or make the competition's files and check them."""
    from digit_recognizer.pipeline.data import load_data

    recipe, folder = _load(options)
    print(load_data(folder, recipe.competition).description)


def _submit(options):
    """Train all folds, average their predictions and write the checked submission."""
    from digit_recognizer.pipeline.data import load_data
    from digit_recognizer.pipeline.run import submit

    given = {"cv": {"seed": options.seed}, "compute": {"jobs": options.jobs}}
    overrides = {
        section: {key: value}
        for section, values in given.items()
        for key, value in values.items()
        if value is not None
    }
    recipe, folder = _load(options, overrides)
    data = load_data(folder, recipe.competition)
    print(data.description, flush=True)
    outcome = submit(recipe, data)
    metrics = outcome.metrics
    lines = {
        "Run": outcome.run_id,
        "CV accuracy": f"{metrics['cv_accuracy_mean']:.2%} ± {metrics['cv_accuracy_std']:.2%}",
        "OOF accuracy": f"{metrics['oof_accuracy']:.2%}",
    }
    if "test_accuracy" in metrics:
        lines["Test accuracy"] = f"{metrics['test_accuracy']:.2%} (labels held back)"
    lines["Time"] = f"{metrics['seconds']:.1f} s"
    lines["Submission"] = str(outcome.submission)
    for name, value in lines.items():
        print(f"{name:<14}{value}")


if __name__ == "__main__":
    sys.exit(main())
