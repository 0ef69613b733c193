"""scikit-learn's own tests of its network, as installed, with ours in its place."""

import importlib.util

import pytest
import sklearn.neural_network
from sklearn.utils.fixes import parse_version

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# Before these versions a private method took no sample_weight, and a sentence was another.
OLDER = {"1.7": "test_gradient", "1.9": "test_early_stopping_stratified"}
SUITE = "sklearn.neural_network.tests.test_mlp"


def read_suite():
    """The tests of scikit-learn's module, read anew while our classes stand under its names."""
    pytest.register_assert_rewrite(SUITE)
    spec = importlib.util.find_spec(SUITE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklearn.neural_network, "MLPClassifier", NumpyNetClassifier)
        patch.setattr(sklearn.neural_network, "MLPRegressor", NumpyNetRegressor)
        spec.loader.exec_module(module)
    assert module.MLPClassifier is NumpyNetClassifier
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    for version, name in OLDER.items():
        if parse_version(sklearn.__version__) < parse_version(version):
            del tests[name]
    return tests


globals().update(read_suite())


@pytest.fixture
def global_random_seed():
    """scikit-learn's fixture, with the seed it takes by default."""
    return 42
