"""What `scoring` names: the score of an estimator's network on rows, NaN where there is none."""

import copy
import inspect
import threading
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import check_scoring

from digit_recognizer.estimator.fitting.cores import AllCores

REMEDY = (
    "Give validation rows that the score is defined on (another validation_fraction, or X_val and "
    "y_val), or another scoring."
)


class Score:
    """The score of an estimator's network as it is, on rows (X, y, sample_weight).

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor

    Attributes
    ----------
    name : str
        For messages.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.scorer = None
        self.name = f"scoring=None ({estimator._default_score})"
        if estimator.scoring is not None:
            self.scorer = check_scoring(estimator, estimator.scoring)
            name = getattr(estimator.scoring, "__name__", repr(estimator.scoring))
            self.name = f"scoring={name}"
        self.takes_weights = takes_weights(self.scorer)
        self._why_not = None
        self._told = set()

    def on_training_rows(self, rows) -> float:
        """A diagnostic, which is NaN where there is no score: no error, no warning."""
        with _caught_warnings():
            try:
                with AllCores():
                    predictions = self.estimator._network.predict(rows[0])
                return self._compute(rows, predictions)
            except Exception:
                return np.nan

    def on_validation_rows(self, rows, predictions) -> float:
        """The score that early stopping judges by.

        Raises
        ------
        ValueError
            If the rows lack a class and the scorer refuses them; what else a scorer raises gets a
            note that names it.
        """
        with _caught_warnings() as caught:
            try:
                score = self._compute(rows, predictions)
            except Exception as error:
                not_shown = self._not_shown(rows)
                if not_shown and isinstance(error, ValueError):
                    raise ValueError(
                        f"{self.name} cannot be computed: {not_shown} ({error}). {REMEDY}"
                    ) from error
                error.add_note(f"This is from {self.name}, on the validation rows.")
                raise
        if np.isfinite(score):
            self._tell(caught)
        elif self._why_not is None:
            self._why_not = self._explain(rows, predictions, score, caught)
        return score

    def warn_if_never_finite(self) -> None:
        """Say that no epoch of the fit had a score, why, and what follows."""
        model = self.estimator
        scores = [one.get("validation_score", np.nan) for one in model.history_[-model.n_iter_ :]]
        if self._why_not is None or np.isfinite(scores).any():
            return
        outcome = "history_ holds none"
        if model.early_stopping and model.solver != "lbfgs":
            never = np.isnan(model.best_validation_score_)
            which = "the last epoch" if never else "the best epoch of an earlier fit"
            outcome = f"early stopping had none to go by, and the weights are those of {which}"
        warnings.warn(
            f"No epoch had a finite validation score by {self.name}, because {self._why_not}: "
            f"{outcome}. {REMEDY}",
            UndefinedMetricWarning,
            stacklevel=2,
        )

    def _compute(self, rows, predictions):
        X, y, sample_weight = rows
        if _have_no_weight(sample_weight) or not np.isfinite(predictions).all():
            return np.nan
        if self.scorer is None:
            return float(self.estimator._score_predictions(predictions, y, sample_weight))
        weighs = self.takes_weights and sample_weight is not None
        weights = {"sample_weight": sample_weight} if weighs else {}
        return float(self.scorer(nameless(self.estimator), X, self.estimator._decode(y), **weights))

    def _explain(self, rows, predictions, score, caught):
        if not np.isfinite(predictions).all():
            return "the network's predictions are not finite"
        if _have_no_weight(rows[2]):
            return "no validation row has weight"
        reasons = [self._not_shown(rows), *(str(one.message).rstrip(".") for one in caught[:1])]
        return "; ".join(filter(None, reasons)) or f"the scorer returned {score}"

    def _not_shown(self, rows):
        _, y, sample_weight = rows
        names = self.estimator._not_shown(y if sample_weight is None else y[sample_weight != 0])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return f"the validation rows do not show {', '.join(names[:5])}{more}" if names else ""

    def _tell(self, caught):
        """Show the scorer's warnings about a score that there is, each once a fit."""
        for one in caught:
            if (one.category, str(one.message)) not in self._told:
                self._told.add((one.category, str(one.message)))
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def takes_weights(scorer) -> bool:
    """Whether a scorer has a parameter `sample_weight`, or the metric of one of `make_scorer`."""
    try:
        parameters = inspect.signature(getattr(scorer, "_score_func", scorer)).parameters
    except (TypeError, ValueError):
        # None, or a callable without a signature.
        return False
    return "sample_weight" in parameters


def nameless(estimator):
    """A fitted copy that shares the network and takes arrays without column names."""
    fitted = copy.copy(estimator)
    fitted.__dict__.pop("feature_names_in_", None)
    return fitted


def _have_no_weight(sample_weight):
    return sample_weight is not None and not sample_weight.any()


@contextmanager
def _caught_warnings():
    """Yield the list that takes warnings in place of showing them.

    Outside the main thread they are shown: the filters are the whole process's, and would be left
    changed where two threads change and restore them at once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught
