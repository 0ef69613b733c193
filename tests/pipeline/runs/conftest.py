"""Checkpoints in a folder."""

import pytest

from checkpoint_files import name_of, state_of
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints


@pytest.fixture
def checkpoints(folder):
    return Checkpoints(folder)


@pytest.fixture
def saved(checkpoints):
    """A function that saves epochs anew and returns the path of the last."""

    def save(*epochs):
        checkpoints.clear()
        for epoch in epochs:
            checkpoints.save(state_of(epoch), epoch)
        return checkpoints.folder / name_of(epochs[-1])

    return save
