"""Models saved as one safetensors file, and loaded again."""

import json

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from safetensors import safe_open
from sklearn.datasets import load_iris

from digit_recognizer import NumpyNetClassifier, nn

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:scoring=.* has no effect:UserWarning"),
]
OPTIONS = {"max_iter": 3, "random_state": 0}
LAYERS = [
    nn.Dense(6, bias=False, initializer=nn.VarianceScaling(2.0, "out", "uniform")),
    nn.BatchNorm(momentum=0.3),
    nn.LeakyReLU(0.2),
    nn.Dropout(0.25),
]


def outputs(model, X):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


def saved(model, folder):
    """The model, saved and loaded."""
    model.save(folder / "model.safetensors")
    return type(model).load(folder / "model.safetensors")


def assert_equal(actual, expected, X):
    for method in ("predict", "predict_proba"):
        if hasattr(expected, method):
            mine, other = getattr(actual, method)(X), getattr(expected, method)(X)
            assert mine.dtype == other.dtype
            np.testing.assert_array_equal(mine, other)
    for mine, other in zip(
        actual.coefs_ + actual.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("options", [{}, {"batch_norm": True}, {"solver": "lbfgs"}], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_loaded_predicts_the_same_bytes(problem, options, dtype, tmp_path):
    make, X, y = problem
    X = X.astype(dtype)
    model = make(**options, **OPTIONS).fit(X, y)
    assert_equal(saved(model, tmp_path), model, X)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 2]),
        np.array([-5, 0, 7], dtype=np.int8),
        np.array([2**40, 1, 2]),
        np.array([1.0, 2.0, 4.0]),
        np.array([False, True, True]),
        np.array(["a", "Ünïcode", "a longer name"]),
        np.array(["a", "Ünïcode", "a longer name"], dtype=object),
        np.array(["2000-01-01", "2010-02-03", "1969-07-20"], dtype="datetime64[D]"),
        np.array(["2000-01-01", "2010-02-03", "1969-07-20"], dtype="datetime64[ns]"),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_of_every_kind_come_back(iris, labels, tmp_path):
    X, y = iris
    y = labels[y]
    model = NumpyNetClassifier(**OPTIONS).fit(X, y)
    loaded = saved(model, tmp_path)
    assert_equal(loaded, model, X)
    assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.classes_, model.classes_)
    assert loaded.score(X, y) == model.score(X, y)


@pytest.mark.parametrize(
    "architecture", ["12N-BN-R-D0.25-6N-T", LAYERS, tuple(LAYERS[:3]), []], ids=repr
)
def test_architectures_come_back(both, architecture, tmp_path):
    make, X, y = both
    model = make(architecture=architecture, **OPTIONS).fit(X, y)
    loaded = saved(model, tmp_path)
    assert_equal(loaded, model, X)
    assert list(map(repr, loaded.architecture)) == list(map(repr, architecture))
    # The first weights of a fit anew start as they did.
    assert_equal(loaded.fit(X, y), model, X)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": (5, 4), "activation": ["silu", "tanh"]},
        {"hidden_layer_sizes": [5, 4], "activation": ("silu", "tanh")},
        {"hidden_layer_sizes": np.array([5, 4])},
        {"hidden_layer_sizes": range(4, 6)},
        {"hidden_layer_sizes": np.int64(5), "alpha": np.float32(0.5)},
        {"n_iter_no_change": np.inf, "solver": "adamw", "ema_decay": 0.5},
        {"max_gradient_norm": 1, "scoring": "neg_mean_squared_error", "early_stopping": True},
        {"warm_start": np.True_, "verbose": False, "random_state": None},
    ],
    ids=str,
)
def test_parameters_come_back(both, options, tmp_path):
    make, X, y = both
    model = make(**{"max_iter": 2} | options).fit(X, y)
    parameters, expected = saved(model, tmp_path).get_params(), model.get_params()
    assert parameters.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(parameters[name], value)
        if isinstance(value, list | tuple):
            assert type(parameters[name]) is type(value)


