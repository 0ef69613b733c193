"""The fits of a classifier, which may learn probabilities in place of one class a row."""

from collections.abc import Iterator

from sklearn.base import _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target

from digit_recognizer.estimator.fitting.callbacks import with_callbacks
from digit_recognizer.estimator.fitting.epochs import FitByEpochs
from digit_recognizer.estimator.fitting.solvers import can_fit_partially


class SoftFits(FitByEpochs):
    """`fit`, `fit_epochs` and `partial_fit` with `targets`."""

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, targets=None):
        """Fit the model to data matrix X and labels y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 are computed in as they are, other types in float64.
            Copied once where it is not C-contiguous or of another type; sparse rows stay sparse
            where the first layer is dense. With `scaling` integers of 8 or 16 bits stay what they
            are, and sparse rows become dense in their batch.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a label indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), default=None
        y_val : array-like of shape (n_validation,) or (n_validation, n_labels), default=None
            A validation set: its loss and score after each epoch go to `history_`, and with
            ``early_stopping=True`` it takes the place of rows split off from X.
        targets : array-like or DataFrame of shape (n_samples, n_classes), default=None
            Soft targets: probabilities that the loss takes in place of y's classes, such as another
            network's predictions. Columns are in the order of `classes_`, those of a DataFrame are
            found by their names; a row adds up to 1, or has each label's probability where y has
            several labels. `label_smoothing` applies to them as to y: (1 − ε) targets + ε / K. From
            y come `classes_`, the weights of the classes, the strata of a split, and scores.

        Returns
        -------
        self : object
        """
        return self._fit(X, y, sample_weight, (X_val, y_val), targets)

    def fit_epochs(
        self,
        X,
        y,
        sample_weight=None,
        X_val=None,
        y_val=None,
        state=None,
        on_step=None,
        targets=None,
    ) -> Iterator[dict]:
        """`fit` as an iterator that stands still after each epoch.

        Takes what `fit` takes, and calls no callbacks. Stopping the iteration early leaves a
        fitted estimator.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, targets
            As for `fit`.
        state : TrainingState or None, default=None
            From `training_state`: training goes on after the epoch it was taken, to the same
            bytes as if it had not stopped. The weights that this estimator has are forgotten.
        on_step : callable or None, default=None
            Called as ``on_step(clock, loss, learning_rate)`` after each step, with an `nn.Clock`
            that says how many of how many steps were taken, the loss of the step's batch and its
            learning rate; by "lbfgs" after each iteration, without a rate (None).

        Yields
        ------
        dict
            The epoch's record, as `history_` holds it; with `state` of the epochs that are left.

        Raises
        ------
        WrongState
            If the state is of an estimator with other parameters, or of other data; a ValueError.
        KeyboardInterrupt
            Ctrl-C ends the iteration, where it ends `fit` with a warning.
        """
        yield from self._resumable(X, y, sample_weight, (X_val, y_val), state, on_step, targets)

    @available_if(can_fit_partially)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None, targets=None):
        """Update the model with a single iteration over the given data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All classes that any call will have; needed at the first call.
        targets : array-like or DataFrame of shape (n_samples, n_classes), default=None
            Probabilities of all of `classes_` to learn in place of y, as for `fit`.

        Returns
        -------
        self : object
        """
        if _check_partial_fit_first_call(self, classes):
            multilabel = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
        return self._partial_fit(X, y, sample_weight, targets)
