"""How the networks learned: a line each, over the epochs."""

from digit_recognizer.report.parts.charts import color_of, dashes_of, line_chart
from digit_recognizer.report.parts.run_files import Missing

# Column of the history, title, axes in percent.
PANELS = (
    ("loss", "Training loss", ""),
    ("accuracy", "Out-of-fold accuracy", "y"),
    ("learning_rate", "Learning rate", ""),
    ("seconds", "Seconds an epoch", ""),
)


def section(run, pictures):
    """Four charts, a legend, and the last epoch of each network as a table."""
    # Until the first that is taught has begun, those of the teachers.
    members = [member for member in run.members or run.teachers if member.history]
    if not run.members and run.metrics.get("blend"):
        raise Missing("A blend trains no networks; see the reports of its runs.")
    if not members:
        raise Missing("No network has finished an epoch, or the files of their epochs are gone.")
    charts = [
        _chart(members, column, title, percent)
        for column, title, percent in PANELS
        if any(row[column] is not None for member in members for row in member.history)
    ]
    folds = sorted({member.fold for member in members})
    legend = [(color_of(fold - 1), dashes_of(fold - 1), f"fold {fold}") for fold in folds]
    last = [(member.name, member.history[-1]) for member in members]
    return {"charts": charts, "legend": legend, "last": last}


def _chart(members, column, title, percent):
    def draw(axes):
        for member in members:
            rows = [row for row in member.history if row[column] is not None]
            marker = "o" if len(rows) <= 12 else None
            number = member.fold - 1
            axes.plot(
                [row["epoch"] for row in rows],
                [row[column] for row in rows],
                color=color_of(number),
                linestyle=dashes_of(number),
                marker=marker,
            )

    ends = [m.history[-1][column] for m in members if m.history[-1][column] is not None]
    last = f"; after the last epoch {min(ends):.4g} to {max(ends):.4g}" if ends else ""
    text = f"{title} of {len(members)} networks by epoch{last}."
    return line_chart(f"curve-{column}", title, text, draw, "epoch", percent, whole="x")
