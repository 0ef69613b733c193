"""Displays in scikit-learn's style, and the estimators' methods that make them."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.report.displays import HistoryDisplay, MistakesDisplay

X, Y = load_digits(return_X_y=True)


@pytest.fixture(scope="module", autouse=True)
def no_windows():
    import matplotlib.pyplot as plt

    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


@pytest.fixture(scope="module")
def classifier():
    """Trained for two epochs, with a validation set."""
    clf = NumpyNetClassifier((16,), max_iter=2, learning_rate="cosine", random_state=0)
    return clf.fit(X[:400], Y[:400], X_val=X[400:500], y_val=Y[400:500])


def test_the_history_is_a_line_for_each_record(classifier):
    display = classifier.plot_history()
    loss, validation = display.lines_
    assert loss.get_ydata().tolist() == [row["loss"] for row in classifier.history_]
    assert validation.get_ydata().tolist() == [
        row["validation_loss"] for row in classifier.history_
    ]
    assert loss.get_xdata().tolist() == [1, 2]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["training", "validation"]
    scores = classifier.plot_history(metric="score")
    assert len(scores.lines_) == 2 and scores.ax_.get_ylabel() == "score"


def test_displays_draw_on_the_axes_they_are_given(classifier):
    axes = Figure().subplots(3)
    for ax, display in zip(
        axes,
        (
            classifier.plot_history(ax=axes[0]),
            classifier.plot_confusion(X[500:], Y[500:], ax=axes[1]),
            classifier.plot_mistakes(X[500:], Y[500:], ax=axes[2]),
        ),
        strict=True,
    ):
        assert display.ax_ is ax and display.figure_ is ax.figure


def test_the_confusion_matrix_is_scikit_learns(classifier):
    display = classifier.plot_confusion(X[500:], Y[500:], normalize="true")
    assert isinstance(display, ConfusionMatrixDisplay)
    np.testing.assert_allclose(display.confusion_matrix.sum(axis=1), 1)


def test_mistakes_are_shown_the_surest_first(classifier):
    display = classifier.plot_mistakes(X[500:], Y[500:], n_images=4)
    probabilities = classifier.predict_proba(X[500:])
    sure = np.where(probabilities.argmax(axis=1) != Y[500:], probabilities.max(axis=1), -1)
    surest = np.argsort(-sure)[:4]
    np.testing.assert_array_equal(display.images, X[500:][surest].reshape(-1, 8, 8))
    assert display.labels.tolist() == Y[500:][surest].tolist()
    assert [text.get_text() for text in display.text_] == [
        f"{Y[500:][i]} → {probabilities[i].argmax()}" for i in surest
    ]
    assert display.ax_.get_title() == f"{(sure >= 0).sum():,} mistakes, the 4 surest"


def test_predictions_without_a_mistake_and_colours():
    images, classes = np.zeros((2, 12)), np.array(["a", "b"])
    colours = {"image_shape": (2, 2, 3)}
    right = MistakesDisplay.from_predictions(images, classes, np.eye(2), classes, **colours)
    assert right.ax_.get_title() == "0 mistakes" and right.text_ == []
    wrong = MistakesDisplay.from_predictions(images, classes[::-1], np.eye(2), classes, **colours)
    assert wrong.images.shape == (2, 2, 2, 3)
    with pytest.raises(ValueError, match=r"Rows of 12 features are no images of shape \(3, 3\)"):
        MistakesDisplay.from_predictions(images, classes[::-1], np.eye(2), classes)


def test_what_was_not_measured_is_told():
    regressor = NumpyNetRegressor(max_iter=1, learning_rate="cosine").fit(X[:50], Y[:50] / 9.0)
    with pytest.raises(ValueError, match="no record of train_score or validation_score"):
        regressor.plot_history(metric="score")
    with pytest.raises(ValueError, match="metric must be one of loss, score"):
        regressor.plot_history(metric="losses")


def test_a_pipeline_shows_its_last_step(classifier):
    network = NumpyNetClassifier((8,), max_iter=2, learning_rate="cosine")
    pipeline = make_pipeline(StandardScaler(), network).fit(X[:200], Y[:200])
    assert len(HistoryDisplay.from_estimator(pipeline).lines_) == 1
    display = MistakesDisplay.from_estimator(pipeline, X[200:300], Y[200:300], n_images=2)
    assert len(display.images) == 2
