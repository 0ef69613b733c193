"""All networks of a run as one fitted classifier."""

from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from digit_recognizer.errors import InputError
from digit_recognizer.estimator import NumpyNetClassifier
from digit_recognizer.estimator.exchange import OnnxExport
from digit_recognizer.estimator.plots import ClassifierPlots
from digit_recognizer.pipeline.ensembles.combining import restored
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.runs.members import MODEL_FILE
from digit_recognizer.pipeline.runs.named_runs import find_finished
from digit_recognizer.pipeline.runs.predictions import (
    REPLACE,
    check_unchanged,
    read_metrics,
    unfinished,
)
from digit_recognizer.pipeline.runs.run_directory import METRICS_FILE, RECIPE_FILE, RUNS_FOLDER

AGAIN = "train the run again with --fresh"


class RunClassifier(ClassifierMixin, ClassifierPlots, OnnxExport, BaseEstimator):
    """What predicted a run's submission: its networks, combined as there; `load_run` makes it.

    It is frozen as scikit-learn's `FrozenEstimator` is: `fit` changes nothing, and its clone is
    itself.

    Parameters
    ----------
    run : str
        Name of the run.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
        Values of an image.
    competition_ : Competition
        What the images are like.
    groups_ : list of tuple
        Of a combiner, and the list of classifiers whose probabilities it makes one of. The mean
        over the groups, one a fold, is what is predicted.
    """

    def __init__(self, run):
        self.run = run

    @property
    def networks_(self) -> list[NumpyNetClassifier]:
        """The networks, fold by fold; those of a blend run by run."""
        members = [member for _, group in self.groups_ for member in group]
        return [network for member in members for network in getattr(member, "networks_", [member])]

    def fit(self, X, y=None):
        """Change nothing."""
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or (n, n_pixels)
            Images with the values the run was trained on, 0 to 255; or a DataFrame with the
            competition's pixel columns, others left aside.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            In the order of `classes_`.
        """
        X = self._rows(X)
        return np.mean(
            [
                combine(np.stack([member.predict_proba(X) for member in members]))
                for combine, members in self.groups_
            ],
            axis=0,
        )

    def add_to_onnx(self, graph, add, output: str | None) -> str:
        """Add `predict_proba` to a graph, of which `to_onnx` makes a file.

        Parameters
        ----------
        graph : Graph
            Of `interop`.
        add : callable
            ``add(classifier)`` adds the probabilities of one of the networks and returns their
            name.
        output : str or None
            The name to give them; None for one that is made up.
        """
        groups = [
            combine.add_to_onnx(graph, [add(member) for member in members])
            for combine, members in self.groups_
        ]
        return graph.node("Mean", groups, output)

    def predict_log_proba(self, X) -> np.ndarray:
        """Logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X) -> np.ndarray:
        """The class of the highest probability for each image; X as for `predict_proba`."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _rows(self, X):
        """Images as rows of their values."""
        names = self.competition_.pixel_names
        if names is not None and set(names) <= set(getattr(X, "columns", ())):
            return X[list(names)].to_numpy()
        if hasattr(X, "columns") or hasattr(X, "tocsr"):
            return X
        X, shape = np.asarray(X), self.competition_.image_shape
        of_one = shape[:2] if shape[2] == 1 else shape
        if X.shape in (shape, of_one) and X.shape[-1] != self.n_features_in_:
            raise ValueError(
                f"X is one image, of shape {X.shape}; X[np.newaxis] is a list of one, as it takes."
            )
        if X.ndim > 2 and X.shape[1:] not in (shape, of_one):
            raise ValueError(
                f"X has images of shape {X.shape[1:]}, but the run {self.run} was trained on "
                f"{of_one}; bring them to that size."
            )
        return X.reshape(len(X), -1) if X.ndim > 2 else X

    def __sklearn_is_fitted__(self):
        return hasattr(self, "groups_")

    def __sklearn_clone__(self):
        return self


def load_run(run=None) -> RunClassifier:
    """The networks of a finished run or blend as one fitted classifier.

    Parameters
    ----------
    run : str, Path or None, default=None
        The run's folder, its ID in ``runs/``, a beginning of that, or a recipe's name for its
        newest run; None for the newest run.

    Returns
    -------
    RunClassifier

    Raises
    ------
    ValueError
        If there is no such run, it is not finished, or a file of it is missing or damaged.

    Examples
    --------
    >>> from digit_recognizer import load_run
    >>> load_run("runs/fast-1a2b3c4d").predict_proba(images)  # doctest: +SKIP
    """
    return _load(find_finished(None if run is None else str(run), RUNS_FOLDER))


def _load(path: Path) -> RunClassifier:
    metrics = read_metrics(path / METRICS_FILE)
    if not metrics:
        raise unfinished(path / METRICS_FILE)
    check_unchanged(path, RECIPE_FILE)
    try:
        combiners = restored(metrics["ensemble"])
    except KeyError as error:
        raise InputError(
            f"{path / METRICS_FILE} does not hold how the networks are combined, for an earlier "
            f"version wrote it; {AGAIN}."
        ) from error
    is_blend = "blend" in metrics
    groups = [_parts(path, metrics["blend"])] if is_blend else _networks(path, metrics)
    first = groups[0][0]
    loaded = RunClassifier(path.absolute().name)
    loaded.classes_, loaded.n_features_in_ = first.classes_, first.n_features_in_
    loaded.competition_ = load_recipe(path / RECIPE_FILE).competition
    n_folds = len(groups) // len(combiners)
    loaded.groups_ = [(combiners[i // n_folds], group) for i, group in enumerate(groups)]
    return loaded


def _parts(path, names):
    """The runs that a blend is made of, which are beside it or named by their paths."""
    places = [path.parent / name for name in names]
    return [
        _load(place if place.is_dir() else Path(name))
        for place, name in zip(places, names, strict=True)
    ]


def _networks(path, metrics):
    """The networks of each fold."""
    groups = {}
    several = any(result["network"] > 1 for result in metrics["networks"])
    for result in metrics["networks"]:
        folder = path / f"fold-{result['fold']}"
        folder = folder / f"network-{result['network']}" if several else folder
        groups.setdefault(result["fold"], []).append(_network(folder / MODEL_FILE))
    return list(groups.values())


def _network(path):
    try:
        network = NumpyNetClassifier.load(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{str(error).removesuffix('.')}; {REPLACE}.") from error
    if network.scaling is None:
        raise InputError(
            f"{path} does not hold the scaling of its pixels, for an earlier version wrote it; "
            f"{AGAIN}."
        )
    return network
