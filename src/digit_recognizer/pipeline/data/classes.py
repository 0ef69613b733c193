"""The classes of a competition, and how the labels in its files spell them."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from digit_recognizer.errors import quoted

# int64 holds every number of so many digits.
MAX_DIGITS = 18
_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}([.]0*)?")


@dataclass(frozen=True)
class Classes:
    """What a label may be.

    Parameters
    ----------
    values : tuple of int or tuple of str
        Ascending.
    """

    values: tuple

    @classmethod
    def listed(cls, competition):
        """The classes that a recipe lists, or None if it lists none."""
        if competition.classes is None:
            return None
        words = any(isinstance(value, str) for value in competition.classes)
        values = map(str, competition.classes) if words else competition.classes
        return cls(tuple(sorted(values)))

    @classmethod
    def found(cls, texts):
        """The classes that labels spell: integers if all of them are, else strings as spelled.

        Numbers with zeros in front, such as ``01``, are strings.
        """
        texts = set(texts)
        are_integers = all(_is_plain_integer(text) for text in texts)
        values = {_integer(text) for text in texts} if are_integers else texts
        return cls(tuple(sorted(values)))

    @cached_property
    def _by_spelling(self):
        return {str(value): value for value in self.values}

    @property
    def are_integers(self):
        """Whether the classes are numbers rather than strings."""
        return isinstance(self.values[0], int)

    def find(self, text):
        """Return the class that a text spells, such as 5 for ``5.0``, or None."""
        value = self._by_spelling.get(text)
        if value is None and self.are_integers and _INTEGER.fullmatch(text):
            value = self._by_spelling.get(str(_integer(text)))
        return value

    def array(self, texts):
        """Return the classes of labels as int16 (int64 if need be) or as strings."""
        values = {text: self.find(text) for text in set(texts)}
        found = [values[text] for text in texts]
        if not self.are_integers:
            return np.array(found, str)
        limits = np.iinfo(np.int16)
        fits = limits.min <= self.values[0] and self.values[-1] <= limits.max
        return np.array(found, np.int16 if fits else np.int64)

    def __str__(self):
        first, last = self.values[0], self.values[-1]
        if self.are_integers and last - first == len(self.values) - 1:
            return f"a class from {first} to {last}"
        names = [quoted(str(value)) for value in self.values]
        if len(names) > 6:
            names = [*names[:4], "...", names[-1]]
        return f"one of the classes {', '.join(names)}"


def _is_plain_integer(text):
    digits = text.lstrip("+-").partition(".")[0]
    return bool(_INTEGER.fullmatch(text)) and (digits == "0" or not digits.startswith("0"))


def _integer(text):
    return int(text.partition(".")[0])
