"""All submissions to the run's competition: cross-validation against leaderboard."""

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.submissions import log
from digit_recognizer.report.parts.charts import COLORS, line_chart
from digit_recognizer.report.parts.run_files import Missing


def all_rows(run):
    """The rows of the log beside the run's folder of runs."""
    return log.read(run.path.absolute().parent.parent / log.LOG_FILE)


def rows_of(run):
    """The rows of the run itself; none where the log cannot be read."""
    try:
        return [row for row in all_rows(run) if row["run"] == run.path.name]
    except InputError:
        return []


def section(run, pictures):
    """The log as a table, and a chart of those with a score."""
    own = rows_of(run)
    slug = own[-1]["competition"] if own else run.recipe.competition.slug
    rows = [row for row in all_rows(run) if row["competition"] == slug]
    if not rows:
        raise Missing(f"There are no submissions to {slug} in the log.")
    scored = [row for row in rows if log.as_number(row["public_score"]) is not None]
    charts = [_chart(scored, run.path.name)] if len(scored) > 1 else []
    return {"rows": rows, "charts": charts, "slug": slug, "run": run.path.name}


def _chart(rows, name):
    points = [
        (float(row["cv_accuracy_mean"]), float(row["public_score"]), row["run"]) for row in rows
    ]

    def draw(axes):
        for cv, score, run in points:
            axes.plot(cv, score, "o", markersize=7, color=COLORS[run == name])
        axes.set_ylabel("public leaderboard")

    text = f"Leaderboard score by cross-validated accuracy, of {len(points)} submissions."
    args = "submissions", "Cross-validation against leaderboard", text, draw
    return line_chart(*args, "cross-validated accuracy", percent="xy")
