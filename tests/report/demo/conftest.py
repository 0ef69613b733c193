"""A run to draw for, and its page."""

import numpy as np
import pytest

import in_process
from digit_recognizer import NumpyNetClassifier
from digit_recognizer.report.demo.networks import describe_network
from digit_recognizer.report.demo.page import make_page

RECIPE = """
[model]
architecture = "16C3-MP2-BN-R-32C3-BN-R-64C3-MP2-BN-R-128C3-BN-R"
solver = "sgd"
learning_rate = "one_cycle"
learning_rate_init = 0.4
alpha = 0.064
batch_size = 128
max_iter = 12
label_smoothing = 0.1

[augment]
rotation = 10
scale = 0.1
shear = 0.1
shift = 2

[cv]
folds = 2
"""


@pytest.fixture(scope="package")
def workplace(tmp_path_factory):
    """A folder with a finished run of two networks of `fast`, trained longer, on the sample."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "small.toml").write_text(RECIPE)
    done = in_process.run(
        folder, "submit", "--source", "sample", "--recipe", "small.toml", "--jobs", "1"
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="package")
def page_file(workplace):
    """The page of that run."""
    done = in_process.run(workplace, "demo")
    assert done.returncode == 0, done.stderr
    return workplace / done.stdout.split(" (")[0]


@pytest.fixture
def page(open_page, page_file):
    """That page, opened."""
    return open_page(page_file)


@pytest.fixture
def page_of(tmp_path):
    """A function that makes a page of fitted estimators; returns its path."""

    def make(estimators, shape, classes="0123456789", ensemble=None):
        content = {
            "title": "Draw a digit",
            "about": "",
            "classes": list(classes),
            "shape": shape,
            "networks": [
                {"name": f"network {number}"} | describe_network(estimator._network)
                for number, estimator in enumerate(estimators, 1)
            ],
            "ensemble": ensemble or [{"members": list(range(len(estimators)))}],
            "quiz": [],
            "quiz_about": "",
            "notes": [],
        }
        path = tmp_path / "page.html"
        path.write_text(make_page(content), encoding="utf-8")
        return path

    return make


@pytest.fixture
def fitted():
    """A function that fits an estimator on random pixels, with a batch normalization that moved."""

    def fit(shape=(28, 28, 1), classes="0123456789", n=60, **parameters):
        generator = np.random.default_rng(0)
        X = generator.integers(0, 256, (n, np.prod(shape)), dtype=np.uint8)
        y = np.resize(list(classes), n)
        parameters = {"max_iter": 2, "random_state": 0, "learning_rate_init": 0.01} | parameters
        estimator = NumpyNetClassifier(input_shape=shape, scaling="standard", **parameters)
        return estimator.fit(X, y), X

    return fit
