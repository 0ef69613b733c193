"""Strength of the augmentation by successive halving: many choices tried briefly, the best longer.

    python benchmarks/halving.py --data FOLDER [--recipe fast] [--candidates 27] [--jobs 2]

scikit-learn's HalvingRandomSearchCV over the recipe's estimator: each round keeps a third of the
candidates and trains them three times as long. Scored is the log loss of the first fold's
validation rows, which is less noisy than a count of errors; choose by it what to measure on all.
"""

import argparse
from pathlib import Path

import measuring

measuring.use_one_thread()

import numpy as np  # noqa: E402
from scipy.stats import loguniform, uniform  # noqa: E402
from sklearn.experimental import enable_halving_search_cv  # noqa: E402, F401
from sklearn.model_selection import HalvingRandomSearchCV  # noqa: E402

from digit_recognizer.nn import Augment  # noqa: E402
from digit_recognizer.pipeline.data.dataset import load_data  # noqa: E402
from digit_recognizer.pipeline.ensembles.folds import make_folds  # noqa: E402
from digit_recognizer.pipeline.recipes.recipe import load_recipe  # noqa: E402

FACTOR = 3


class RandomAugment:
    """A distribution of augmentations, such as HalvingRandomSearchCV draws from."""

    ranges = {"rotation": 20, "scale": 0.25, "shear": 0.3, "shift": 3, "elastic": 1.5}

    def rvs(self, random_state):
        """One of them."""
        strengths = {name: random_state.uniform(0, most) for name, most in self.ranges.items()}
        # Half of them without an elastic field, which costs time.
        strengths["elastic"] *= (
            random_state.integers(2)
            if hasattr(random_state, "integers")
            else random_state.randint(2)
        )
        return Augment(**{name: round(float(value), 2) for name, value in strengths.items()})


def search(recipe, data, n_candidates, jobs):
    """The finished search."""
    estimator, *others = recipe.make_estimators()
    if others:
        raise SystemExit(f"{recipe.name} trains several networks a fold; choose a recipe of one.")
    estimator.set_params(views={"rotation": 5}, random_state=recipe.cv.seed)
    fold = make_folds(data.y_train, recipe.cv)[0]
    # By a factor either way of what the recipe has, where that is not 0.
    scales = {
        name: loguniform(value / factor, value * factor)
        for name, factor in (("learning_rate_init", 2), ("alpha", 3))
        if (value := getattr(estimator, name))
    }
    n_rounds = 1 + int(np.log(n_candidates) / np.log(FACTOR) + 1e-9)
    return HalvingRandomSearchCV(
        estimator,
        {
            "augment": RandomAugment(),
            **scales,
            "label_smoothing": uniform(0.02, 0.18),
        },
        n_candidates=n_candidates,
        factor=FACTOR,
        resource="max_iter",
        min_resources=2,
        max_resources=2 * FACTOR ** (n_rounds - 1),
        scoring=negative_log_loss,
        cv=[(fold.train_rows, fold.validation_rows)],
        random_state=recipe.cv.seed,
        n_jobs=jobs,
        refit=False,
        error_score="raise",
    ).fit(data.X_train, data.y_train)


def negative_log_loss(estimator, X, y):
    """Minus the log loss at the temperature that suits best: label smoothing changes only that."""
    logits = np.log(np.clip(estimator.predict_proba(X), 1e-12, None))
    right = np.arange(len(y)), np.searchsorted(estimator.classes_, y)

    def loss(temperature):
        scaled = logits * temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[right]).mean())

    return -min(loss(temperature) for temperature in np.geomspace(0.3, 8, 80))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--candidates", type=int, default=27)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    recipe = load_recipe(options.recipe)
    data = load_data(options.data, recipe.competition)
    results = search(recipe, data, options.candidates, options.jobs).cv_results_
    order = np.lexsort((-results["mean_test_score"], -results["n_resources"]))
    others = [name for name in results["params"][0] if name not in ("augment", "max_iter")]
    rows = [
        [
            str(results["n_resources"][i]),
            f"{-1000 * results['mean_test_score'][i]:.2f}",
            *(
                f"{getattr(results['params'][i]['augment'], name):.2f}"
                for name in RandomAugment.ranges
            ),
            *(f"{results['params'][i][name]:.3f}" for name in others),
        ]
        for i in order
    ]
    measuring.print_table(["epochs", "log loss / 1000", *RandomAugment.ranges, *others], rows)


if __name__ == "__main__":
    main()
