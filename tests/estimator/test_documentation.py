"""What `help()` and the HTML of a notebook say of each parameter and attribute."""

import dataclasses
import html
import inspect
import re

import pytest

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator.base import BaseNumpyNet
from digit_recognizer.nn import ACTIVATIONS, Augment, Views

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# scikit-learn's own, which its HTML reads docstrings by.
docscrape = pytest.importorskip("sklearn.externals._numpydoc.docscrape")
ESTIMATORS = [NumpyNetClassifier, NumpyNetRegressor]


def entries(Estimator, section):
    return {
        entry.name: entry for entry in docscrape.NumpyDocString(inspect.getdoc(Estimator))[section]
    }


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_each_parameter_has_its_text_and_its_default(Estimator):
    described = entries(Estimator, "Parameters")
    parameters = inspect.signature(Estimator).parameters
    assert list(described) == list(parameters)
    for name, parameter in parameters.items():
        assert len(" ".join(described[name].desc)) > 15, name
        said = re.search("default=(.+)$", described[name].type)[1]
        assert eval(said) == parameter.default, name


def test_each_attribute_has_its_text(both):
    make, X, y = both
    described = entries(make, "Attributes")
    model = make(max_iter=1, early_stopping=True).fit(X, y)
    has = {name for name in dir(model) if re.match("[a-z].*_$", name)}
    assert set(described) == has | {"feature_names_in_"}
    for name, entry in described.items():
        assert len(" ".join(entry.desc)) > 15, name


def test_both_estimators_say_the_same_of_what_they_share():
    for section, own in (("Parameters", {"scoring"}), ("Attributes", {"loss_", "out_activation_"})):
        ours, theirs = (entries(Estimator, section) for Estimator in ESTIMATORS)
        assert {name for name in ours.keys() & theirs if ours[name] != theirs[name]} == own


def test_all_keys_and_names_are_listed():
    described = entries(NumpyNetClassifier, "Parameters")
    for parameter, names in (
        ("augment", [field.name for field in dataclasses.fields(Augment)]),
        ("views", [field.name for field in dataclasses.fields(Views)]),
        ("activation", ACTIVATIONS),
        ("learning_rate", ["constant", "invscaling", "adaptive", "cosine", "one_cycle"]),
    ):
        text = " ".join([described[parameter].type, *described[parameter].desc])
        assert not [name for name in names if f'"{name}"' not in text]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_help_prints_no_runs_of_blanks(Estimator):
    for name, member in [("class", Estimator), *inspect.getmembers(Estimator)]:
        # What routes metadata is documented by scikit-learn.
        documented = member.__doc__ and not name.startswith(("_", "set_"))
        for line in (inspect.getdoc(member) or "").splitlines() if documented else ():
            assert "  " not in line.strip(), f"{name}: {line}"


def test_the_html_shows_each_description_as_that_of_scikit_learn_does(both):
    make, X, y = both
    model = make(max_iter=1).fit(X, y)
    shown = html.unescape(model._repr_html_())
    for section in ("Parameters", "Attributes"):
        for name, entry in entries(make, section).items():
            if name != "feature_names_in_":
                assert f"{name}: {entry.type}<br><br>{'<br>'.join(entry.desc)}" in shown, name


def test_public_methods_have_docstrings():
    for Estimator in (*ESTIMATORS, BaseNumpyNet):
        for name, member in vars(Estimator).items():
            if callable(member) and not name.startswith("_"):
                assert inspect.getdoc(member), name
