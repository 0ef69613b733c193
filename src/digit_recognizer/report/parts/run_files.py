"""The files of a run, each read when a section of the report first needs it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.checksummed import read_checksummed
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.dataset import Data, load_data
from digit_recognizer.pipeline.recipes.recipe import Recipe, load_recipe
from digit_recognizer.pipeline.runs import history, members, run_directory
from digit_recognizer.pipeline.runs.predictions import (
    OutOfFold,
    TestPredictions,
    read_out_of_fold,
    read_test,
)

# Rows for which a network must give what its run has of it.
N_CHECKED = 20


class Missing(Exception):
    """What a section needs is not there; the sentence says what, and stands in its place."""


@dataclass(frozen=True, eq=False)
class MemberFiles:
    """The files of one trained network.

    Parameters
    ----------
    folder : Path
    fold, number : int
        The fold it belongs to, and its place among the networks of that fold, both from 1.
    alone : bool
        Whether each fold has one network.
    kind : {"network", "teacher"}, default="network"
    """

    folder: Path
    fold: int
    number: int
    alone: bool
    kind: str = "network"

    @property
    def name(self) -> str:
        """What the report calls it."""
        if self.alone:
            return f"fold {self.fold}" + (", teacher" if self.kind == "teacher" else "")
        return f"fold {self.fold}, {self.kind} {self.number}"

    @cached_property
    def result(self) -> dict:
        """What its training came to; empty until it has ended."""
        return read_checksummed(self.folder / members.RESULT_FILE) or {}

    @cached_property
    def history(self) -> list[dict]:
        """A row an epoch, with numbers; None where there is none, as for L-BFGS."""
        rows = history.read_history(self.folder / history.FILE)
        return [{k: float(v) if v else None for k, v in row.items()} for row in rows]

    def probabilities(self, name: str) -> np.ndarray | None:
        """Its predictions in a file, of shape (n, n_classes); None if that is not there."""
        try:
            return np.load(self.folder / name, allow_pickle=False)
        except (OSError, ValueError):
            return None


@dataclass(frozen=True, eq=False)
class RunFiles:
    """A run, as its directory shows it.

    Parameters
    ----------
    path : Path
        The run's directory.
    given : Data or None, default=None
        The data it was made with, whole, where they are in memory.
    """

    path: Path
    given: Data | None = None
    _estimators: dict = field(default_factory=dict, repr=False)

    @cached_property
    def metrics(self) -> dict:
        """The content of ``metrics.json``; empty until the run is finished."""
        return read_checksummed(self.path / run_directory.METRICS_FILE) or {}

    @cached_property
    def identity(self) -> dict:
        """What the run is known by."""
        return run_directory.read_identity(self.path)

    @cached_property
    def recipe(self) -> Recipe:
        """Its recipe, checked."""
        return load_recipe(self.path / run_directory.RECIPE_FILE)

    @cached_property
    def out_of_fold(self) -> OutOfFold:
        """The predictions of training rows."""
        return read_out_of_fold(self.path, self.path.parent)

    @cached_property
    def y(self) -> np.ndarray:
        """The labels' indices among the classes, of shape (n_train,)."""
        return self._indices(self.out_of_fold.labels)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predictions' indices among the classes, of shape (n_train,)."""
        return self._indices(self.out_of_fold.predictions)

    def _indices(self, names):
        places = {name: index for index, name in enumerate(self.out_of_fold.classes)}
        return np.array([places[name] for name in names.tolist()])

    @cached_property
    def test(self) -> TestPredictions:
        """The predictions of the test images."""
        return read_test(self.path)

    @cached_property
    def members(self) -> list[MemberFiles]:
        """The networks whose training has begun, by fold; a blend has none."""
        return self._members_in(self.path)

    @cached_property
    def teachers(self) -> list[MemberFiles]:
        """The teachers of these, as far as their training has begun."""
        return self._members_in(self.path / members.TEACHERS_FOLDER, "teacher")

    def _members_in(self, path, *kind):
        folders = {path.parent for path in path.glob(f"fold-*/**/{history.FILE}")}
        alone = not any(folder.name.startswith("network-") for folder in folders)
        found = []
        for folder in folders:
            fold, number = (folder, "1") if alone else (folder.parent, folder.name.split("-")[1])
            fold_number = int(fold.name.split("-")[1])
            found.append(MemberFiles(folder, fold_number, int(number), alone, *kind))
        return sorted(found, key=lambda member: (member.fold, member.number))

    @cached_property
    def data(self) -> Data:
        """The data that the run was made with, whole.

        Raises
        ------
        Missing
            If they are not there any more, or are others now.
        """
        if self.given is not None:
            return self.given
        folder = self.identity.get("data_folder")
        if folder is None:
            raise Missing("The run does not say where its data were.")
        if not Path(folder).exists():
            raise Missing(f"The data are no longer at {folder}; put them back to see the images.")
        try:
            data = load_data(folder, self.recipe.competition)
        except InputError as error:
            raise Missing(f"The images cannot be shown: {error}") from error
        known = {self.metrics.get("data"), self.identity.get("data")}
        if data.fingerprint not in known:
            raise Missing(f"The data in {folder} changed since the run; put them back to see them.")
        return data

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.recipe.competition.image_shape

    @cached_property
    def X_train(self) -> np.ndarray:
        """The images of the rows of `out_of_fold`, uint8 of shape (n_train, n_pixels)."""
        return self.data.X_train[self.out_of_fold.rows - 1]

    def images(self, X: np.ndarray) -> np.ndarray:
        """Rows of pixels as images, of shape (n, height, width, channels)."""
        return X.reshape(len(X), *self.image_shape)

    def estimator_of(self, fold: int) -> NumpyNetClassifier:
        """The first network of a fold, without views.

        Raises
        ------
        Missing
            If its file is not there or damaged, or it does not predict as it did.
        """
        if fold in self._estimators:
            return self._estimators[fold]
        member = next((member for member in self.members if member.fold == fold), None)
        if member is None:
            raise Missing("The run has no networks of its own.")
        try:
            estimator = NumpyNetClassifier.load(member.folder / members.MODEL_FILE)
        except (OSError, ValueError) as error:
            raise Missing(f"A network cannot be loaded ({error}).") from error
        self._check(estimator, member)
        self._estimators[fold] = estimator.set_params(views=None)
        return estimator

    def _check(self, estimator, member):
        """Whether a network gives the probabilities that its run has: older ones need scaling."""
        known = member.probabilities(members.OOF_FILE)
        positions = np.flatnonzero(self.out_of_fold.folds == member.fold)[:N_CHECKED]
        if known is None or not np.allclose(
            estimator.predict_proba(self.X_train[positions]), known[: len(positions)], atol=1e-3
        ):
            raise Missing(
                f"The network of {member.name} does not predict as it did; an older version made "
                "it, or its files were changed."
            )

    def predictor(self, fold: int):
        """What the first network of a fold predicts, without views.

        Returns
        -------
        predict : callable
            From images, uint8 of shape (n, height, width, channels), to probabilities.
        multiply_adds : int
            Of one image.

        Raises
        ------
        Missing
            As `estimator_of`.
        """
        estimator = self.estimator_of(fold)
        return (
            lambda images: estimator.predict_proba(images.reshape(len(images), -1)),
            estimator.summary().multiply_adds,
        )
