"""Members of the ensemble: the networks to train, and the files that each leaves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digit_recognizer.checksummed import damaged_files, read_checksummed, write_checksummed
from digit_recognizer.files import sha256, write_array, write_bytes
from digit_recognizer.pipeline.ensembles.folds import Fold
from digit_recognizer.pipeline.recipes.recipe import Recipe
from digit_recognizer.pipeline.runs import history

MODEL_FILE, OOF_FILE, TEST_FILE = "model.safetensors", "oof.npy", "test.npy"
RESULT_FILE = "result.json"
# What a finished member has, and its result vouches for.
FILES = (MODEL_FILE, OOF_FILE, TEST_FILE, history.FILE)


@dataclass(frozen=True, eq=False)
class Member:
    """One network of one fold.

    Parameters
    ----------
    fold : Fold
    number : int
        1 for the first network of the fold.
    estimator : NumpyNetClassifier
        Unfitted, with the member's architecture and seed.
    folder : Path
        Its place in the run directory.
    """

    fold: Fold
    number: int
    estimator: object
    folder: Path

    @property
    def name(self) -> str:
        """What messages call it."""
        alone = self.folder.name == self.fold.name
        return f"fold {self.fold.number}" + ("" if alone else f" network {self.number}")


def make_members(recipe: Recipe, folds: list[Fold], run_folder: Path) -> list[Member]:
    """The networks of all folds: for each architecture one a seed.

    A fold's only network has its files in the fold's folder, several have folders in it.
    """
    from sklearn.base import clone

    estimators = [
        estimator for estimator in recipe.make_estimators() for _ in range(recipe.ensemble.seeds)
    ]
    members = []
    for fold in folds:
        place = run_folder / fold.name
        for number, (estimator, seed) in enumerate(zip(estimators, fold.seeds, strict=True), 1):
            folder = place if len(estimators) == 1 else place / f"network-{number}"
            members.append(
                Member(fold, number, clone(estimator).set_params(random_state=seed), folder)
            )
    return members


def write_result(folder: Path, result: dict) -> None:
    """Vouch for the files of a finished member: the last thing that its training writes."""
    digests = {name: sha256(folder / name) for name in FILES}
    write_checksummed(folder / RESULT_FILE, result | {"files": digests})


def read_result(folder: Path) -> dict | None:
    """The result of a member whose files are all there and as they were written, or None."""
    result = read_checksummed(folder / RESULT_FILE)
    if result is None or damaged_files(folder, result):
        return None
    return {name: value for name, value in result.items() if name != "files"}


def write_predictions(folder: Path, oof: np.ndarray, test: np.ndarray) -> None:
    """Write a member's probabilities for its fold's validation rows and for the test images."""
    write_array(folder / OOF_FILE, oof)
    write_array(folder / TEST_FILE, test)


def write_contents(folder: Path, contents: dict[str, bytes]) -> None:
    """Write the files of a member that was trained elsewhere, its result last."""
    for name in (*FILES, RESULT_FILE):
        write_bytes(folder / name, contents[name])


def read_predictions(member: Member) -> tuple[np.ndarray, np.ndarray]:
    """What `write_predictions` wrote."""
    oof, test = (np.load(member.folder / n, allow_pickle=False) for n in (OOF_FILE, TEST_FILE))
    return oof, test
