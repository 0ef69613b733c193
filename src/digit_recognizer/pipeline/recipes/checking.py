"""Checking the sections of a recipe: each mistake is one sentence that names its key."""

import dataclasses
import difflib
import re

import msgspec

from digit_recognizer.errors import InputError

_NAMES = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "a table",
}
_LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "{} or less",
    "exclusiveMaximum": "below {}",
}


def make_section(section, kind, values):
    """Make a section from what a recipe says.

    Parameters
    ----------
    section : str
        Its name.
    kind : type
        A dataclass, whose annotations say what its fields may be.
    values : dict

    Returns
    -------
    object
        Of that kind.

    Raises
    ------
    InputError
        If a key is unknown, or a value of a wrong type or out of its range.
    """
    fields = [field.name for field in dataclasses.fields(kind)]
    for key in values:
        if key not in fields:
            raise InputError(f"[{section}] {key} is unknown{nearest(key, fields)}.")
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise _explain(section, kind, values, error) from error


def _explain(section, kind, values, error):
    if isinstance(error.__cause__, InputError):
        return error.__cause__
    if isinstance(error.__cause__, ValueError):
        message = str(error.__cause__).removeprefix(f"{section}: ").rstrip(".")
        return InputError(f"[{section}] {message}; correct it.")
    key = re.search(r"`\$\.(\w+)", str(error))[1]
    valid = describe_values(schema_of(kind)[key])
    return InputError(f"[{section}] {key} is {values[key]!r}; give {valid}.")


def schema_of(kind):
    """The JSON Schema of each field of a dataclass, by name."""
    return msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]


def describe_values(schema):
    """Say in words what a JSON Schema allows: ``an integer, 2 or more``."""
    if "enum" in schema:
        choices = [repr(value) for value in schema["enum"] if value is not None]
        return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        return " or ".join(map(describe_values, choices))
    if "items" in schema:
        return "a list of " + re.sub(r"\ban? (\w+)", r"\1s", describe_values(schema["items"]))
    limits = [text.format(schema[key]) for key, text in _LIMITS.items() if key in schema]
    return ", ".join([_NAMES[schema["type"]], *limits])


def nearest(word, valid):
    """The end of a sentence on an unknown name: the one that may be meant, or all there are."""
    close = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    if close:
        return f"; the nearest valid name is {close[0]}"
    return f"; choose one of {', '.join(sorted(valid))}"
