"""What is wrong with the beginning of a file, and the key of the recipe that mends it."""

import re
from dataclasses import replace
from math import isqrt

from digit_recognizer.errors import InputError, quoted

# What files begin with that are no CSV, and what to do about them.
FOREIGN = (
    (rb"\xff\xfe|\xfe\xff|.\0.\0", "is UTF-16 text", "save it as UTF-8"),
    (rb"\s*<(!doctype|html|\?xml)", "is a web page", "download it again, logged in to Kaggle"),
    (
        rb"version https://git-lfs",
        "is a pointer of Git LFS, not the file itself",
        "fetch the file with `git lfs pull`",
    ),
    (rb"PK\x03\x04", "is a zip archive", "unpack it, or let its name end in .zip"),
    (rb"\x1f\x8b", "is compressed by gzip", "let its name end in .gz"),
    (rb"PAR1", "is a Parquet file", "save it as CSV"),
    (rb"\s*[\[{]\s*[\"{\[]", "is JSON", "save it as CSV"),
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
_NUMBER = re.compile(r"\s*[+-]?[0-9]+([.][0-9]*)?\s*")
# What differs in a guess, and how many a message names.
_GUESSED = ("pixel_columns", "first_pixel", "image_height", "image_width", "channels")


def refuse_foreign(head, file):
    """Raise InputError if the first bytes of a file are those of another kind than CSV."""
    for pattern, what, remedy in FOREIGN:
        if re.match(pattern, head, re.IGNORECASE | re.DOTALL):
            raise InputError(f"{file} {what}; {remedy}.")


def complain_of_columns(names, others, columns, where):
    """Raise the InputError for a file that has not the columns it must have.

    Parameters
    ----------
    names : list of str
        All the file's columns, in its order.
    others : list of str
        Those that no key names but `pixel_columns`.
    columns : FileColumns
    where : str
        Names the file and the line.
    """
    competition = columns.competition
    _refuse_other_separators(names, where)
    refuse_missing_header(names, columns, where)
    words = [name for name in others if not re.search("[0-9]", name)]
    named = columns.pixels or ()
    if columns.ids is not None and columns.ids not in names:
        _complain_of_name("test_id_column", columns.ids, words, where, " or leave it out")
    if not columns.is_test and competition.label_column not in names:
        _complain_of_name("label_column", competition.label_column, words, where)
    needless = [name for name in others if name not in named] if named else words
    if needless and (not set(named) - set(others) if named else len(needless) < len(others)):
        _complain_of_surplus(needless, others, columns, where)
    _complain_of_pixels(others, columns, where)


def refuse_missing_header(names, columns, where):
    """Raise InputError if the first line holds values: numbers, but perhaps for label and id."""
    n_numbers = sum(bool(_NUMBER.fullmatch(name)) for name in names)
    repeats = len(set(names)) < len(names) and n_numbers >= len(names) - 2
    if columns.competition.header and len(names) > 2 and (repeats or n_numbers == len(names)):
        raise InputError(
            f"{where}: there is no header, only values; put the header {columns} there, or tell "
            'of it in the recipe\'s section [competition]: header = false, pixel_columns = "*", '
            'and label_column = "0" if the labels come first.'
        )


def _refuse_other_separators(names, where):
    if len(names) > 2:
        return
    line = ",".join(names)
    for separator, plural in _SEPARATORS.items():
        if len(line.split(separator)) > max(2, len(names)):
            raise InputError(
                f"{where}: {plural} stand between the values; save the file with commas."
            )


def _complain_of_name(key, name, words, where, alternative=""):
    """A column is missing: perhaps it has another name."""
    same = [word for word in words if word.strip().lower() == name.lower()]
    remedy = f"correct the recipe's [competition] {key}{alternative}"
    if len(same or words) == 1:
        remedy = f'give the recipe\'s section [competition] {key} = "{(same or words)[0]}"'
    raise InputError(f"{where}: the column {quoted(name)} is missing; {remedy}.")


def _complain_of_surplus(needless, others, columns, where):
    competition = columns.competition
    more = f" (and {len(needless) - 1} more)" if len(needless) > 1 else ""
    guess = None if len(needless) == 1 else _guess(others, competition)
    if guess:
        _complain_of_guess(guess, others, competition, where)
    if len(needless) <= 6:
        names = ", ".join(f'"{name}"' for name in needless)
        remedy = f"[competition] drop_columns = [{names}] to leave it out"
        if columns.is_test and columns.ids is None and needless[0]:
            remedy += f', or test_id_column = "{needless[0]}" if it holds the ids'
    else:
        remedy = "[competition] image_height and image_width of the images"
    raise InputError(
        f"{where}: the column {quoted(needless[0])}{more} does not belong there; give the "
        f"recipe's section {remedy}."
    )


def _complain_of_pixels(others, columns, where):
    competition = columns.competition
    guess = _guess(others, competition)
    if guess:
        _complain_of_guess(guess, others, competition, where)
    missing = [name for name in columns.pixels or () if name not in set(others)]
    shape = " x ".join(map(str, competition.image_shape[: 2 if competition.channels == 1 else 3]))
    if missing and len(missing) < len(columns.pixels):
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InputError(
            f"{where}: the column {quoted(missing[0])} is missing{more}; the header must be "
            f"{columns}, or [competition] must say what the pixels are called."
        )
    raise InputError(
        f"{where}: {len(others)} columns are left for pixels, where images of {shape} have "
        f"{competition.n_pixels}; correct [competition] image_height, image_width, channels or "
        f"drop_columns."
    )


def _complain_of_guess(guess, others, competition, where):
    keys = ", ".join(
        f"{key} = {_as_toml(getattr(guess, key))}"
        for key in _GUESSED
        if getattr(guess, key) != getattr(competition, key)
    )
    raise InputError(
        f"{where}: the pixel columns are {others[0]} to {others[-1]}; give the recipe's section "
        f"[competition] {keys}."
    )


def _as_toml(value):
    return f'"{value}"' if isinstance(value, str) else value


def _guess(others, competition):
    """The competition with keys that fit the columns, or None."""
    for size in _sizes(len(others), competition):
        for pattern, first in _patterns(others[0]):
            try:
                guess = replace(competition, **size, pixel_columns=pattern, first_pixel=first)
            except InputError:
                continue
            if guess.pixel_names is None or set(guess.pixel_names) == set(others):
                return guess
    return None


def _sizes(n_pixels, competition):
    if n_pixels == competition.n_pixels:
        yield {}
    for channels in (1, 3):
        side = isqrt(n_pixels // channels)
        if n_pixels and side * side * channels == n_pixels:
            yield {"image_height": side, "image_width": side, "channels": channels}


def _patterns(name):
    """Patterns that may have made a name, with the number it begins with."""
    numbers = list(re.finditer("[0-9]+", name))
    escaped = name.replace("{", "{{").replace("}", "}}") if not numbers else name
    if len(numbers) == 2:
        (start, end), (again, last) = (number.span() for number in numbers)
        for first, second in (("{row}", "{column}"), ("{column}", "{row}")):
            pattern = f"{name[:start]}{first}{name[end:again]}{second}{name[last:]}"
            yield pattern, int(numbers[0][0])
    if numbers and escaped:
        start, end = numbers[-1].span()
        digits = name[start:end]
        width = f":0{len(digits)}" if len(digits) > 1 and digits.startswith("0") else ""
        yield f"{name[:start]}{{{width}}}{name[end:]}", int(digits)
    yield "*", 0
