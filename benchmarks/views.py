"""What views of the images do for a finished run: errors out of fold with each choice.

    python benchmarks/views.py --data FOLDER --run runs/ID [--folds N]

Predicts the training rows again with the run's own weights; nothing of the run is changed.
"""

import argparse
from pathlib import Path

import measuring

measuring.use_one_thread()

from digit_recognizer.pipeline.compute.fold_training import load_model  # noqa: E402
from digit_recognizer.pipeline.data.dataset import load_data  # noqa: E402
from digit_recognizer.pipeline.ensembles.folds import make_folds  # noqa: E402
from digit_recognizer.pipeline.recipes.recipe import load_recipe  # noqa: E402
from digit_recognizer.pipeline.runs.members import make_members  # noqa: E402

CHOICES = (
    None,
    {"shift": 1},
    {"rotation": 5},
    {"shift": 1, "rotation": 5},
    {"shift": 1, "rotation": 8},
)


def count_errors(member, data) -> list[int]:
    """Errors of a network on its fold's validation rows, for each choice of views."""
    rows = member.fold.validation_rows
    X, y = data.X_train[rows], data.y_train[rows]
    model = load_model(member)
    return [int((model.set_params(views=views).predict(X) != y).sum()) for views in CHOICES]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="a finished run's folder")
    parser.add_argument("--folds", type=int, help="how many of the folds; default: all")
    options = parser.parse_args()
    recipe = load_recipe(options.run / "recipe.toml")
    data = load_data(options.data, recipe.competition)
    folds = make_folds(data.y_train, recipe.cv, recipe.networks_per_fold)[: options.folds]
    members = [m for m in make_members(recipe, folds, options.run) if not m.is_teacher]
    counts = [count_errors(member, data) for member in members]
    n_rows = sum(len(member.fold.validation_rows) for member in members)
    rows = []
    for views, errors in zip(CHOICES, zip(*counts, strict=True), strict=True):
        name = "the image as it is" if views is None else str(views)
        rows.append([name, str(sum(errors)), f"{1 - sum(errors) / n_rows:.3%}"])
    measuring.print_table(["views", f"errors in {n_rows:,}", "accuracy"], rows)


if __name__ == "__main__":
    main()
