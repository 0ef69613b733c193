"""Fitted attributes set by hand on an estimator that was never fitted, as in scikit-learn."""

import pickle
from inspect import signature

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def trained(problem):
    """An estimator of scikit-learn's, fitted to a problem of ours, and our class."""
    make, X, y = problem
    Estimator = getattr(make, "func", make)
    Peer = MLPRegressor if Estimator is NumpyNetRegressor else MLPClassifier
    loss = getattr(make, "keywords", {})
    if "loss" in loss and "loss" not in signature(Peer).parameters:
        pytest.skip("this scikit-learn has no Poisson deviance")
    peer = Peer(hidden_layer_sizes=(7, 5), activation="tanh", max_iter=3, **loss).fit(X, y)
    return peer, Estimator(activation="tanh", **loss), X


def outputs(model, X):
    names = [name for name in ("predict", "predict_proba") if hasattr(model, name)]
    return [getattr(model, name)(X) for name in names]


def assert_predicts_as(model, peer, X):
    for mine, theirs in zip(outputs(model, X), outputs(peer, X), strict=True):
        assert mine.dtype == theirs.dtype
        if mine.dtype.kind == "f":
            np.testing.assert_allclose(mine, theirs, rtol=1e-6)
        else:
            np.testing.assert_array_equal(mine, theirs)


def test_what_scikit_learn_needs_is_enough(problem):
    peer, model, X = trained(problem)
    needed = ("coefs_", "intercepts_", "n_layers_", "n_outputs_", "out_activation_")
    for name in needed:
        setattr(model, name, getattr(peer, name))
    if hasattr(peer, "_label_binarizer"):
        model._label_binarizer = peer._label_binarizer
    check_is_fitted(model)
    assert_predicts_as(model, peer, X)
    assert model.hidden_layer_sizes == (100,)
    assert model.n_features_in_ == X.shape[1]


def test_all_attributes_of_scikit_learn_may_be_copied(problem):
    peer, model, X = trained(problem)
    for name, value in vars(peer).items():
        setattr(model, name, value)
    assert_predicts_as(model, peer, X)
    assert model.loss_ == peer.loss_
    for name in ("n_iter_", "t_", "n_layers_", "best_loss_", "loss_curve_"):
        assert getattr(model, name) == getattr(peer, name)


def test_weights_of_lists_are_enough():
    reg = NumpyNetRegressor(activation="identity")
    reg.coefs_, reg.intercepts_ = [[[1, 2], [3, 4]], [[1], [-1]]], [[0, 1], [2]]
    np.testing.assert_array_equal(reg.predict([[1, 1], [0, 2]]), [-1, -1])
    assert reg.predict([[1, 1]]).dtype == float
    clf = NumpyNetClassifier()
    clf.coefs_, clf.intercepts_ = [np.eye(3)], [np.zeros(3)]
    np.testing.assert_array_equal(clf.predict(np.eye(3)), [0, 1, 2])
    clf = NumpyNetClassifier()
    clf.coefs_, clf.intercepts_ = [np.array([[1.0]])], [np.zeros(1)]
    clf.classes_ = ["no", "yes"]
    assert clf.predict([[-3], [3]]).tolist() == ["no", "yes"]


def test_weights_may_be_appended_one_by_one(iris):
    reg = NumpyNetRegressor()
    reg.coefs_, reg.intercepts_ = [], []
    for shape in ((4, 2), (2, 3)):
        reg.coefs_.append(np.ones(shape, np.float32))
        reg.intercepts_.append(np.zeros(shape[1], np.float32))
    assert reg.predict(iris[0]).shape == (150, 3)
    assert reg.predict(iris[0]).dtype == np.float32


def test_the_output_activation_is_the_one_that_was_set():
    reg = NumpyNetRegressor()
    reg.coefs_, reg.intercepts_, reg.out_activation_ = [np.eye(1)], [np.zeros(1)], "logistic"
    assert reg.predict([[0.0]])[0] == 0.5


