"""A training state."""

import pytest

from training_states import WEIGHTS, X, Y, classifier


@pytest.fixture(scope="module")
def state():
    """After two of five epochs of the small classifier with an average and early stopping."""
    model = classifier(early_stopping=True, ema_decay=0.9)()
    for record in model.fit_epochs(X, Y, WEIGHTS):
        if record["epoch"] == 2:
            return model.training_state()
