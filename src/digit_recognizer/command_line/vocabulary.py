"""One vocabulary: what is ``--fresh`` on the command line is ``FRESH=1`` to who typed ``make``."""

import re

_replace = str


def told(text: str) -> str:
    """Return a text for the user in the words of what the user typed, the command line or make."""
    return _replace(text)


def variable(option: str) -> str:
    """Name of the make variable of an option: ``NO_WAIT`` of ``--no-wait``."""
    return option.removeprefix("--").replace("-", "_").upper()


def speak_make(targets, switches, options) -> None:
    """Let `told` name make's targets and variables from now on.

    Parameters
    ----------
    targets : iterable of str
        The commands that are targets of make.
    switches : iterable of str
        The options without a value, such as ``--fresh``.
    options : mapping of str to iterable of str
        The options with a value, such as ``--source``, and the values they may have where these
        are few.
    """
    patterns = [rf"digit-recognizer (?P<target>{'|'.join(targets)})\b"]
    patterns.append(rf"(?P<switch>{'|'.join(switches)})(?![\w-])")
    for option, values in options.items():
        known = "|".join([*values, r"\d+"])
        patterns.append(rf"{option}(?![\w-])(?:=| (?=(?:{known})\b))?")
    pattern = re.compile("|".join(patterns))

    def spell(match):
        if match["target"]:
            return f"make {match['target']}"
        if match["switch"]:
            return f"{variable(match['switch'])}=1"
        option = match[0].rstrip(" =")
        return variable(option) + "=" * (option != match[0])

    global _replace
    _replace = lambda text: pattern.sub(spell, str(text))  # noqa: E731
