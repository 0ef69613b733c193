from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digit_recognizer import load_run
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.sources.source import find_data

RECIPE = """
[model]
hidden_layer_sizes = [64]
learning_rate = "one_cycle"
learning_rate_init = 0.01
max_iter = 8
batch_size = 50
[cv]
folds = 2
[compute]
jobs = 1
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with a finished run on the sample."""
    place = tmp_path_factory.mktemp("predict")
    with chdir(place):
        Path("small.toml").write_text(RECIPE)
        folder, _ = find_data(source="sample")
        submit(load_recipe("small.toml"), load_data(folder), folder, report=lambda sentence: None)
    return place


@pytest.fixture(scope="session")
def run(trained):
    with chdir(trained):
        return load_run()


@pytest.fixture(scope="session")
def digits(trained):
    """Test images of the sample, (n, 28, 28), and their labels."""
    with chdir(trained):
        X = pd.read_csv("data/sample/test.csv", dtype=np.uint8).to_numpy()
        y = pd.read_csv("data/sample/test_labels.csv").iloc[:, 1].to_numpy()
    return X.reshape(-1, 28, 28)[:60], y[:60]


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A folder of the test's own, with the run in it."""
    (tmp_path / "runs").symlink_to(trained / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path
