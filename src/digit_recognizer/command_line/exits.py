"""How a command ends: its exit status, and the sentence that says what stopped it."""

import errno
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from digit_recognizer.command_line.vocabulary import told
from digit_recognizer.errors import InputError, Interrupted, OutsideError

# What becomes of output: a full disk, a terminal that is gone.
LOST = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
# Windows has fewer.
ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
SIGPIPE = 13


def run(options) -> int:
    """Run ``options.command(options)`` to its end, whatever that is.

    Returns
    -------
    int
        0; 1 for failures outside, 2 for mistakes, 128 and the signal's number if one ended it. A
        reader of the output that went away counts as SIGPIPE, of which nobody is told.
    """
    for number in ENDING:
        # nohup ignores what else the end of the terminal would send.
        if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        options.command(options)
        sys.stdout.flush()
        return 0
    except InputError as error:
        return _complain(error, 2)
    except OutsideError as error:
        return _complain(error, 1)
    except Interrupted as interrupt:
        return _complain(options.interrupted, 128 + interrupt.signal)
    except BrokenPipeError:
        _forget_output()
        return 128 + SIGPIPE
    except OSError as error:
        # Whoever writes files names them; what has no name is what is printed.
        if error.errno not in LOST or error.filename is not None:
            raise
        _forget_output()
        return _complain(f"The output cannot be written ({error.strerror}).", 1)


def _interrupt(number, frame):
    # Not KeyboardInterrupt, which an estimator's fit answers with a warning and a shorter training.
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise Interrupted(number)


def _forget_output():
    """Let Python's own last flush go nowhere rather than fail."""
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _complain(message, status):
    # Nobody is there to be told when the terminal is gone.
    with suppress(OSError):
        print(f"digit-recognizer: {told(message)}", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        _forget_output()
    return status
