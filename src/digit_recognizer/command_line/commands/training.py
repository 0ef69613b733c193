"""The commands that make submissions: `data`, `submit`, `blend`."""

import sys

from digit_recognizer.command_line.commands.uploads import TIMEOUT, check_upload, kaggle_of, send
from digit_recognizer.command_line.options import INTERRUPTED, add_command, add_data_options
from digit_recognizer.command_line.vocabulary import told
from digit_recognizer.errors import GOES_ON
from digit_recognizer.report.commands import write_after_run

INTERRUPTED_TRAINING = f"interrupted; what was trained is kept, and {GOES_ON}"


def add_data(commands) -> None:
    """Add the command to the command line's."""
    data = add_command(commands, "data", _data, "bring the competition's files into data/")
    add_data_options(data)
    data.add_argument("--force", action="store_true", help="download even what is there already")


def add_submit(commands) -> None:
    """Add the command to the command line's."""
    submit = add_command(
        commands, "submit", _submit, "train all folds and write submissions/submission.csv"
    )
    add_data_options(submit)
    submit.add_argument("--jobs", type=int, metavar="N", help="networks trained at the same time")
    submit.add_argument("--seed", type=int, metavar="N", help="seed of folds and training")
    submit.add_argument(
        "--fresh", action="store_true", help="begin anew where a run was trained before"
    )
    submit.add_argument("--upload", action="store_true", help="upload it to Kaggle afterwards")
    submit.set_defaults(
        message=None, no_wait=False, timeout=TIMEOUT, interrupted=INTERRUPTED_TRAINING
    )


def add_blend(commands) -> None:
    """Add the command to the command line's."""
    blend = add_command(commands, "blend", _blend, "a submission from several runs")
    blend.add_argument("runs", nargs="+", metavar="RUN", help="two or more, named as for compare")
    blend.add_argument(
        "--combine",
        choices=("mean", "weights", "stacking"),
        default="mean",
        help="how; what is learned on out-of-fold predictions is used where it helps "
        "(default: %(default)s)",
    )


def _load(options, overrides=None):
    """Recipe, folder of the data, and the line that says where they come from."""
    from digit_recognizer.pipeline.recipes.recipe import load_recipe
    from digit_recognizer.pipeline.sources.source import find_data

    recipe = load_recipe(options.recipe, overrides)
    with kaggle_of(recipe.competition.slug, options) as kaggle:
        folder, message = find_data(
            options.data,
            options.source,
            recipe.competition,
            kaggle=kaggle,
            force=getattr(options, "force", False),
        )
    print(message, flush=True)
    return recipe, folder


def _data(options):
    """Find or make the competition's files and check them."""
    from digit_recognizer.pipeline.data.dataset import load_data

    recipe, folder = _load(options)
    print(load_data(folder, recipe.competition).summary)


def _say(sentence):
    print(told(sentence), file=sys.stderr, flush=True)


def _submit(options):
    """Train all folds, average their predictions and write the checked submission."""
    from digit_recognizer.pipeline.compute.backends import processes_started
    from digit_recognizer.pipeline.data.dataset import load_data
    from digit_recognizer.pipeline.run import submit, submit_finished

    overrides = {}
    if options.seed is not None:
        overrides["cv"] = {"seed": options.seed}
    if options.jobs is not None:
        overrides["compute"] = {"jobs": options.jobs}
    recipe, folder = _load(options, overrides)
    # With --upload the limits are asked first, which needs the data.
    outcome = None if options.fresh or options.upload else submit_finished(recipe, folder, _say)
    data = None
    if outcome is None:
        with processes_started(recipe.compute, recipe.n_networks):
            data = load_data(folder, recipe.competition)
        print(data.summary, flush=True)
        if options.upload:
            check_upload(recipe, data, options)
        outcome = submit(recipe, data, folder, options.fresh, _say)
    options.interrupted = INTERRUPTED
    _tell(outcome, recipe.ensemble.combine, data)
    if options.upload:
        send(outcome.submission, folder, recipe, options)


def _tell(outcome, combine, data=None):
    from digit_recognizer.pipeline.runs.results import describe_results

    told = describe_results(outcome.metrics, combine)
    for name, value in [("Run", outcome.run_id), *told.items(), ("Submission", outcome.submission)]:
        print(f"{name:<14}{value}")
    write_after_run(outcome.run_id, data)


def _blend(options):
    """Combine the predictions of runs of the same data, and write the checked submission."""
    from digit_recognizer.pipeline.blend import blend

    _tell(blend(options.runs, options.combine), options.combine)
