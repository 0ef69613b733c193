"""Recipes: the TOML files that say what a run does."""

import dataclasses
import difflib
import hashlib
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from digit_recognizer.errors import InputError
from digit_recognizer.estimator import NumpyNetClassifier
from digit_recognizer.nn import Augment
from digit_recognizer.pipeline.competition import Competition

# Where `--recipe NAME` is looked for: here, in an installed package, in a source tree.
PACKAGE_FOLDER = Path(__file__).parents[1]
RECIPE_FOLDERS = (
    Path("recipes"),
    PACKAGE_FOLDER / "recipes",
    PACKAGE_FOLDER.parents[1] / "recipes",
)
# More than file systems take.
LONGEST_NAME = 200
# Set by the pipeline, for every fold its own.
OWN_PARAMETERS = {
    "augment": "give it in a section [augment]",
    "random_state": "give the seed in [cv]",
    "verbose": "it shows its progress",
    "warm_start": "each fold starts anew",
}


@dataclass(frozen=True)
class DataSettings:
    """Section ``[data]``.

    Parameters
    ----------
    scaling : {"unit", "standard"}, default="standard"
        Pixels become x / 255, or (x − mean) / standard deviation with both taken over all pixels
        of the training file.
    """

    scaling: str = "standard"

    def __post_init__(self):
        if self.scaling not in ("unit", "standard"):
            raise InputError(f"[data] scaling is {self.scaling!r}; give 'unit' or 'standard'.")


@dataclass(frozen=True)
class CrossValidation:
    """Section ``[cv]``.

    Parameters
    ----------
    folds : int, default=5
        Stratified folds, at least 2.
    seed : int, default=0
        The one seed of the run, at least 0.
    """

    folds: int = 5
    seed: int = 0

    def __post_init__(self):
        for name, least in (("folds", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"[cv] {name} is {getattr(self, name)}; give {least} or more.")


@dataclass(frozen=True)
class Compute:
    """Section ``[compute]``: how the work is spread; it changes no result.

    Parameters
    ----------
    jobs : int, default=0
        Folds trained at the same time; 0 for one a processor.
    """

    jobs: int = 0

    def __post_init__(self):
        if self.jobs < 0:
            raise InputError(f"[compute] jobs is {self.jobs}; give 0 for one a processor, or more.")


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    Parameters
    ----------
    name : str
        The file's name without its ending.
    competition : Competition
    data : DataSettings
    model : dict
        Parameters of the estimator that differ from their defaults.
    augment : Augment or None
        None without a section ``[augment]``.
    cv : CrossValidation
    compute : Compute
    """

    name: str
    competition: Competition = field(default_factory=Competition)
    data: DataSettings = field(default_factory=DataSettings)
    model: dict = field(default_factory=dict)
    augment: Augment | None = None
    cv: CrossValidation = field(default_factory=CrossValidation)
    compute: Compute = field(default_factory=Compute)

    def make_estimator(self) -> NumpyNetClassifier:
        """An unfitted estimator with the recipe's parameters."""
        shape = (self.competition.image_height, self.competition.image_width, 1)
        needed = "architecture" in self.model or self.augment is not None
        images = {"input_shape": shape} if needed else {}
        return NumpyNetClassifier(**images | self.model, augment=self.augment)

    def resolved(self) -> dict:
        """All sections with all their values, defaults included, as TOML holds them."""
        sections = {
            "competition": dataclasses.asdict(self.competition),
            "data": dataclasses.asdict(self.data),
            "model": self.make_estimator().get_params(),
            "cv": dataclasses.asdict(self.cv),
            "compute": dataclasses.asdict(self.compute),
        }
        for name in OWN_PARAMETERS:
            del sections["model"][name]
        if self.augment is not None:
            sections["augment"] = dataclasses.asdict(self.augment)
        return {
            section: {key: value for key, value in values.items() if value is not None}
            for section, values in sections.items()
        }

    def to_toml(self) -> str:
        """The resolved recipe as a TOML document."""
        return tomli_w.dumps(self.resolved())

    def fingerprint(self) -> str:
        """SHA-256 of what decides the result: everything but ``[compute]``."""
        decisive = {k: v for k, v in self.resolved().items() if k != "compute"}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


SECTIONS = {
    "competition": Competition,
    "data": DataSettings,
    "augment": Augment,
    "cv": CrossValidation,
    "compute": Compute,
}


def load_recipe(name, overrides: Mapping[str, Mapping] | None = None) -> Recipe:
    """Read and check a recipe.

    Parameters
    ----------
    name : str or Path
        A path to a TOML file, or the name of one in ``recipes/``.
    overrides : mapping of section to mapping of key to value, or None
        Values that replace the file's, such as those of the command line.

    Raises
    ------
    InputError
        If there is no such recipe, it is no TOML, or a section, key, type or value is wrong; the
        message names the key and the nearest valid one.
    """
    path = find_recipe(name)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}; correct the file.") from error
    for section, values in (overrides or {}).items():
        try:
            _make_section(section, SECTIONS[section], values)
        except InputError as error:
            raise InputError(f"Command line: {error}") from error
        if isinstance(tables.setdefault(section, {}), dict):
            tables[section] |= values
    try:
        return _check(path.stem, tables)
    except InputError as error:
        raise InputError(f"{path}, {error}") from error


