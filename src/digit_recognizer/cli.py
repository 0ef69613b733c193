"""The command line: wiring only."""

import sys

from digit_recognizer import __version__
from digit_recognizer.command_line import exits as endings
from digit_recognizer.command_line import streams
from digit_recognizer.command_line.options import (
    INTERRUPTED,
    RUN_HELP,
    Parser,
    add_command,
    add_data_options,
    add_folder_option,
    add_recipe_option,
    path,
    seconds,
)
from digit_recognizer.command_line.tables import show
from digit_recognizer.command_line.vocabulary import told
from digit_recognizer.errors import GOES_ON, InputError
from digit_recognizer.pictures.commands import add_predict_command
from digit_recognizer.report.commands import add_demo_command, add_report_command, write_after_run

_INTERRUPTED_TRAINING = f"interrupted; what was trained is kept, and {GOES_ON}"
_INTERRUPTED_UPLOAD = (
    "interrupted; upload again to go on waiting: what Kaggle has already is not sent twice."
)

# Seconds to wait for a score, which Kaggle mostly has within one or two minutes.
_TIMEOUT = 600.0


def main(arguments=None, patience=None) -> int:
    """Run one command; returns the exit status, see `endings`.

    `patience` says how long to wait for Kaggle, see `Patience`.
    """
    streams.prepare()
    options = _parser().parse_args(arguments)
    options.patience = patience
    return endings.run(options)


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

    data = add_command(commands, "data", _data, "bring the competition's files into data/")
    add_data_options(data)
    data.add_argument("--force", action="store_true", help="download even what is there already")

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
        message=None, no_wait=False, timeout=_TIMEOUT, interrupted=_INTERRUPTED_TRAINING
    )

    upload = add_command(commands, "upload", _upload, "upload a submission and log its score")
    add_recipe_option(upload, "that of the submission's run")
    add_folder_option(upload)
    upload.add_argument("--file", type=path, metavar="CSV", help="default: the newest submission")
    upload.add_argument("--yes", action="store_true", help="do not ask on a terminal")
    upload.add_argument("--force", action="store_true", help="upload the same file once more")
    upload.add_argument("--message", metavar="TEXT", help="its description at Kaggle")
    upload.add_argument("--no-wait", action="store_true", help="do not wait for the score")
    upload.add_argument(
        "--timeout",
        type=seconds,
        default=_TIMEOUT,
        metavar="SECONDS",
        help="the longest wait for the score (default: %(default)g)",
    )

    log = add_command(commands, "log", _log, "list the submissions to a competition, CV against LB")
    add_recipe_option(log, "the newest submission's competition")
    log.add_argument("--refresh", action="store_true", help="ask Kaggle for pending scores first")

    leaderboard = add_command(
        commands, "leaderboard", _leaderboard, "say where your best score stands"
    )
    add_recipe_option(leaderboard, "the newest submission's competition")

    compare = add_command(commands, "compare", _compare, "say whether one of two runs is better")
    compare.add_argument("runs", nargs=2, metavar="RUN", help=RUN_HELP)

    blend = add_command(commands, "blend", _blend, "a submission from several runs")
    blend.add_argument("runs", nargs="+", metavar="RUN", help="two or more, named as for compare")
    blend.add_argument(
        "--combine",
        choices=("mean", "weights", "stacking"),
        default="mean",
        help="how; what is learned on out-of-fold predictions is used where it helps "
        "(default: %(default)s)",
    )

    for add in (add_report_command, add_demo_command, add_predict_command):
        add(commands)
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
    parser.set_defaults(parsers=commands.choices)
    return parser


def _confirmed(question):
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _kaggle(slug, options):
    from digit_recognizer.kaggle.client import Kaggle

    return Kaggle(slug, options.patience)


def _slug(options):
    """The competition of the recipe that is named, or of the newest submission."""
    from digit_recognizer.pipeline.recipes.recipe import DEFAULT_RECIPE, load_recipe
    from digit_recognizer.pipeline.submissions import log

    rows = log.read(log.LOG_FILE)
    if options.recipe is None and rows:
        return rows[-1]["competition"]
    return load_recipe(options.recipe or DEFAULT_RECIPE).competition.slug


def _load(options, overrides=None):
    """Recipe, folder of the data, and the line that says where they come from."""
    from digit_recognizer.pipeline.recipes.recipe import load_recipe
    from digit_recognizer.pipeline.sources.source import find_data

    recipe = load_recipe(options.recipe, overrides)
    with _kaggle(recipe.competition.slug, options) as kaggle:
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
            _check_upload(recipe, data, options)
        outcome = submit(recipe, data, folder, options.fresh, _say)
    options.interrupted = INTERRUPTED
    _tell(outcome, recipe.ensemble.combine, data)
    if options.upload:
        _send(outcome.submission, folder, recipe, options)


