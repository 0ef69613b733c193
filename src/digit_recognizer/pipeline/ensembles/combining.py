"""The ensemble: one prediction from the networks of all folds."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint, minimize

from digit_recognizer.pipeline.ensembles.statistics import mcnemar

SIGNIFICANT = 0.05
# Below it a probability tells nothing more, and its logarithm gets large.
SMALLEST_PROBABILITY = 1e-6
# What a logistic regression predicts with.
STACKING_ATTRIBUTES = ("coef_", "intercept_", "classes_")


class Mean:
    """All networks count the same."""

    def fit(self, probabilities: np.ndarray, y: np.ndarray) -> "Mean":
        """Learn from predictions for rows that the networks were not trained on.

        Parameters
        ----------
        probabilities : ndarray of shape (n_networks, n, n_classes)
        y : ndarray of int of shape (n,)
            Indices of the classes.
        """
        return self

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Combine probabilities of shape (n_networks, n, n_classes) to (n, n_classes), float64."""
        return probabilities.mean(axis=0, dtype=np.float64)

    def add_to_onnx(self, graph, parts: list[str]) -> str:
        """Add the same to a graph.

        Parameters
        ----------
        graph : Graph
            Of `interop`.
        parts : list of str
            The names of the networks' probabilities.

        Returns
        -------
        str
            The name of what they are combined to.
        """
        return graph.node("Mean", parts)

    def describe(self) -> dict:
        """What was learned, as plain values."""
        return {}

    def restore(self, description: dict) -> "Mean":
        """Take up what `describe` described; a KeyError says what that lacks."""
        return self


class LearnedWeights(Mean):
    """A weight for each network, at least 0 and 1 in all, of the smallest cross-entropy.

    Notes
    -----
    The "linear opinion pool" of Breiman, "Stacked regressions" (1996), with his constraint that no
    weight be negative.
    """

    def fit(self, probabilities, y):
        of_label = np.take_along_axis(probabilities, y[np.newaxis, :, np.newaxis], axis=2)
        of_label = of_label[:, :, 0].astype(np.float64) + SMALLEST_PROBABILITY
        n_networks = len(probabilities)

        def cross_entropy(weights):
            mixed = weights @ of_label
            return -np.log(mixed).mean(), -(of_label / mixed).mean(axis=1)

        result = minimize(
            cross_entropy,
            np.full(n_networks, 1 / n_networks),
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * n_networks,
            constraints=LinearConstraint(np.ones(n_networks), 1, 1),
        )
        weights = np.clip(result.x, 0, None)
        self.weights = weights / weights.sum()
        return self

    def __call__(self, probabilities):
        return np.tensordot(self.weights, probabilities.astype(np.float64), axes=1)

    def add_to_onnx(self, graph, parts):
        weights = [graph.constant(np.float32(weight)) for weight in self.weights]
        pairs = zip(parts, weights, strict=True)
        return graph.node("Sum", [graph.node("Mul", [*pair]) for pair in pairs])

    def describe(self):
        return {"weights": self.weights.tolist()}

    def restore(self, description):
        self.weights = np.array(description["weights"])
        return self


