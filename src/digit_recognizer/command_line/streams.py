"""The standard streams as they come: closed, or in an encoding without our characters."""

import codecs
import io
import os
import sys

_NAMES = ("stdin", "stdout", "stderr")
# In place of a character that the encoding of the output has not.
_LIKE = str.maketrans(
    {
        **dict.fromkeys("–—−", "-"),
        **dict.fromkeys("‘’", "'"),
        **dict.fromkeys("“”", '"'),
        **dict.fromkeys("█━╸╺▏▎▍▌▋▊▉", "#"),
        "…": "...",
        "×": "x",
        "±": "+-",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
    }
)


def prepare() -> None:
    """Let printing work in every encoding, and go nowhere where a stream is closed.

    A character that the encoding has not is printed as one like it, or as its escape; a byte of a
    path that is no text as ``\\xff``.
    """
    closed = [name for name in _NAMES if getattr(sys, name) is None]
    if closed:
        _take_numbers()
    for name in closed:
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    codecs.register_error("alike", _alike)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="alike")


def _take_numbers():
    """Open the null device under the numbers of the streams that are closed.

    The next files to be opened would have them, and be written to by whoever writes to a stream.
    """
    for number in range(len(_NAMES)):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free; processes started from here have it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _alike(error):
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_escape, text.translate(_LIKE))), error.end


def _escape(character):
    if character.isascii():
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("ascii", "backslashreplace").decode("ascii")
