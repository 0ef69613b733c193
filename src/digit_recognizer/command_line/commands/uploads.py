"""The commands that talk to Kaggle: `upload`, `log`, `leaderboard`."""

import sys

from digit_recognizer.command_line.options import (
    add_command,
    add_folder_option,
    add_recipe_option,
    path,
    seconds,
)
from digit_recognizer.command_line.questions import confirmed
from digit_recognizer.command_line.tables import show
from digit_recognizer.command_line.vocabulary import told
from digit_recognizer.errors import InputError

_INTERRUPTED_UPLOAD = (
    "interrupted; upload again to go on waiting: what Kaggle has already is not sent twice."
)
# Seconds to wait for a score, which Kaggle mostly has within one or two minutes.
TIMEOUT = 600.0


def add_upload(commands) -> None:
    """Add the command to the command line's."""
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
        default=TIMEOUT,
        metavar="SECONDS",
        help="the longest wait for the score (default: %(default)g)",
    )


def add_log(commands) -> None:
    """Add the command to the command line's."""
    log = add_command(commands, "log", _log, "list the submissions to a competition, CV against LB")
    add_recipe_option(log, "the newest submission's competition")
    log.add_argument("--refresh", action="store_true", help="ask Kaggle for pending scores first")


def add_leaderboard(commands) -> None:
    """Add the command to the command line's."""
    leaderboard = add_command(
        commands, "leaderboard", _leaderboard, "say where your best score stands"
    )
    add_recipe_option(leaderboard, "the newest submission's competition")


def kaggle_of(slug, options):
    """The client for a competition, as patient as `main` was told to be."""
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


def check_upload(recipe, data, options):
    """Find what would stop the upload before the training rather than after it."""
    from digit_recognizer.pipeline.submissions.upload import check_limits

    if data.is_sample:
        raise InputError(
            "--upload needs the competition's own data, this is a sample; bring the competition's "
            "files with `digit-recognizer data --source kaggle`, or leave --upload out."
        )
    with kaggle_of(recipe.competition.slug, options) as kaggle:
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
    send(path, folder, recipe, options, ask, options.force)


def send(path, folder, recipe, options, ask=False, force=False):
    """Upload a submission of the data in `folder`, wait for its score and write it into the log."""
    from digit_recognizer.pipeline.submissions.log import LOG_FILE
    from digit_recognizer.pipeline.submissions.upload import (
        check_candidate,
        check_limits,
        upload,
        wait_for_score,
    )

    candidate = check_candidate(path, folder, recipe.competition, LOG_FILE, force)
    accuracy = candidate.row["cv_accuracy_mean"] or "unknown"
    with kaggle_of(recipe.competition.slug, options) as kaggle:
        limits = kaggle.limits()
        print(f"{'File':<14}{path} (run {candidate.row['run'] or 'unknown'})")
        print(f"{'CV accuracy':<14}{accuracy}")
        print(f"{'Left today':<14}{limits.left} submissions to {kaggle.slug}", flush=True)
        if candidate.reference is None:
            check_limits(limits)
        if ask and not confirmed("Upload it?"):
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
        with kaggle_of(slug, options) as kaggle:
            refresh(kaggle, log.LOG_FILE)
    show(log.overview(log.read(log.LOG_FILE), slug))


def _leaderboard(options):
    """Say how the leaderboard looks and where the best of your scores stands on it."""
    from digit_recognizer.pipeline.submissions.leaderboard import describe_standing

    with kaggle_of(_slug(options), options) as kaggle:
        show(describe_standing(kaggle.slug, kaggle.leaderboard(), kaggle.submissions()))
