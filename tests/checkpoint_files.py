"""Small training states, and the files that hold them."""

import hashlib

import numpy as np

from digit_recognizer.estimator import TrainingState


def state_of(epoch):
    return TrainingState({"values": np.arange(4.0) + epoch}, {"clock": {"epoch": epoch}})


def epoch_of(state):
    return None if state is None else state.plain["clock"]["epoch"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def name_of(epoch):
    digest = hashlib.sha256(state_of(epoch).to_bytes()).hexdigest()[:16]
    return f"epoch-{epoch:04d}-{digest}.safetensors"


def latest(checkpoints):
    """The epoch of the latest state, and what was reported."""
    sentences = []
    state = checkpoints.latest(report=sentences.append)
    if state is not None:
        np.testing.assert_array_equal(state.arrays["values"], np.arange(4.0) + epoch_of(state))
    return epoch_of(state), sentences
