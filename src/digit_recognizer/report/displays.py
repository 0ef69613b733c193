"""Displays in scikit-learn's style: data in the constructor, axes by `plot`."""

from math import ceil, isqrt

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.utils.validation import check_is_fitted

# The records of the history that a metric shows, and how their lines are named.
METRICS = {
    "loss": {"loss": "training", "validation_loss": "validation"},
    "score": {
        "train_score": "training",
        "validation_score": "validation",
        "accuracy": "out of fold",
    },
    "learning_rate": {"learning_rate": "learning rate"},
    "seconds": {"seconds": "seconds"},
}
# More networks are drawn without a legend.
MOST_NAMED = 10


class HistoryDisplay:
    """The epochs of one or several trainings as lines.

    Parameters
    ----------
    histories : list of list of dict
        The `history_` of each network.
    metric : {"loss", "score", "learning_rate", "seconds"}, default="loss"

    Attributes
    ----------
    lines_ : list of matplotlib Artist
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from digit_recognizer import NumpyNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = NumpyNetClassifier(max_iter=5, tol=0, learning_rate="cosine").fit(X[:500], y[:500])
    >>> display = clf.plot_history()
    >>> display.ax_.get_ylabel()
    'loss'
    """

    def __init__(self, histories, *, metric="loss"):
        self.histories = histories
        self.metric = metric

    @classmethod
    def from_estimator(cls, estimator, *, metric="loss", ax=None):
        """Plot the history of a fitted estimator, or of the networks of a run.

        Parameters
        ----------
        estimator : NumpyNetClassifier, NumpyNetRegressor, Pipeline or what `load_run` returns
            Of a Pipeline, the last step.
        metric : {"loss", "score", "learning_rate", "seconds"}, default="loss"
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : HistoryDisplay
        """
        estimator = estimator[-1] if hasattr(estimator, "steps") else estimator
        check_is_fitted(estimator)
        networks = getattr(estimator, "networks_", [estimator])
        histories = [getattr(network, "history_", []) for network in networks]
        return cls(histories, metric=metric).plot(ax)

    def plot(self, ax=None):
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None for a new figure.

        Returns
        -------
        display : HistoryDisplay

        Raises
        ------
        ValueError
            If the metric is unknown, or no history has it.
        """
        if self.metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}.")
        names = METRICS[self.metric]
        if not any(name in row for history in self.histories for row in history for name in names):
            raise ValueError(
                f"The training has no record of {' or '.join(names)}: "
                "scores need a validation set, and the solver lbfgs keeps the loss only."
            )
        self.figure_, self.ax_ = _axes(ax)
        self.lines_ = []
        for number, history in enumerate(self.histories):
            for dashes, (name, label) in zip(("-", "--", ":"), names.items(), strict=False):
                rows = [row for row in history if row.get(name) is not None]
                if not rows:
                    continue
                if len(self.histories) > 1:
                    label = f"{label}, network {number + 1}"
                epochs, values = [row["epoch"] for row in rows], [row[name] for row in rows]
                marker = "." if len(rows) <= 12 else None
                line = {"color": f"C{number}", "linestyle": dashes, "marker": marker}
                self.lines_ += self.ax_.plot(epochs, values, label=label, **line)
        self.ax_.set(xlabel="epoch", ylabel=self.metric.replace("_", " "))
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        if 1 < len(self.lines_) <= MOST_NAMED:
            self.ax_.legend()
        return self


class MistakesDisplay:
    """Images that are predicted wrong, in one picture, each with its label and its prediction.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, 3)
    labels, predictions : array-like of shape (n_images,)
    probabilities : ndarray of shape (n_images,)
        Of the predictions.
    n_mistakes : int
        All there are, of which these are the surest.

    Attributes
    ----------
    image_ : matplotlib Artist
    text_ : list of matplotlib Artist
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from digit_recognizer import NumpyNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = NumpyNetClassifier(max_iter=5, learning_rate="cosine").fit(X[:500], y[:500])
    >>> display = clf.plot_mistakes(X[500:], y[500:], n_images=9)
    >>> len(display.text_)
    9
    """

    def __init__(self, images, labels, predictions, probabilities, *, n_mistakes):
        self.images = images
        self.labels = labels
        self.predictions = predictions
        self.probabilities = probabilities
        self.n_mistakes = n_mistakes

    @classmethod
    def from_estimator(cls, estimator, X, y, *, image_shape=None, n_images=25, ax=None):
        """Show what a fitted classifier predicts wrong.

        Parameters
        ----------
        estimator : classifier with `predict_proba`
        X : array-like of shape (n_samples, n_features), or images as the estimator takes them
        y : array-like of shape (n_samples,)
        image_shape : tuple of int, default=None
            Height, width and channels; None for the estimator's `input_shape`, else square images
            of one channel.
        n_images : int, default=25
            Most images.
        ax : matplotlib Axes, default=None

        Returns
        -------
        display : MistakesDisplay
        """
        probabilities = estimator.predict_proba(X)
        if image_shape is None:
            competition = getattr(estimator, "competition_", None)
            last = estimator[-1] if hasattr(estimator, "steps") else estimator
            image_shape = competition and competition.image_shape
            image_shape = image_shape or getattr(last, "input_shape", None)
        settings = {"image_shape": image_shape, "n_images": n_images, "ax": ax}
        return cls.from_predictions(X, y, probabilities, estimator.classes_, **settings)

    @classmethod
    def from_predictions(
        cls, X, y, probabilities, classes, *, image_shape=None, n_images=25, ax=None
    ):
        """Show what is predicted wrong.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or of one more axis or two
        y : array-like of shape (n_samples,)
        probabilities : array-like of shape (n_samples, n_classes)
        classes : array-like of shape (n_classes,)
        image_shape, n_images, ax
            See `from_estimator`.

        Returns
        -------
        display : MistakesDisplay

        Raises
        ------
        ValueError
            If the rows of X are no images of that shape.
        """
        X, y, probabilities, classes = map(np.asarray, (X, y, probabilities, classes))
        images = _as_images(X, image_shape)
        predictions, sure = classes[probabilities.argmax(axis=1)], probabilities.max(axis=1)
        wrong = np.flatnonzero(predictions != y)
        shown = wrong[np.argsort(-sure[wrong], kind="stable")][:n_images]
        parts = images[shown], y[shown], predictions[shown], sure[shown]
        return cls(*parts, n_mistakes=len(wrong)).plot(ax)

    def plot(self, ax=None):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None for a new figure.

        Returns
        -------
        display : MistakesDisplay
        """
        self.figure_, self.ax_ = _axes(ax)
        self.ax_.set_axis_off()
        n, shown = self.n_mistakes, len(self.images)
        self.ax_.set_title(f"{n:,} mistakes" + (f", the {shown} surest" if shown < n else ""))
        self.image_, self.text_ = None, []
        if not shown:
            return self
        columns = isqrt(shown - 1) + 1
        height, width = self.images.shape[1:3]
        # Room below each image for its caption.
        pitch, gap = ceil(height * 1.35), max(1, width // 10)
        size = ceil(shown / columns) * pitch, columns * (width + gap) - gap
        sheet = np.full((*size, *self.images.shape[3:]), np.nan)
        for number, image in enumerate(self.images):
            top, left = number // columns * pitch, number % columns * (width + gap)
            sheet[top : top + height, left : left + width] = image
            caption = f"{self.labels[number]} → {self.predictions[number]}"
            place = left + width / 2 - 0.5, top + height - 0.5
            self.text_.append(self.ax_.text(*place, caption, ha="center", va="top", fontsize=8))
        if sheet.ndim == 3:
            low, high = np.nanmin(sheet), np.nanmax(sheet)
            sheet = np.nan_to_num((sheet - low) / max(high - low, 1e-12), nan=1.0)
        self.image_ = self.ax_.imshow(sheet, cmap="gray")
        return self


def confusion_display(estimator, X, y, *, normalize=None, ax=None):
    """scikit-learn's confusion matrix of a fitted classifier."""
    settings = {"normalize": normalize, "ax": ax, "colorbar": False}
    if normalize:
        settings["values_format"] = ".2f"
    return ConfusionMatrixDisplay.from_estimator(estimator, X, y, **settings)


def _axes(ax):
    """The figure and the axes to draw on, new ones without `ax`."""
    if ax is None:
        return plt.subplots()
    return ax.figure, ax


def _as_images(X, image_shape):
    """Rows as images, without an axis of one channel."""
    if X.ndim == 2:
        side = isqrt(X.shape[1])
        shape = tuple(image_shape) if image_shape is not None else (side, side)
        if np.prod(shape) != X.shape[1]:
            raise ValueError(
                f"Rows of {X.shape[1]} features are no images of shape {shape}; give image_shape."
            )
        X = X.reshape(len(X), *shape)
    return X[..., 0] if X.ndim == 4 and X.shape[3] == 1 else X