def test_images_and_views_are_predicted(iris):
    images = np.random.default_rng(0).uniform(size=(9, 36))
    options = {"architecture": "3C3-R", "input_shape": (6, 6), "views": {"shift": 1}}
    model = NumpyNetClassifier(**options, max_iter=2).fit(images, np.arange(9) % 3)
    copied = NumpyNetClassifier(**options)
    copied.coefs_, copied.intercepts_ = model.coefs_, model.intercepts_
    copied.background_ = model.background_
    np.testing.assert_array_equal(copied.predict_proba(images), model.predict_proba(images))
    copied = NumpyNetClassifier(architecture="3C3-R")
    copied.coefs_, copied.intercepts_ = model.coefs_, model.intercepts_
    with pytest.raises(NotFittedError, match="n_features_in_ is missing; set it, or give"):
        copied.predict(images)


def test_it_is_saved_pickled_shown_and_trained_on(problem, tmp_path):
    peer, model, X = trained(problem)
    _, _, y = problem
    model.coefs_, model.intercepts_ = peer.coefs_, peer.intercepts_
    model.out_activation_ = peer.out_activation_
    if hasattr(peer, "classes_"):
        model.classes_ = peer.classes_
    assert_predicts_as(pickle.loads(pickle.dumps(model)), peer, X)
    assert model.summary().n_parameters == sum(w.size for w in peer.coefs_ + peer.intercepts_)
    model.save(tmp_path / "model")
    assert_predicts_as(type(model).load(tmp_path / "model"), peer, X)
    before = [weight.copy() for weight in model.coefs_]
    model.partial_fit(X, y)
    assert [w.shape for w in model.coefs_] == [w.shape for w in before]
    assert (model.coefs_[0] != before[0]).any()
    assert not hasattr(clone(model), "coefs_")


@pytest.mark.parametrize("go_on", ["partial_fit", "fit"])
def test_training_goes_on_from_weights_set_by_hand_whatever_the_sizes_say(
    iris, go_on, assert_same_model
):
    X, y = iris
    peer = MLPClassifier((3,), max_iter=1, random_state=0).fit(X, y)
    models = [
        NumpyNetClassifier(sizes, max_iter=1, warm_start=True, random_state=0, shuffle=False)
        for sizes in ((3,), (100,))
    ]
    for model in models:
        model.coefs_, model.intercepts_ = peer.coefs_, [b.tolist() for b in peer.intercepts_]
        model.classes_ = peer.classes_
        for _ in range(2):
            getattr(model, go_on)(X, y)
    assert [weight.shape for weight in models[1].coefs_] == [(4, 3), (3, 3)]
    assert_same_model(*models)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"intercepts_": [np.zeros(3)]}, "coefs_ has 2 arrays and intercepts_ 1"),
        ({"coefs_": [np.zeros((4, 5)), np.zeros((3, 3))]}, r"coefs_\[1\] has shape \(3, 3\)"),
        ({"intercepts_": [np.zeros(5), np.zeros(2)]}, r"intercepts_\[1\] has shape \(2,\)"),
        ({"coefs_": [0, 0]}, "must be lists of arrays of numbers"),
        ({"classes_": [0, 1]}, "classes_ has 2 classes, but the last of coefs_ has 3 outputs"),
        ({"out_activation_": "relu"}, "out_activation_ is 'relu'; set one of identity"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(iris, wrong, sentence):
    clf = NumpyNetClassifier()
    clf.coefs_ = [np.zeros((4, 5)), np.zeros((5, 3))]
    clf.intercepts_ = [np.zeros(5), np.zeros(3)]
    for name, value in wrong.items():
        setattr(clf, name, value)
    with pytest.raises(ValueError, match=sentence):
        clf.predict(iris[0])


def test_half_of_the_weights_are_none(iris):
    reg = NumpyNetRegressor()
    reg.coefs_ = [np.zeros((4, 1))]
    with pytest.raises(NotFittedError):
        reg.predict(iris[0])
