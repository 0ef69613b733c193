"""Recipes: the TOML files that say what a run does."""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w

from digit_recognizer.errors import InputError
from digit_recognizer.files import as_name, read_text
from digit_recognizer.nn import Augment
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER, Competition
from digit_recognizer.pipeline.recipes.checking import make_section, nearest
from digit_recognizer.pipeline.recipes.sections import (
    Compute,
    CrossValidation,
    DataSettings,
    Ensemble,
    Teach,
)

# Where `--recipe NAME` is looked for: here, in an installed package, in a source tree.
PACKAGE_FOLDER = Path(__file__).parents[2]
RECIPE_FOLDERS = (
    Path("recipes"),
    PACKAGE_FOLDER / "recipes",
    PACKAGE_FOLDER.parents[1] / "recipes",
)
DEFAULT_RECIPE = "fast"
# More than file systems take.
LONGEST_NAME = 200
# Set by the pipeline, for every fold its own.
OWN_PARAMETERS = {
    "augment": "give it in a section [augment]",
    "scaling": "give it in a section [data]",
    "random_state": "give the seed in [cv]",
    "verbose": "it shows its progress",
    "warm_start": "each fold starts anew",
}


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
    ensemble : Ensemble
    teach : Teach or None
        None without a section ``[teach]``.
    compute : Compute
    """

    name: str
    competition: Competition = DIGIT_RECOGNIZER
    data: DataSettings = field(default_factory=DataSettings)
    model: dict = field(default_factory=dict)
    augment: Augment | None = None
    cv: CrossValidation = field(default_factory=CrossValidation)
    ensemble: Ensemble = field(default_factory=Ensemble)
    teach: Teach | None = None
    compute: Compute = field(default_factory=Compute)

    def make_estimators(self) -> list:
        """Unfitted estimators with the recipe's parameters, one an architecture."""
        return self._estimators(self.model, self.ensemble.architectures)

    def make_teachers(self) -> list:
        """Unfitted estimators of the teachers, one an architecture; none without ``[teach]``."""
        if self.teach is None:
            return []
        own = {"max_iter": self.teach.max_iter, "views": self.teach.views}
        model = self.model | {name: value for name, value in own.items() if value is not None}
        # An empty table says that there are none.
        model["views"] = model.get("views") or None
        return self._estimators(model, self._architectures_of_teachers())

    def _architectures_of_teachers(self):
        return self.teach.architectures or self.ensemble.architectures

    def _estimators(self, model, architectures):
        shape = {"input_shape": list(self.competition.image_shape)}
        own = {"scaling": self.data.scaling, "augment": self.augment}
        models = [model | {"architecture": text} for text in architectures] or [model]
        return [_estimator(**shape | one | own) for one in models]

    @property
    def n_teachers(self) -> int:
        """Teachers a fold."""
        if self.teach is None:
            return 0
        return self.teach.seeds * max(len(self._architectures_of_teachers()), 1)

    @property
    def networks_per_fold(self) -> int:
        """How many networks a fold trains, teachers included."""
        return self.ensemble.n_networks + self.n_teachers

    @property
    def n_networks(self) -> int:
        """How many networks the recipe trains, teachers included."""
        return self.cv.folds * self.cv.repeats * self.networks_per_fold

    def resolved(self) -> dict:
        """All that decides the result, defaults included, as TOML holds it: no ``[compute]``."""
        sections = {
            "competition": dataclasses.asdict(self.competition),
            "data": dataclasses.asdict(self.data),
            "model": self.make_estimators()[0].get_params(),
            "cv": dataclasses.asdict(self.cv),
            "ensemble": dataclasses.asdict(self.ensemble),
        }
        for name in OWN_PARAMETERS:
            del sections["model"][name]
        if self.ensemble.architectures:
            del sections["model"]["architecture"]
        weights = sections["model"]["class_weight"]
        if isinstance(weights, dict):
            sections["model"]["class_weight"] = {str(k): float(v) for k, v in weights.items()}
        for name in ("augment", "teach"):
            section = getattr(self, name)
            if section is not None:
                sections[name] = dataclasses.asdict(section)
        return {
            section: {key: value for key, value in values.items() if value is not None}
            for section, values in sections.items()
        }

    def to_toml(self) -> str:
        """The resolved recipe as a TOML document."""
        return tomli_w.dumps(self.resolved())

    def fingerprint(self) -> str:
        """SHA-256 of the resolved recipe."""
        return hashlib.sha256(json.dumps(self.resolved(), sort_keys=True).encode()).hexdigest()


