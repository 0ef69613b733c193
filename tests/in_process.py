"""The command line in the tests' own process, which has imported already what takes a second."""

import io
import signal
from contextlib import chdir, redirect_stderr, redirect_stdout
from types import SimpleNamespace

from digit_recognizer import cli


def run(folder, *arguments) -> SimpleNamespace:
    """Run a command in a folder; returns its `returncode`, `stdout` and `stderr`."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    try:
        with chdir(folder), redirect_stdout(out), redirect_stderr(err):
            status = cli.main(list(map(str, arguments)))
    except SystemExit as end:
        status = end.code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return SimpleNamespace(returncode=status, stdout=texts[0], stderr=texts[1])
