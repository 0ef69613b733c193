"""The command `predict`."""

import sys

from digit_recognizer.command_line.options import RUN_HELP, add_command
from digit_recognizer.command_line.tables import show
from digit_recognizer.command_line.vocabulary import told
from digit_recognizer.errors import InputError


def add_predict_command(commands) -> None:
    """Add the command to the command line's."""
    predict = add_command(commands, "predict", _predict, "predictions of a run for new images")
    predict.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="a picture, a CSV file of rows of pixels, a .npy file, or - for standard input",
    )
    predict.add_argument("--run", metavar="RUN", help=f"{RUN_HELP} (default: the newest run)")
    predict.add_argument(
        "--resize",
        action="store_true",
        help="make pictures grey and of the run's size only: no ink on paper is looked for",
    )
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a list of objects")
    form.add_argument("--csv", action="store_true", help="print a line an image")
    form.add_argument("--show", action="store_true", help="draw what the networks see, too")
    predict.set_defaults(interrupted="interrupted; not all images were predicted.")


def _predict(options):
    """Predict what new images show, by all networks of a run, averaged as for its submission.

    Pictures are brought to the form of MNIST: grey, light ink on black, in a box of 20 x 20 pixels,
    centred by mass. A file that cannot be read is told on standard error; the others are predicted.
    """
    import numpy as np

    from digit_recognizer.pictures.answers import Answers
    from digit_recognizer.pictures.reading import read_images
    from digit_recognizer.pipeline.run_classifier import load_run

    run = load_run(options.run)
    files, numbers, parts, mistakes = [], [], [], []
    for name in dict.fromkeys(options.images):
        try:
            part = read_images(name, run.competition_, options.resize)
        except InputError as mistake:
            mistakes.append(mistake)
            continue
        files += [name] * len(part)
        numbers += range(1, len(part) + 1) if len(part) > 1 else [None]
        parts.append(part)
    if parts:
        X = np.concatenate(parts)
        images = X.reshape(-1, *run.competition_.image_shape)
        answers = Answers(files, numbers, run.classes_, run.predict_proba(X), images)
        if options.show:
            print(answers.pictures(), end="\n\n")
        if options.json or options.csv:
            print(answers.to_json() if options.json else answers.to_csv(), flush=True)
        else:
            show(answers.to_table())
    for mistake in mistakes[:-1]:
        print(f"digit-recognizer: {told(str(mistake))}", file=sys.stderr)
    if mistakes:
        raise mistakes[-1]