SECTIONS = {
    "competition": Competition,
    "data": DataSettings,
    "augment": Augment,
    "cv": CrossValidation,
    "ensemble": Ensemble,
    "teach": Teach,
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
        tables = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}; correct the file.") from error
    for section, values in (overrides or {}).items():
        try:
            make_section(section, SECTIONS[section], values)
        except InputError as error:
            raise InputError(f"Command line: {error}") from error
        if isinstance(tables.setdefault(section, {}), dict):
            tables[section] |= values
    try:
        return _check(as_name(path.stem), tables)
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
    if path.is_file():
        raise InputError(f"{path} is no recipe; give a TOML file, or a recipe's name.")
    names = {
        found.relative_to(folder).with_suffix("").as_posix()
        for folder in RECIPE_FOLDERS
        for found in folder.rglob("*.toml")
    }
    raise InputError(f"There is no recipe {str(name)!r}{nearest(str(name), names)}.")


def _check(name, tables) -> Recipe:
    for section, values in tables.items():
        if section not in (*SECTIONS, "model"):
            raise InputError(f"[{section}] is unknown{nearest(section, [*SECTIONS, 'model'])}.")
        if not isinstance(values, dict):
            raise InputError(f"{section} = {values!r} should be a section, [{section}].")
    sections = {
        section: make_section(section, kind, tables.get(section, {}))
        for section, kind in SECTIONS.items()
        # Without the section there is none of it, and the classes are the ten digits.
        if section not in ("augment", "competition", "teach") or section in tables
    }
    competition = sections.get("competition", DIGIT_RECOGNIZER)
    model = _check_model(tables.get("model", {}), competition)
    return _check_estimator(Recipe(name=name, model=model, **sections))


def _estimator(**parameters):
    # Imported when first used: what lists runs need not wait for scikit-learn.
    from digit_recognizer.estimator import NumpyNetClassifier

    return NumpyNetClassifier(**parameters)


def _check_model(values, competition):
    for key in values:
        if key in OWN_PARAMETERS:
            raise InputError(f"[model] {key} is set by the run; {OWN_PARAMETERS[key]}.")
    valid = set(_estimator().get_params()) - set(OWN_PARAMETERS)
    for key in values:
        if key not in valid:
            raise InputError(f"[model] {key} is unknown{nearest(key, valid)}.")
    if isinstance(values.get("class_weight"), dict):
        values = values | {"class_weight": _class_weight(values["class_weight"], competition)}
    return values


def _class_weight(weights, competition):
    """Weights by class; a key of TOML is a string, a class perhaps an integer."""
    classes = Classes.listed(competition) or Classes.found(weights)
    for key, weight in weights.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or classes.find(key) is None:
            raise InputError(
                f"[model] class_weight has {key!r} = {weight!r}; give each class ({classes}) a "
                "number for its weight."
            )
    return {classes.find(key): float(weight) for key, weight in weights.items()}


def _check_estimator(recipe):
    several = recipe.ensemble.architectures
    if several and "architecture" in recipe.model:
        raise InputError(
            "[ensemble] architectures stand in place of [model] architecture; leave out one of "
            "the two."
        )
    defaults = _estimator().get_params()
    for name in ("hidden_layer_sizes", "activation", "dropout", "batch_norm"):
        # A run's resolved recipe holds the defaults.
        is_given = name in recipe.model and not _is_same(recipe.model[name], defaults[name])
        if is_given and (several or recipe.model.get("architecture")):
            raise InputError(
                f"[model] {name} has no effect beside an architecture; leave it out, and write it "
                "into the architecture."
            )
    _check_each(recipe, recipe.make_estimators(), "[model]", "[ensemble]" if several else None)
    taught = recipe.teach is not None and recipe.teach.architectures
    _check_each(recipe, recipe.make_teachers(), "[teach]", "[teach]" if taught else None)
    return recipe


def _check_each(recipe, estimators, section, section_of_architectures):
    for number, estimator in enumerate(estimators, start=1):
        where = section
        if section_of_architectures:
            where = f"{section_of_architectures} architectures, element {number}:"
        try:
            estimator.check_parameters(recipe.competition.n_pixels)
        except (TypeError, ValueError) as error:
            raise InputError(f"{where} {_one_line(error)}") from error


def _is_same(value, default):
    """Whether a value of TOML, which has lists only, is a default, which may be a tuple."""
    return value == (list(default) if isinstance(default, tuple) else default)


def _one_line(error):
    text = " ".join(str(error).split()).replace(" of NumpyNetClassifier", "")
    return text.removeprefix("The ").removesuffix(".") + "; correct it."
