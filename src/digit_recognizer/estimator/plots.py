"""The estimators' plots, as methods: scikit-learn's Displays, drawn with matplotlib."""

from importlib import import_module


def _displays():
    # They are drawn from fitted estimators: the room is looked up when a method is called.
    return import_module("digit_recognizer.report").load_displays()


class HistoryPlot:
    """`plot_history`, of what has a `history_` or networks that have."""

    def plot_history(self, *, metric="loss", ax=None):
        """Plot the epochs of the training.

        Parameters
        ----------
        metric : {"loss", "score", "learning_rate", "seconds"}, default="loss"
            "loss" and "score" show training and validation set, where both were measured.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        display : HistoryDisplay

        Raises
        ------
        ValueError
            If the training has no record of it.
        """
        return _displays().HistoryDisplay.from_estimator(self, metric=metric, ax=ax)


class ClassifierPlots(HistoryPlot):
    """The plots of classifiers."""

    def plot_confusion(self, X, y, *, normalize=None, ax=None):
        """Plot the confusion matrix of the predictions for X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        normalize : {"true", "pred", "all"} or None, default=None
            As scikit-learn's `ConfusionMatrixDisplay` takes it.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        display : sklearn.metrics.ConfusionMatrixDisplay
        """
        return _displays().confusion_display(self, X, y, normalize=normalize, ax=ax)

    def plot_mistakes(self, X, y, *, n_images=25, ax=None):
        """Show the images of X that are predicted wrong, the surest mistakes first.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Images, as `input_shape` says.
        y : array-like of shape (n_samples,)
        n_images : int, default=25
            Most images.
        ax : matplotlib Axes, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        display : MistakesDisplay
        """
        return _displays().MistakesDisplay.from_estimator(self, X, y, n_images=n_images, ax=ax)
