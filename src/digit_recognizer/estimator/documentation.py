"""A docstring that takes from another class's the entries it does not have itself."""

import inspect
import re

SECTION = r"\n{title}\n-+\n(?P<body>.*?)(?=\n\n\w+\n-+\n)"
ENTRY = r"^(\w+) : .*(?:\n+ .*)*"


def documented_like(source, without=()):
    """Class decorator: complete the docstring's parameters and attributes with those of `source`.

    Parameters
    ----------
    source : type
    without : sequence of str
        Attributes of `source` that the class has not.
    """

    def complete(cls):
        if cls.__doc__ is None:  # as under python -OO
            return cls
        own, other = inspect.getdoc(cls), inspect.getdoc(source)
        parameters = inspect.signature(cls).parameters
        attributes = [name for name in _entries(other, "Attributes") if name not in without]
        for title, names in (("Parameters", parameters), ("Attributes", attributes)):
            entries = _entries(other, title) | _entries(own, title)
            section = _find(own, title)
            body = "\n".join(entries[name] for name in names)
            own = own[: section.start("body")] + body + own[section.end("body") :]
        cls.__doc__ = own
        return cls

    return complete


def _find(docstring, title):
    return re.search(SECTION.format(title=title), docstring, re.DOTALL)


def _entries(docstring, title):
    """The text of each entry of a section, by name."""
    body = _find(docstring, title)["body"]
    return {match[1]: match[0] for match in re.finditer(ENTRY, body, re.MULTILINE)}
