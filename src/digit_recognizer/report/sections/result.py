"""What the run came to: accuracy, folds, time, recipe, versions, machine."""

import numpy as np

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.ensembles.statistics import wilson_interval
from digit_recognizer.pipeline.runs import catalogue, results, run_directory
from digit_recognizer.report.sections import submissions


def section(run, pictures):
    """The headline's figures, tables of the folds and the networks, and what made them."""
    found = catalogue.look_at(run.path)
    metrics, identity = run.metrics, run.identity
    facts = {"State": found.state}
    if found.n_finished < found.n_networks:
        facts["State"] += f", {found.n_finished} of {found.n_networks} networks trained"
    try:
        combine = run.recipe.ensemble.combine
    except InputError:
        combine = "mean"
    facts |= results.describe_results(metrics, combine) if metrics else {}
    if metrics:
        facts["Finished"] = f"{found.changed:%Y-%m-%d %H:%M}"
        facts["Images"] = f"{metrics['n_train']:,} to train on, {metrics['n_test']:,} to predict"
    facts["Data"] = identity.get("data_folder", "unknown")
    if identity.get("is_sample"):
        facts["Data"] += " (a sample)"
    scores = [row["public_score"] for row in submissions.rows_of(run) if row["public_score"]]
    return {
        "facts": facts,
        "headline": _headline(metrics, scores) if metrics else None,
        "folds": _folds(run) if metrics else [],
        "networks": [member for member in (*run.teachers, *run.members) if member.result],
        "recipe": _text(run.path / run_directory.RECIPE_FILE),
        "versions": identity.get("versions", {}),
        "machine": metrics.get("machine", {}),
    }


def _headline(metrics, scores):
    low, high = metrics["oof_accuracy_interval"]
    figures = [
        (
            f"{metrics['oof_accuracy']:.2%}",
            f"right out of fold; 95% interval {low:.2%} to {high:.2%}",
        ),
        (
            f"{round(metrics['n_train'] * (1 - metrics['oof_accuracy'])):,}",
            f"errors among {metrics['n_train']:,} training images",
        ),
    ]
    if scores:
        figures.append((f"{float(scores[-1]):.2%}", "on the public leaderboard"))
    if "test_accuracy" in metrics:
        figures.append((f"{metrics['test_accuracy']:.2%}", "of the held-back test images"))
    figures.append((_duration(metrics["seconds"]), "from the first network to the submission"))
    return figures


def _duration(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _folds(run):
    """A row a fold: its number, images, errors, accuracy and interval."""
    try:
        predictions = run.out_of_fold
    except InputError:
        # The accuracies are in the metrics too.
        return [(f["fold"], None, None, f["accuracy"], None) for f in run.metrics["folds"]]
    rows = []
    for fold in np.unique(predictions.folds):
        right = predictions.is_right[predictions.folds == fold]
        n_right = int(right.sum())
        interval = wilson_interval(n_right, len(right))
        rows.append((int(fold), len(right), len(right) - n_right, right.mean(), interval))
    return rows


def _text(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
