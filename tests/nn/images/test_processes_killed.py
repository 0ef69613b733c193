"""What ends the first of the processes that share images ends all of them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from digit_recognizer.nn.images import processes

pytestmark = pytest.mark.skipif(not processes.can_fork(), reason="needs fork")

PROGRAM = """
import signal, sys, time
# What is started in the background of a shell ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from digit_recognizer import nn
from digit_recognizer.nn.arrays import team
from digit_recognizer.nn.arrays.workers import Workers
from digit_recognizer.nn.images import processes
team.WORTH_STARTING = processes.FEWEST_SHARED = 0
layers = [nn.Conv2D(2, 3), nn.BatchNorm(), nn.ReLU(), nn.Conv2D(2, 3), nn.Flatten(), nn.Dense(2)]
network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (7, 7, 1))
network.steps[0].piece_size = 1
def say(clock, loss, rate):
    if clock.step == 3:
        print(*memories[0].exchange._children, flush=True)
        if "rest" in sys.argv:
            time.sleep(60)
plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 8, 10**6, on_step=say)
X, y = np.ones((80, 7, 7, 1), np.float32), np.arange(80) % 2
original, memories = network.memories, []
network.memories = lambda *a, **k: memories.extend(original(*a, **k)) or memories
epochs = network.fit_epochs(X, y, plan, 0)
with Workers(3):
    for _ in range(10**6):
        next(epochs)
"""


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize("state", ["busy", "rest"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_first_process_is_killed(number, state):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, state],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with program:
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert len(pids) == 2
        program.send_signal(number)
        try:
            _, errors = program.communicate(timeout=60)
        finally:
            program.kill()
    assert program.returncode == -number
    assert errors.count("Traceback") == (number == signal.SIGINT)
    deadline = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)
