"""The run directory: what a run is known by, and what it keeps from one start to the next."""

import hashlib
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path

from digit_recognizer.checksummed import damaged_files, read_checksummed, write_checksummed
from digit_recognizer.errors import InputError
from digit_recognizer.files import explaining, make_folder, remove_leftovers, write_bytes
from digit_recognizer.pipeline.data.dataset import Data
from digit_recognizer.pipeline.recipes.recipe import Recipe
from digit_recognizer.pipeline.runs import locks
from digit_recognizer.pipeline.runs.versions import describe_changes, versions

RUNS_FOLDER = Path("runs")
IDENTITY_FILE, RECIPE_FILE, METRICS_FILE = "run.json", "recipe.toml", "metrics.json"
OOF_FILE, TEST_FILE, SUBMISSION_FILE = "oof.csv", "test.csv", "submission.csv"
# What a finished run has, and its metrics vouch for.
FILES = (RECIPE_FILE, OOF_FILE, TEST_FILE, SUBMISSION_FILE)


class RunDirectory:
    """The directory of one recipe, data and seed.

    Parameters
    ----------
    recipe : Recipe
    data : Data
    data_folder : Path
        Where the data were read from.

    Attributes
    ----------
    id : str
        The recipe's name, and a hash of what decides the result.
    path : Path
    token : str
        Tells this run's directory from others of the same name on other machines.
    """

    def __init__(self, recipe: Recipe, data: Data, data_folder: Path):
        self.recipe = recipe
        decisive = f"{recipe.fingerprint()}\n{data.fingerprint}"
        self.id = f"{recipe.name}-{hashlib.sha256(decisive.encode()).hexdigest()[:8]}"
        self.path = RUNS_FOLDER / self.id
        self._identity = {
            "recipe": recipe.fingerprint(),
            "data": data.fingerprint,
            "data_folder": str(Path(data_folder).resolve()),
            "files": data.files_digest,
            "is_sample": data.is_sample,
            "networks": recipe.n_networks,
        }

    @contextmanager
    def opened(self, fresh: bool, report):
        """Hold the directory's lock with the directory made ready.

        Parameters
        ----------
        fresh : bool
            Whether to begin anew instead of going on.
        report : callable
            Called with each sentence for the user.

        Raises
        ------
        OutsideError
            If another process works on the run.
        InputError
            If the data changed since an unfinished run of the same recipe began.
        """
        stale = [] if finished_metrics(self.path) else self._begun_with_other_data()
        if stale and not fresh:
            raise InputError(
                f"The data in {self._identity['data_folder']} changed since run {stale[0].name} "
                "began; put them back as they were to go on with it, or give --fresh to start over "
                "with these."
            )
        for path in stale:
            remove(path)
        make_folder(RUNS_FOLDER)
        with locks.locked(self.path):
            if fresh:
                empty(self.path)
            self._remove_leftovers()
            self._write_identity(report)
            try:
                yield self
            finally:
                self._remove_leftovers()

    def _begun_with_other_data(self):
        return [
            path
            for path in run_directories()
            if path != self.path and self._is_stale(path) and not finished_metrics(path)
        ]

    def _is_stale(self, path):
        identity = read_identity(path)
        same = all(identity.get(key) == self._identity[key] for key in ("recipe", "data_folder"))
        return same and identity["data"] != self._identity["data"]

    def _remove_leftovers(self):
        """Remove what writes that were cut off left."""
        remove_leftovers(self.path.rglob(".*.tmp"))

    def _write_identity(self, report):
        # Another folder with the same data is the same run.
        previous = read_checksummed(self.path / IDENTITY_FILE)
        self.token = (previous or {}).get("token") or secrets.token_hex(8)
        began_with = (previous or {}).get("versions", versions())
        changes = describe_changes(began_with, versions())
        if changes and finished_metrics(self.path) is None:
            report(
                f"Since the run began, {changes}: the bytes may differ from those of a run in one "
                "go; --fresh begins anew."
            )
        identity = self._identity | {"token": self.token, "versions": began_with}
        if identity != previous:
            write_checksummed(self.path / IDENTITY_FILE, identity)
        text = self.recipe.to_toml().encode()
        path = self.path / RECIPE_FILE
        there = path.read_bytes() if path.is_file() else text
        if there != text:
            report(f"{path} was altered or cut off; it is written again.")
        if there != text or not path.is_file():
            write_bytes(path, text)


def finished_metrics(path: Path) -> dict | None:
    """The metrics of a run whose results are all there and as they were written, or None."""
    metrics = read_checksummed(path / METRICS_FILE)
    return metrics if metrics is not None and not damaged_files(path, metrics) else None


def read_identity(path: Path) -> dict:
    """What a run's directory says it is of; empty if that is missing or damaged."""
    return read_checksummed(path / IDENTITY_FILE) or {}


def run_directories() -> list[Path]:
    """The directories in ``runs/`` that are runs, by name."""
    if not RUNS_FOLDER.is_dir():
        return []
    return sorted(path for path in RUNS_FOLDER.iterdir() if (path / IDENTITY_FILE).is_file())


def empty(path: Path) -> None:
    """Remove all that a run directory holds, but for the lock that the caller holds.

    Raises
    ------
    InputError
        If something cannot be removed.
    """
    with explaining(path, "emptied"):
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name not in locks.FILES:
                entry.unlink()


def remove(path: Path) -> None:
    """Remove a run directory.

    Raises
    ------
    OutsideError
        If a process works on it.
    InputError
        If it cannot be removed.
    """
    is_open = False
    with locks.locked(path), explaining(path, "removed"):
        empty(path)
        try:
            shutil.rmtree(path)
        except PermissionError:
            # Windows removes no file that is open.
            is_open = True
    if is_open:
        with explaining(path, "removed"):
            shutil.rmtree(path)