def find_recipe(name) -> Path:
    """Path of the recipe of that name or path.

    Raises
    ------
    InputError
        If there is none; the message lists those there are.
    """
    path = Path(name)
    if len(path.name) > LONGEST_NAME:
        raise InputError(f"The recipe's name has {len(path.name)} characters; give a shorter one.")
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise InputError(f"{path} does not exist; give the path of a recipe, or a name.")
    for folder in RECIPE_FOLDERS:
        candidate = folder / f"{name}.toml"
        if candidate.is_file():
            return candidate
    names = {
        found.relative_to(folder).with_suffix("").as_posix()
        for folder in RECIPE_FOLDERS
        for found in folder.rglob("*.toml")
    }
    raise InputError(f"There is no recipe {str(name)!r}; choose one of {', '.join(sorted(names))}.")


def _check(name, tables) -> Recipe:
    for section, values in tables.items():
        if section not in (*SECTIONS, "model"):
            raise InputError(f"[{section}] is unknown{_nearest(section, [*SECTIONS, 'model'])}.")
        if not isinstance(values, dict):
            raise InputError(f"{section} = {values!r} should be a section, [{section}].")
    sections = {
        section: _make_section(section, kind, tables.get(section, {}))
        for section, kind in SECTIONS.items()
        if section != "augment" or section in tables
    }
    model = _check_model(tables.get("model", {}))
    return _check_estimator(Recipe(name=name, model=model, **sections))


def _make_section(section, kind, values):
    hints = typing.get_type_hints(kind)
    for key, value in values.items():
        if key not in hints:
            raise InputError(f"[{section}] {key} is unknown{_nearest(key, hints)}.")
        if not _is_of_type(value, hints[key]):
            raise InputError(f"[{section}] {key} is {value!r}; give {_type_name(hints[key])}.")
    try:
        return kind(**values)
    except InputError:
        raise
    except ValueError as error:
        message = str(error).removeprefix(f"{section}: ").rstrip(".")
        raise InputError(f"[{section}] {message}; correct it.") from error


def _is_of_type(value, hint):
    if isinstance(hint, types.UnionType):
        return any(_is_of_type(value, choice) for choice in typing.get_args(hint))
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _type_name(hint):
    names = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}
    if isinstance(hint, types.UnionType):
        return " or ".join(names[c] for c in typing.get_args(hint) if c is not types.NoneType)
    return names[hint]


def _check_model(values):
    for key in values:
        if key in OWN_PARAMETERS:
            raise InputError(f"[model] {key} is set by the run; {OWN_PARAMETERS[key]}.")
    valid = set(NumpyNetClassifier().get_params()) - set(OWN_PARAMETERS)
    for key in values:
        if key not in valid:
            raise InputError(f"[model] {key} is unknown{_nearest(key, valid)}.")
    if isinstance(values.get("class_weight"), dict):
        # A key of TOML is a string; the classes are integers.
        weights = {int(k) if k.isdigit() else k: v for k, v in values["class_weight"].items()}
        values = values | {"class_weight": weights}
    return values


def _check_estimator(recipe):
    try:
        recipe.make_estimator().check_parameters(recipe.competition.n_pixels)
    except (TypeError, ValueError) as error:
        raise InputError(f"[model] {_one_line(error)}") from error
    return recipe


def _one_line(error):
    text = " ".join(str(error).split()).replace(" of NumpyNetClassifier", "")
    return text.removeprefix("The ").removesuffix(".") + "; correct it."


def _nearest(word, valid):
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    if close:
        return f"; the nearest valid name is {close[0]}"
    return f"; choose one of {', '.join(sorted(valid))}"
