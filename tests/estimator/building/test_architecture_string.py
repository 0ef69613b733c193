"""Architectures as strings and as lists of layers."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.estimator.building.architecture import layers_of, parse_architecture
from digit_recognizer.nn.arrays.initializers import HE_NORMAL

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
TEXT = "12N-BN-R-D0.25-6N-T"


def make_layers():
    """The layers that `TEXT` names."""
    return [
        nn.Dense(12, bias=False, initializer=HE_NORMAL),
        nn.BatchNorm(),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Dense(6, initializer=HE_NORMAL),
        nn.Tanh(),
    ]


@pytest.mark.parametrize(
    ("token", "layer"),
    [
        ("128N", nn.Dense(128, initializer=HE_NORMAL)),
        ("BN", nn.BatchNorm()),
        ("D0.4", nn.Dropout(0.4)),
        ("D0", nn.Dropout(0.0)),
        ("R", nn.ReLU()),
        ("LR0.2", nn.LeakyReLU(0.2)),
        ("T", nn.Tanh()),
        ("S", nn.Logistic()),
        ("SW", nn.SiLU()),
    ],
)
def test_each_token_is_its_layer(token, layer):
    (parsed,) = parse_architecture(token)
    assert type(parsed) is type(layer)
    assert repr(parsed) == repr(layer)


def test_tokens_are_layers_in_their_order():
    assert list(map(repr, parse_architecture(TEXT))) == list(map(repr, make_layers()))


def test_only_a_bias_just_before_batch_norm_is_dropped():
    dense = [layer for layer in parse_architecture("4N-BN-4N-R-BN-4N") if hasattr(layer, "bias")]
    assert [layer.bias for layer in dense] == [False, True, True]


@pytest.mark.parametrize(
    ("text", "number", "token", "character"),
    [
        ("64N-X3-R", 2, "X3", 5),
        ("", 1, "", 1),
        ("64N--R", 2, "", 5),
        ("64N-R-", 3, "", 7),
        ("-64N", 1, "", 1),
        ("64N-BN-128n", 3, "128n", 8),
        ("64N- R", 2, " R", 5),
        ("64N-R D0.5", 2, "R D0.5", 5),
        ("N", 1, "N", 1),
        ("0N", 1, "0N", 1),
        ("64N-D1.5", 2, "D1.5", 5),
        ("64N-D", 2, "D", 5),
        ("64N-LR2", 2, "LR2", 5),
        ("1.5N", 1, "1.5N", 1),
        ("64N-R\n", 2, "R\n", 5),
        ("64N-D-0.5", 2, "D", 5),
    ],
)
def test_a_mistake_is_named_with_its_number_and_place(iris, text, number, token, character):
    clf = NumpyNetClassifier(architecture=text)
    for check in (lambda: parse_architecture(text), lambda: clf.fit(*iris), clf.check_parameters):
        with pytest.raises(ValueError) as caught:
            check()
        assert f"token {number}, {token!r} at character {character}" in str(caught.value)
        assert repr(text) in str(caught.value)


def test_an_unknown_token_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match=r"tokens are .*128N.* BN.* D0\.4.* SW"):
        parse_architecture("64N-Q")


def test_wrong_rates_say_what_they_may_be():
    with pytest.raises(ValueError, match=r"'D1\.0'.*Dropout's rate must be in \[0, 1\)"):
        parse_architecture("8N-D1.0")
    with pytest.raises(ValueError, match=r"'0N'.*needs at least one unit"):
        parse_architecture("0N")


def test_a_string_trains_as_the_equal_list_and_a_tuple_does(both, assert_same_model):
    make, X, y = both
    options = {"max_iter": 4, "random_state": 0, "batch_size": 32}
    text = make(architecture=TEXT, **options).fit(X, y)
    assert_same_model(make(architecture=make_layers(), **options).fit(X, y), text)
    assert_same_model(make(architecture=tuple(make_layers()), **options).fit(X, y), text)
    assert [weight.shape[1] for weight in text.coefs_[:-1]] == [12, 6]


def test_the_output_layer_is_added_from_the_targets(problem):
    make, X, y = problem
    model = make(architecture="5N-R", max_iter=2).fit(X, y)
    assert [weight.shape for weight in model.coefs_] == [(X.shape[1], 5), (5, model.n_outputs_)]
    assert model.predict(X).shape == y.shape


def test_layers_of_a_string_learn(both):
    make, X, y = both
    options = {"max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
    model = make(architecture="32N-BN-LR0.1-D0.1-16N-SW", **options).fit(X, y)
    assert model.score(X, y) > (0.9 if make is NumpyNetClassifier else 0.4)


def test_dense_weights_start_as_he_et_al_draw_them(iris):
    options = {"learning_rate_init": 1e-15, "max_iter": 1, "random_state": 0}
    clf = NumpyNetClassifier(architecture="400N-R-300N-R", **options).fit(*iris)
    for weight in clf.coefs_[:2]:
        assert weight.std() == pytest.approx(np.sqrt(2 / weight.shape[0]), rel=0.05)
    for bias in clf.intercepts_:
        np.testing.assert_allclose(bias, 0, atol=1e-12)


def test_fit_leaves_the_layers_of_a_list_as_they_are(both):
    make, X, y = both
    layers = make_layers()
    before = [dict(vars(layer)) for layer in layers]
    make(architecture=layers, max_iter=2).fit(X, y).predict(X)
    assert [vars(layer) for layer in layers] == before


def test_one_list_serves_two_estimators(both, assert_same_model):
    make, X, y = both
    options = {"architecture": make_layers(), "max_iter": 2, "random_state": 0}
    first = make(**options).fit(X, y)
    kept = [weight.copy() for weight in first.coefs_]
    assert_same_model(make(**options).fit(X, y), first)
    for weight, then in zip(first.coefs_, kept, strict=True):
        np.testing.assert_array_equal(weight, then)


@pytest.mark.parametrize("architecture", [TEXT, make_layers()], ids=["text", "list"])
def test_a_clone_keeps_it_and_fits_the_same(both, architecture, assert_same_model):
    make, X, y = both
    model = make(architecture=architecture, max_iter=2, random_state=0).fit(X, y)
    cloned = clone(model)
    assert repr(layers_of(cloned.architecture)) == repr(layers_of(architecture))
    assert_same_model(cloned.fit(X, y), model)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_over_architectures(iris, n_jobs):
    options = {"learning_rate_init": 0.02, "max_iter": 30, "random_state": 0}
    grid = {"architecture": ["1N-D0.9", "24N-BN-R", [nn.Dense(24), nn.SiLU()], None]}
    search = GridSearchCV(NumpyNetClassifier(**options), grid, cv=3, n_jobs=n_jobs).fit(*iris)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] < 0.8 < scores[1:].min()
    assert search.best_params_["architecture"] != "1N-D0.9"


@pytest.mark.parametrize(
    ("architecture", "place", "reason"),
    [
        ("8C5-R", "token 1, '8C5' at character 1", "window of 5×5, which does not fit into"),
        ("8C3-MP2-R-8C3", "token 4, '8C3' at character 11", "window of 3×3, which does not fit"),
        ("8C3-GAP-MP2", "token 3, 'MP2' at character 9", "takes images"),
        ("8C2-8N-R-2C2", "token 4, '2C2' at character 10", "takes images"),
        ([nn.Conv2D(3, 3), nn.ReLU(), nn.MaxPool2D(4)], "element 3", "window of 4×4"),
    ],
    ids=str,
)
def test_a_layer_that_does_not_fit_is_named_with_its_place(both, architecture, place, reason):
    make, _, _ = both
    X, y = np.ones((9, 16)), np.arange(9) % 3
    model = make(architecture=architecture)
    for check in (lambda: model.fit(X, y), lambda: model.check_parameters(16)):
        with pytest.raises(ValueError, match=f"{place}: .*{reason}"):
            check()


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": (50,)},
        {"hidden_layer_sizes": ()},
        {"activation": "tanh"},
        {"activation": ["relu", "tanh", "relu"]},
        {"dropout": 0.1},
        {"batch_norm": True},
    ],
    ids=str,
)
def test_parameters_that_the_architecture_replaces_have_no_effect(both, options, assert_same_model):
    make, X, y = both
    common = {"architecture": "8N-R", "max_iter": 2, "random_state": 0, "warm_start": True}
    model, expected = make(**common, **options).fit(X, y), make(**common).fit(X, y)
    assert_same_model(model, expected)
    (name,) = options
    model.set_params(**{name: make().get_params()[name]})
    assert_same_model(model.fit(X, y), expected.fit(X, y))


def test_a_grid_holds_architectures_beside_sizes(iris):
    grid = {"architecture": [None, "9N-BN-R"], "hidden_layer_sizes": [(5,), (7,)]}
    search = GridSearchCV(NumpyNetClassifier(max_iter=2), grid, cv=2, error_score="raise")
    search.fit(*iris)
    for params in search.cv_results_["params"]:
        coefs = clone(search.estimator).set_params(**params).fit(*iris).coefs_
        expected = params["hidden_layer_sizes"][0] if params["architecture"] is None else 9
        assert coefs[0].shape == (4, expected)


@pytest.mark.parametrize("wrong", [[nn.Dense(4), "R"], [nn.Dense], [None], [[nn.Dense(4)]]])
def test_an_element_that_is_no_layer_is_named(both, wrong):
    make, X, y = both
    with pytest.raises(ValueError, match=f"element {len(wrong)}, .* is not a layer"):
        make(architecture=wrong).fit(X, y)


@pytest.mark.parametrize("wrong", [5, 0.5])
def test_a_number_is_no_architecture(both, wrong):
    make, X, y = both
    with pytest.raises(ValueError, match="The 'architecture' parameter"):
        make(architecture=wrong).fit(X, y)


def test_an_empty_list_is_a_linear_model(diabetes):
    X, y = diabetes
    reg = NumpyNetRegressor(architecture=[], max_iter=2).fit(X, y)
    assert [weight.shape for weight in reg.coefs_] == [(X.shape[1], 1)]


@pytest.mark.parametrize("architecture", ["8N-R-D0.5", "8N-BN-R", [nn.Dense(3), nn.Dropout(0.1)]])
def test_lbfgs_refuses_random_layers_of_an_architecture(both, architecture):
    make, X, y = both
    with pytest.raises(ValueError, match="solver='lbfgs' needs a loss that is the same"):
        make(architecture=architecture, solver="lbfgs").fit(X, y)


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_other_layers_are_refused_when_training_goes_on(both, go_on):
    make, X, y = both
    model = make(architecture="8N-R", max_iter=2, warm_start=True).fit(X, y)
    model.set_params(architecture="8N-T")
    with pytest.raises(ValueError, match="go on with the layers and the scaling they"):
        getattr(model, go_on)(X, y)
    model.set_params(warm_start=False).fit(X, y)
