"""Teams that are started in tests."""

from types import SimpleNamespace

import pytest

from digit_recognizer.nn.arrays import team
from digit_recognizer.nn.rows import contest, stage


@pytest.fixture
def made(monkeypatch):
    """The teams that were started; all batches that can be shared are."""
    monkeypatch.setattr(team, "WORTH_STARTING", 0)
    monkeypatch.setattr(stage, "FEWEST_SHARED", 0)
    always = SimpleNamespace(choose=lambda: contest.TOGETHER, stop=lambda: None)
    monkeypatch.setattr(stage, "Contest", lambda: always)
    found = []

    class Recorded(stage.RowTeam):
        n_shared = 0

        def __init__(self, *args):
            super().__init__(*args)
            found.append(self)

        def forward(self, X):
            Y = super().forward(X)
            self.n_shared += Y is not None
            return Y

    monkeypatch.setattr(stage, "RowTeam", Recorded)
    return found
