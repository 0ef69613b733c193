"""The two ways a command can fail without being wrong itself."""

# What every sentence on an interrupted training ends with.
GOES_ON = "the same command without --fresh goes on from there."


class InputError(ValueError):
    """A mistake of the user's, told in one sentence that names its place and what to do."""


class OutsideError(RuntimeError):
    """A failure outside this program, such as a server's refusal or a missing network."""


def quoted(text):
    """Return `text` in quotes for a message: on one line, and not long."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def counted(number, noun):
    """Return a number and its noun: ``1 row``, ``2 rows``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Interrupted(BaseException):
    """Ctrl-C at the command line, or SIGTERM: ends the program from wherever it is.

    Parameters
    ----------
    signal : int
        Number of the signal.
    """

    def __init__(self, signal):
        super().__init__(signal)
        self.signal = signal
