"""Every command on a system without the calls that only POSIX has, such as Windows."""

import os
import subprocess
import sys

import pytest

RECIPE = """
[model]
hidden_layer_sizes = [4]
learning_rate = "one_cycle"
max_iter = 1
[cv]
folds = 2
"""
# Read by Python itself at its start, in workers too. What NumPy and joblib need on Linux is left.
WITHOUT = """
import os, signal, sys
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for module, names in {
    signal: "SIGALRM SIGHUP SIGPIPE SIGQUIT SIGUSR1 alarm pthread_kill pthread_sigmask sigwait",
    os: "O_CLOEXEC O_NOFOLLOW O_NONBLOCK chown fchmod fchown geteuid getgid getuid killpg pread"
    " pwrite setsid",
}.items():
    for name in names.split():
        delattr(module, name)
"""
IN_TURN = """
import sys
from digit_recognizer.cli import main
statuses = [main(command.split()) for command in sys.argv[1:]]
print(*statuses)
"""
HOLD = """
import sys
from pathlib import Path
from digit_recognizer.pipeline.runs.locks import locked
with locked(Path("folder")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def without_posix(tmp_path):
    """Variables of a process that lacks the calls."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    for name in ("short.toml", "brief.toml"):
        (tmp_path / name).write_text(RECIPE)
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def test_the_commands_run(tmp_path, without_posix):
    recipe = "--recipe short.toml"
    commands = {
        f"data --source sample {recipe}": 0,
        f"submit --source sample --jobs 2 {recipe}": 0,
        "submit --source sample --jobs 1 --fresh --recipe brief.toml": 0,
        f"log {recipe}": 0,
        "runs": 0,
        "compare short brief": 0,
        f"upload {recipe}": 2,
        f"leaderboard {recipe}": 1,
        "runs clean --all --yes": 0,
    }
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, *commands],
        cwd=tmp_path,
        env=without_posix,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.splitlines()[-1] == " ".join(map(str, commands.values())), done.stderr
    # Two folds of each run, and two commands that fail.
    assert len(done.stderr.splitlines()) == 6, done.stderr


def test_a_lock_is_held_told_and_taken_over(tmp_path, without_posix):
    def start():
        return subprocess.Popen(
            [sys.executable, "-c", HOLD],
            cwd=tmp_path,
            env=without_posix,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    first = start()
    assert first.stdout.readline() == "held\n"
    _, errors = start().communicate()
    assert f"folder is in use by process {first.pid}; wait for its end" in errors
    first.kill()
    first.communicate()
    output, errors = start().communicate("")
    assert (output, errors) == ("held\n", "")
