"""The networks of a run, and how their probabilities become one prediction."""

from typing import NamedTuple

import numpy as np

from digit_recognizer.estimator import NumpyNetClassifier
from digit_recognizer.pipeline.run_classifier import RunClassifier


class Named(NamedTuple):
    """A network, and what the page calls it: "fold 1", with more in front where it takes more."""

    name: str
    estimator: NumpyNetClassifier


def list_networks(classifier: RunClassifier) -> list[Named]:
    """All networks of a run, in the order of `RunClassifier.networks_`."""
    found = []
    for fold, (_, group) in enumerate(classifier.groups_, 1):
        for number, member in enumerate(group, 1):
            if isinstance(member, RunClassifier):
                found += [
                    Named(f"{member.run} {name}", estimator)
                    for name, estimator in list_networks(member)
                ]
            else:
                several = f" network {number}" if len(group) > 1 else ""
                found.append(Named(f"fold {fold}{several}", member))
    return found


def describe_ensemble(classifier: RunClassifier) -> list[dict]:
    """How the prediction is made of the networks', as JSON holds it.

    Returns
    -------
    list of dict
        Their mean is the prediction. Each has ``members``: places in `list_networks`, or lists of
        the same kind; and what its combiner learned: ``weights``, one a member, or ``coefficients``
        and ``intercepts``, a row and a number for each class, of a regression on the logarithms of
        all members' probabilities.
    """
    return _describe(classifier, iter(range(len(classifier.networks_))))


def _describe(member, places):
    if not isinstance(member, RunClassifier):
        return next(places)
    return [
        {"members": [_describe(one, places) for one in group]} | _learned(combiner)
        for combiner, group in member.groups_
    ]


def _learned(combiner):
    learned = combiner.describe()
    if "coef_" not in learned:
        return learned
    coefficients, intercepts = np.array(learned["coef_"]), np.array(learned["intercept_"])
    if len(coefficients) == 1:
        # Of two classes the logistic function of one score is the softmax of 0 and that.
        coefficients = np.vstack([0 * coefficients, coefficients])
        intercepts = np.array([0.0, *intercepts])
    return {
        "classes": learned["classes_"],
        "coefficients": coefficients.tolist(),
        "intercepts": intercepts.tolist(),
    }