class Stacking(Mean):
    """Multinomial logistic regression on the logarithms of the networks' probabilities.

    Notes
    -----
    Wolpert, "Stacked generalization" (1992).
    """

    def fit(self, probabilities, y):
        # Here, for it takes a tenth of a second to import.
        from sklearn.linear_model import LogisticRegression

        self.model = LogisticRegression(C=0.01, max_iter=1000).fit(_features(probabilities), y)
        return self

    def __call__(self, probabilities):
        combined = np.zeros((probabilities.shape[1], probabilities.shape[2]))
        combined[:, self.model.classes_] = self.model.predict_proba(_features(probabilities))
        return combined

    def add_to_onnx(self, graph, parts):
        # Of two classes the first has the score 0.
        first = len(self.model.classes_) - len(self.model.coef_)
        coef = np.pad(self.model.coef_, ((first, 0), (0, 0))).T
        intercept = np.pad(self.model.intercept_, (first, 0))
        smallest = graph.constant(np.float32(SMALLEST_PROBABILITY))
        features = graph.node("Add", [graph.node("Concat", parts, axis=1), smallest])
        arrays = [graph.constant(np.float32(array)) for array in (coef, intercept)]
        scores = graph.node("Gemm", [graph.node("Log", [features]), *arrays])
        # A class that the rows learned from lack has the probability 0.
        columns = np.eye(coef.shape[0] // len(parts), dtype=np.float32)[self.model.classes_]
        P = graph.node("Softmax", [scores], axis=1)
        return graph.node("MatMul", [P, graph.constant(columns)])

    def describe(self):
        return {name: getattr(self.model, name).tolist() for name in STACKING_ATTRIBUTES}

    def restore(self, description):
        from sklearn.linear_model import LogisticRegression

        self.model = LogisticRegression()
        for name in STACKING_ATTRIBUTES:
            setattr(self.model, name, np.array(description[name]))
        return self


def _features(probabilities):
    logarithms = np.log(probabilities.astype(np.float64) + SMALLEST_PROBABILITY)
    return np.concatenate(list(logarithms), axis=1)


COMBINERS = {"mean": Mean, "weights": LearnedWeights, "stacking": Stacking}
TITLES = {"weights": "weighting", "stacking": "stacking"}


@dataclass(frozen=True)
class Split:
    """The predictions of one split of the training rows into folds.

    Parameters
    ----------
    fold_of_row : ndarray of int of shape (n_train,)
    oof : ndarray of shape (n_networks, n_train, n_classes)
        Out-of-fold probabilities.
    test : dict of int to ndarray of shape (n_networks, n_test, n_classes)
        Probabilities of the test images, by the fold whose networks made them.
    """

    fold_of_row: np.ndarray
    oof: np.ndarray
    test: dict


@dataclass(frozen=True)
class Combined:
    """Predictions of the ensemble.

    Parameters
    ----------
    oof : ndarray of shape (n_train, n_classes), float64
        Each row by combiners that have not seen its fold.
    test : ndarray of shape (n_test, n_classes), float64
    description : dict
        ``combine`` that was used, the out-of-fold accuracy of each that was tried, McNemar's
        ``p_value`` between them, and what was ``learned``, one a repeat.
    """

    oof: np.ndarray
    test: np.ndarray
    description: dict


def combine(splits: list[Split], y: np.ndarray, how: str) -> Combined:
    """Combine the networks' predictions; where learning how does not help, by their mean.

    It helps if its out-of-fold predictions are better by McNemar's test, at 5%: a choice by a row
    or two more would be one by luck, and its accuracy too high.

    Parameters
    ----------
    splits : list of Split
        One a repeat of the cross-validation.
    y : ndarray of int of shape (n_train,)
        Indices of the classes.
    how : {"mean", "weights", "stacking"}
    """
    oof = {name: _cross_combined(splits, y, COMBINERS[name]) for name in {"mean": 0, how: 0}}
    right = {name: predictions.argmax(axis=1) == y for name, predictions in oof.items()}
    more, fewer = (right[how] & ~right["mean"]).sum(), (right["mean"] & ~right[how]).sum()
    p_value = mcnemar(int(more), int(fewer))
    used = how if more > fewer and p_value < SIGNIFICANT else "mean"
    combiners = [COMBINERS[used]().fit(split.oof, y) for split in splits]
    test = [
        combiner(of_fold)
        for split, combiner in zip(splits, combiners, strict=True)
        for of_fold in split.test.values()
    ]
    description = {
        "combine": used,
        "oof_accuracies": {name: float(rows.mean()) for name, rows in right.items()},
        "p_value": p_value,
        "learned": [combiner.describe() for combiner in combiners],
    }
    return Combined(oof[used], np.mean(test, axis=0), description)


def restored(description: dict) -> list[Mean]:
    """The combiners that `Combined.description` describes, one a repeat.

    Raises
    ------
    KeyError
        If it lacks what was learned.
    """
    return [
        COMBINERS[description["combine"]]().restore(learned) for learned in description["learned"]
    ]


def _cross_combined(splits, y, kind):
    """Out-of-fold predictions, each by a combiner that learned from the other folds only."""
    total = np.zeros(splits[0].oof.shape[1:])
    for split in splits:
        for fold in split.test:
            here = split.fold_of_row == fold
            combiner = kind().fit(split.oof[:, ~here], y[~here])
            total[here] += combiner(split.oof[:, here])
    return total / len(splits)


def verdict(description: dict, how: str) -> str | None:
    """A sentence on whether learning how to combine helped; None where it was not asked for."""
    if how == "mean":
        return None
    accuracies = description["oof_accuracies"]
    learned, mean = accuracies[how], accuracies["mean"]
    figures = f"{learned:.3%}, the mean {mean:.3%}, p = {description['p_value']:.2g}"
    if description["combine"] == how:
        return f"{TITLES[how]} helps ({figures})"
    return f"{TITLES[how]} does not help ({figures}): the mean is used"
