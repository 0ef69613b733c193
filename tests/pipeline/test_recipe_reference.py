"""The reference of a recipe's keys and the schema for editors are what the code says."""

import importlib.util
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").rglob("*.toml"))
SCHEMA = ROOT / "recipes" / "schema.json"


@pytest.fixture(scope="module")
def reference():
    """The script that writes both."""
    spec = importlib.util.spec_from_file_location("recipes_reference", ROOT / "docs/recipes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_they_are_up_to_date(reference):
    remedy = "run python docs/recipes.py"
    assert (ROOT / "docs/recipes.md").read_text(encoding="utf-8") == reference.page(), remedy
    assert SCHEMA.read_text(encoding="utf-8") == reference.schema_text(), remedy


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_name_the_schema_and_fit_it(path, validator):
    text = path.read_text(encoding="utf-8")
    name = text.splitlines()[0].removeprefix("#:schema ")
    assert (path.parent / name).resolve() == SCHEMA
    validator.validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "[modle]\n",
        "[cv]\nfolds = 1\n",
        "[cv]\nfold = 5\n",
        '[model]\nsolver = "adamm"\n',
        "[model]\ndropout = 1.0\n",
        "[model]\nrandom_state = 1\n",
        "[model.views]\nshifts = 1\n",
        "[competition]\nchannels = 2\n",
    ],
)
def test_the_schema_finds_mistakes(text, validator):
    assert not validator.is_valid(tomllib.loads(text))
