"""Write docs/recipes.md, the reference of all keys of a recipe, and recipes/schema.json.

python docs/recipes.py

Both are made from the code: keys, types and defaults from the dataclasses of the sections and the
estimator's table of constraints, texts from their docstrings.
"""

import inspect
import json
import re
import textwrap
from numbers import Integral
from pathlib import Path

import msgspec
from sklearn.utils._param_validation import Interval, StrOptions

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.nn import Views
from digit_recognizer.pipeline.recipes.checking import describe_values, schema_of
from digit_recognizer.pipeline.recipes.recipe import OWN_PARAMETERS, SECTIONS

FOLDER = Path(__file__).parent
PAGE, SCHEMA = FOLDER / "recipes.md", FOLDER.parent / "recipes" / "schema.json"
WIDTH = 100
ORDER = ("competition", "data", "model", "augment", "cv", "ensemble", "teach", "compute")
INTRODUCTION = """\
# Recipes: all keys

A recipe is a TOML file. Every section and every key may be left out. Without `[augment]` images are
not deformed, and without `[teach]` no network teaches another; without `[competition]` the classes
are the digits 0 to 9, with it those of the training file, unless it lists them.

An editor completes and checks the keys as you write: with Taplo, or the extension "Even Better
TOML" of VS Code, by a first line that names the schema, from the recipe's own folder.

```toml
#:schema schema.json

[cv]
folds = 10
```

This page and `recipes/schema.json` are made by `python docs/recipes.py`.
"""
SIMPLE = {"boolean": "boolean", "array-like": "array", list: "array", str: "string", dict: "object"}


def main():
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(schema_text(), encoding="utf-8")


def schema_text():
    """The JSON Schema of a recipe, in the draft that editors for TOML know."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Recipe of digit-recognizer",
        **_object({section: _object(_properties(section)) for section in ORDER}),
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def page():
    """The reference page."""
    parts = [INTRODUCTION]
    for section in ORDER:
        parts.append(f"## `[{section}]`\n")
        for key, schema in _properties(section).items():
            default = _as_toml(schema["default"]) if "default" in schema else "none"
            text = f"- `{key}`: {describe_values(schema)}; default {default}. "
            text += schema["description"].replace("``", "`")
            lines = textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
            parts.append("\n".join(lines))
        parts[-1] += "\n"
    return "\n".join(parts)


def _as_toml(value):
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _object(properties):
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _properties(section):
    """The schema of each key of a section."""
    kind = SECTIONS.get(section, NumpyNetClassifier)
    texts = _descriptions(kind)
    fields = _model_fields() if section == "model" else schema_of(kind)
    return {
        key: {"description": texts[key], **_without_null(schema)} for key, schema in fields.items()
    }


def _without_null(schema):
    """The schema without what TOML cannot say."""
    schema = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
    choices = [one for one in schema.pop("anyOf", []) if one.get("type") != "null"]
    if len(choices) == 1:
        return choices[0] | schema
    return schema | ({"anyOf": choices} if choices else {})


def _model_fields():
    fields = {}
    for key, default in NumpyNetClassifier().get_params().items():
        if key in OWN_PARAMETERS:
            continue
        constraints = NumpyNetClassifier._parameter_constraints[key]
        choices = [choice for one in constraints if (choice := _choice(key, one))]
        fields[key] = {"anyOf": choices, "default": msgspec.to_builtins(default)}
    return fields


def _choice(key, constraint):
    """The schema of one of a parameter's constraints; None for what no TOML holds."""
    if isinstance(constraint, StrOptions):
        return {"enum": sorted(constraint.options)}
    if isinstance(constraint, Interval):
        names = {"left": ("minimum", "exclusiveMinimum"), "right": ("maximum", "exclusiveMaximum")}
        schema = {"type": "integer" if constraint.type is Integral else "number"}
        for side, (closed, opened) in names.items():
            bound = getattr(constraint, side)
            if bound is not None and abs(bound) != float("inf"):
                schema[closed if constraint.closed in (side, "both") else opened] = bound
        return schema
    if constraint is dict and key == "views":
        return _object(schema_of(Views))
    if constraint is dict:
        return {"type": "object", "additionalProperties": {"type": "number"}}
    if isinstance(constraint, str | type) and constraint in SIMPLE:
        return {"type": SIMPLE[constraint]}
    return None


def _descriptions(kind):
    """The text of each parameter in a numpydoc docstring."""
    text = inspect.getdoc(kind).partition("Parameters\n----------\n")[2]
    text = re.split(r"\n\n\w+\n---", text)[0]
    found = re.findall(r"^(\w[^:\n]*) : .*\n((?:(?: {4}.*)?\n?)+)", text, re.MULTILINE)
    return {
        name: " ".join(body.split()) for names, body in found for name in names.strip().split(", ")
    }


if __name__ == "__main__":
    main()
