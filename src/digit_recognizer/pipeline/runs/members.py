"""Members of a run: the networks to train, and the files that each leaves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digit_recognizer.checksummed import damaged_files, read_checksummed, write_checksummed
from digit_recognizer.files import sha256, write_array, write_bytes
from digit_recognizer.pipeline.ensembles.folds import Fold
from digit_recognizer.pipeline.recipes.recipe import Recipe
from digit_recognizer.pipeline.recipes.sections import Teach
from digit_recognizer.pipeline.runs import history

MODEL_FILE, OOF_FILE, TEST_FILE = "model.safetensors", "oof.npy", "test.npy"
RESULT_FILE = "result.json"
# What a finished member has, and its result vouches for.
FILES = (MODEL_FILE, OOF_FILE, TEST_FILE, history.FILE)
# What a teacher of training rows has besides: its probabilities for those of its fold.
TRAIN_FILE = "train.npy"
TEACHERS_FOLDER = "teachers"


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
    teach : Teach or None, default=None
        Of a teacher, and of a network that is taught.
    teachers : tuple of Member, default=()
        Of the same fold, whose probabilities it learns.
    """

    fold: Fold
    number: int
    estimator: object
    folder: Path
    teach: Teach | None = None
    teachers: tuple["Member", ...] = ()

    @property
    def is_teacher(self) -> bool:
        """Whether it is trained to teach the others of its fold."""
        return self.teach is not None and not self.teachers

    @property
    def key(self) -> tuple:
        """What tells it from the others of a run, see `key_of`."""
        return self.fold.number, self.number, self.is_teacher

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that it has when it is finished."""
        teaches_rows = self.is_teacher and self.teach.teaches_training_rows
        return (*FILES, TRAIN_FILE) if teaches_rows else FILES

    @property
    def name(self) -> str:
        """What messages call it."""
        alone = self.folder.name == self.fold.name
        kind = "teacher" if self.is_teacher else "network"
        which = [kind] * (self.is_teacher or not alone) + [str(self.number)] * (not alone)
        return " ".join([f"fold {self.fold.number}", *which])


def key_of(result: dict) -> tuple:
    """`Member.key` of the network that a result is of."""
    return result["fold"], result["network"], result.get("teacher", False)


def make_members(recipe: Recipe, folds: list[Fold], run_folder: Path) -> list[Member]:
    """The networks of all folds, each after its teachers: for each architecture one a seed.

    A fold's only network has its files in the fold's folder, several have folders in it. Those of
    the teachers are as these, in a folder of their own.
    """
    teach, n_networks = recipe.teach, recipe.ensemble.n_networks
    teachers, networks = [], []
    for fold in folds:
        own = []
        if teach is not None:
            place, seeds = run_folder / TEACHERS_FOLDER / fold.name, fold.seeds[n_networks:]
            own = _of_fold(place, fold, seeds, recipe.make_teachers(), teach.seeds, teach)
        teachers += own
        teaching = recipe.ensemble.seeds, teach, tuple(own)
        place, seeds = run_folder / fold.name, fold.seeds[:n_networks]
        networks += _of_fold(place, fold, seeds, recipe.make_estimators(), *teaching)
    return [*teachers, *networks]


def _of_fold(place, fold, seeds, estimators, n_seeds, *teaching):
    from sklearn.base import clone

    several = [estimator for estimator in estimators for _ in range(n_seeds)]
    members = []
    for number, (estimator, seed) in enumerate(zip(several, seeds, strict=True), start=1):
        folder = place if len(several) == 1 else place / f"network-{number}"
        estimator = clone(estimator).set_params(random_state=seed)
        members.append(Member(fold, number, estimator, folder, *teaching))
    return members


def write_result(folder: Path, result: dict, files=FILES) -> None:
    """Vouch for the files of a finished member: the last thing that its training writes."""
    digests = {name: sha256(folder / name) for name in files}
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
    """Write the files of a member that was trained elsewhere, its result, which is last, too."""
    for name, content in contents.items():
        write_bytes(folder / name, content)


def read_predictions(member: Member) -> tuple[np.ndarray, np.ndarray]:
    """What `write_predictions` wrote."""
    oof, test = (np.load(member.folder / n, allow_pickle=False) for n in (OOF_FILE, TEST_FILE))
    return oof, test