def _tell(outcome, combine, data=None):
    from digit_recognizer.pipeline.runs.results import describe_results

    told = describe_results(outcome.metrics, combine)
    for name, value in [("Run", outcome.run_id), *told.items(), ("Submission", outcome.submission)]:
        print(f"{name:<14}{value}")
    write_after_run(outcome.run_id, data)


def _check_upload(recipe, data, options):
    """Find what would stop the upload before the training rather than after it."""
    from digit_recognizer.pipeline.submissions.upload import check_limits

    if data.is_sample:
        raise InputError(
            "--upload needs the competition's own data, this is a sample; bring the competition's "
            "files with `digit-recognizer data --source kaggle`, or leave --upload out."
        )
    with _kaggle(recipe.competition.slug, options) as kaggle:
        check_limits(kaggle.limits())


def _upload(options):
    """Check a submission, upload it to Kaggle, wait for its score and write it into the log.

    It goes to the competition of the run that made it.
    """
    from digit_recognizer.pipeline.sources.source import find_folder
    from digit_recognizer.pipeline.submissions.log import LOG_FILE, SUBMISSION_FILE
    from digit_recognizer.pipeline.submissions.upload import find_origin

    path = options.file or SUBMISSION_FILE
    recipe, folder = find_origin(path, LOG_FILE, options.recipe)
    if options.data or folder is None:
        folder = find_folder(options.data, recipe.competition)
    ask = sys.stdin.isatty() and not options.yes
    _send(path, folder, recipe, options, ask, options.force)


def _send(path, folder, recipe, options, ask=False, force=False):
    from digit_recognizer.pipeline.submissions.log import LOG_FILE
    from digit_recognizer.pipeline.submissions.upload import (
        check_candidate,
        check_limits,
        upload,
        wait_for_score,
    )

    candidate = check_candidate(path, folder, recipe.competition, LOG_FILE, force)
    accuracy = candidate.row["cv_accuracy_mean"] or "unknown"
    with _kaggle(recipe.competition.slug, options) as kaggle:
        limits = kaggle.limits()
        print(f"{'File':<14}{path} (run {candidate.row['run'] or 'unknown'})")
        print(f"{'CV accuracy':<14}{accuracy}")
        print(f"{'Left today':<14}{limits.left} submissions to {kaggle.slug}", flush=True)
        if candidate.reference is None:
            check_limits(limits)
        if ask and not _confirmed("Upload it?"):
            print("Nothing was uploaded.")
            return
        options.interrupted = _INTERRUPTED_UPLOAD
        reference = upload(kaggle, candidate, options.message, LOG_FILE, force)
        print(f"{'Reference':<14}{reference}", flush=True)
        if options.no_wait:
            print(told("Its score is not there yet; `digit-recognizer log --refresh` asks again."))
            return
        result = wait_for_score(kaggle, reference, LOG_FILE, options.timeout)
    private = f", private {result.private_score}" if result.private_score else ""
    print(f"{'CV against LB':<14}{accuracy} against {result.public_score or 'none'}{private}")


def _log(options):
    """List the submissions to a competition, CV against LB; * marks the best of each."""
    from digit_recognizer.pipeline.submissions import log
    from digit_recognizer.pipeline.submissions.upload import refresh

    slug = _slug(options)
    if options.refresh:
        with _kaggle(slug, options) as kaggle:
            refresh(kaggle, log.LOG_FILE)
    show(log.overview(log.read(log.LOG_FILE), slug))


def _leaderboard(options):
    """Say how the leaderboard looks and where the best of your scores stands on it."""
    from digit_recognizer.pipeline.submissions.leaderboard import describe_standing

    with _kaggle(_slug(options), options) as kaggle:
        show(describe_standing(kaggle.slug, kaggle.leaderboard(), kaggle.submissions()))


def _compare(options):
    """Compare two runs by their out-of-fold predictions, with McNemar's exact test.

    The test is approximate: it takes the rows for independent, but the networks of different folds
    share training rows (Dietterich, 1998). Take a p-value near 0.05 for no answer.
    """
    from digit_recognizer.pipeline.comparison import compare
    from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER

    show(compare(*options.runs, RUNS_FOLDER).report())


def _blend(options):
    """Combine the predictions of runs of the same data, and write the checked submission."""
    from digit_recognizer.pipeline.blend import blend

    _tell(blend(options.runs, options.combine), options.combine)


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
    if ask and not _confirmed("Remove them?"):
        print("Nothing was removed.")
        return
    for run in runs:
        run_directory.remove(run.path)
    print(f"Removed {len(runs)}, {sum(run.n_bytes for run in runs) / 1e6:.1f} MB.")