def test_class_weights_come_back_with_the_labels_types(iris, tmp_path):
    X, y = iris
    for labels, weights in (
        (y, {0: 1, 1: 2.5, 2: 3}),
        (np.array(["a", "b", "c"])[y], {"a": 1.0, "c": 5.0}),
        (y, "balanced"),
    ):
        model = NumpyNetClassifier(class_weight=weights, **OPTIONS).fit(X, labels)
        loaded = saved(model, tmp_path)
        assert loaded.class_weight == weights
        assert_equal(loaded.fit(X, labels), model, X)


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_fitted_attributes_come_back(both, options, tmp_path):
    make, X, y = both
    frame = pd.DataFrame(X).add_prefix("größe ")
    model = make(**options, **OPTIONS).fit(frame, y)
    loaded = saved(model, tmp_path)
    public = [
        name
        for name in vars(model)
        if name.endswith("_") and not name.startswith("_") and name != "coefs_"
    ]
    assert {"history_", "feature_names_in_", "n_iter_", "loss_"} <= set(public)
    for name in public:
        np.testing.assert_equal(getattr(loaded, name), getattr(model, name))
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"größe 0": "z"}))


def test_the_file_is_plain_safetensors_by_layer_and_describes_itself(both, tmp_path):
    make, X, y = both
    model = make(hidden_layer_sizes=(5,), batch_norm=True, **OPTIONS).fit(X, y)
    model.save(tmp_path / "model")
    arrays = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    assert set(arrays) == {
        "0.weight",
        *(f"1.{name}" for name in ("gamma", "beta", "running_mean", "running_variance")),
        "3.weight",
        "3.bias",
    }
    np.testing.assert_array_equal(arrays["0.weight"], model.coefs_[0])
    with safe_open(tmp_path / "model.safetensors", "np") as file:
        description = json.loads(file.metadata()["estimator"])
    assert description["class"] == make.__name__
    assert description["parameters"]["hidden_layer_sizes"] == {"tuple": [5]}


def test_replaced_weights_are_saved(both, tmp_path):
    make, X, y = both
    model = make(**OPTIONS).fit(X, y)
    model.coefs_[0] = np.zeros(model.coefs_[0].shape)
    loaded = saved(model, tmp_path)
    assert not loaded.coefs_[0].any()
    assert_equal(loaded, model, X)


def test_what_is_loaded_holds_views_of_the_network(both, tmp_path):
    make, X, y = both
    loaded = saved(make(**OPTIONS).fit(X, y), tmp_path)
    before = outputs(loaded, X)
    loaded.coefs_[-1][...] *= 3
    assert (outputs(loaded, X) != before).any()


@pytest.mark.parametrize("go_on", ["partial_fit", "fit"])
def test_training_goes_on_from_the_loaded_weights(problem, go_on, tmp_path):
    make, X, y = problem
    options = OPTIONS | {"warm_start": True}
    model = make(**options).fit(X, y)
    loaded = saved(model, tmp_path)
    still = loaded.set_params(learning_rate_init=1e-15)
    getattr(still, go_on)(X, y)
    np.testing.assert_allclose(outputs(still, X), outputs(model, X), rtol=1e-7)
    learning = saved(model, tmp_path).set_params(learning_rate_init=0.01)
    losses = [getattr(learning, go_on)(X, y).loss_ for _ in range(10)]
    assert losses[-1] < losses[0]
    assert learning.t_ > model.t_


def test_early_stopping_goes_on_from_the_loaded_weights(both, tmp_path):
    make, X, y = both
    model = make(early_stopping=True, warm_start=True, **OPTIONS).fit(X, y)
    loaded = saved(model, tmp_path).set_params(learning_rate_init=1e-15).fit(X, y)
    np.testing.assert_allclose(outputs(loaded, X), outputs(model, X), rtol=1e-7)


def test_what_is_loaded_can_be_saved_again_to_the_same_bytes(problem, tmp_path):
    make, X, y = problem
    model = make(architecture="6N-BN-R", **OPTIONS).fit(X, y)
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    model.save(tmp_path / "first" / "model")
    type(model).load(tmp_path / "first" / "model").save(tmp_path / "second" / "model")
    first, second = ((tmp_path / f / "model.safetensors") for f in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


def test_a_random_state_that_others_draw_from_is_left_out(both, tmp_path):
    make, X, y = both
    model = make(max_iter=2, random_state=np.random.RandomState(3)).fit(X, y)
    loaded = saved(model, tmp_path)
    assert loaded.random_state is None
    assert_equal(loaded, model, X)


@pytest.mark.parametrize("initializer", ["he_normal", nn.VarianceScaling(0.5, "out", "uniform")])
def test_an_initializer_is_saved_with_the_parameters(initializer, tmp_path):
    X, y = load_iris(return_X_y=True)
    model = NumpyNetClassifier((4,), initializer=initializer, **OPTIONS).fit(X, y)
    assert saved(model, tmp_path).initializer == initializer
