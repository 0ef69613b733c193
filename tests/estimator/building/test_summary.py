"""The table of layers, and how estimators and layers show themselves."""

import re

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ARCHITECTURE = "12N-BN-R-D0.25-6N-T"


@pytest.fixture
def summary(iris):
    return NumpyNetClassifier(architecture=ARCHITECTURE, max_iter=1).fit(*iris).summary()


def test_rows_are_the_layers_with_numbers_counted_by_hand(summary):
    assert summary.rows == [
        ("Dense(12, bias=False)", (12,), 4 * 12, 4 * 12),
        ("BatchNorm()", (12,), 12 + 12, 0),
        ("ReLU()", (12,), 0, 0),
        ("Dropout(0.25)", (12,), 0, 0),
        ("Dense(6)", (6,), 12 * 6 + 6, 12 * 6),
        ("Tanh()", (6,), 0, 0),
        ("Dense(3)", (3,), 6 * 3 + 3, 6 * 3),
    ]
    assert summary.n_parameters == 48 + 24 + 78 + 21
    assert summary.multiply_adds == 48 + 72 + 18


def test_parameters_are_those_of_the_fitted_arrays(problem):
    make, X, y = problem
    model = make(hidden_layer_sizes=(7, 5), max_iter=1).fit(X, y)
    n_numbers = sum(array.size for array in model.coefs_ + model.intercepts_)
    assert model.summary().n_parameters == n_numbers
    assert model.summary().multiply_adds == sum(weight.size for weight in model.coefs_)


def test_text_is_a_table_with_the_input_and_the_sums(summary):
    lines = str(summary).splitlines()
    assert lines[0].split() == ["layer", "output", "shape", "parameters", "multiply-adds"]
    assert set(lines[1]) == set(lines[-2]) == {"-"}
    assert lines[2].split() == ["input", "4"]
    assert lines[3].split() == ["Dense(12,", "bias=False)", "12", "48", "48"]
    assert lines[-1].split() == ["softmax", "output", "3", "171", "138"]
    assert len(lines) == 12
    assert repr(summary) == str(summary)


def test_numbers_stand_below_each_other(summary):
    lines = [line for line in str(summary).splitlines() if not line.startswith("-")]
    assert len({len(line) for line in lines if not line.startswith("input")}) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_layer_sizes": (1024, 512, 256), "activation": "leaky_relu", "batch_norm": True},
        {"architecture": "1024N-BN-LR0.125-D0.375-1024N-BN-SW-D0.375"},
        {"hidden_layer_sizes": (100,)},
    ],
    ids=str,
)
def test_the_text_of_a_usual_network_is_at_most_80_columns_wide(options):
    X = np.random.default_rng(0).normal(size=(20, 784)).astype(np.float32)
    model = NumpyNetClassifier(max_iter=1, **options).fit(X, np.arange(20) % 10)
    text = str(model.summary())
    assert max(map(len, text.splitlines())) <= 80
    assert "initializer" not in text


def test_large_numbers_have_separators():
    X = np.zeros((4, 784), dtype=np.float32)
    model = NumpyNetClassifier((100,), max_iter=1).fit(X, [0, 1, 0, 1])
    assert "78,500" in str(model.summary())


def test_the_last_line_names_the_output(problem):
    make, X, y = problem
    model = make(max_iter=1).fit(X, y)
    last = str(model.summary()).splitlines()[-1]
    assert last.split()[:3] == [model.out_activation_, "output", str(model.n_outputs_)]


def test_html_is_a_table_of_the_same_cells(summary):
    html = summary._repr_html_()
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    cells = [re.findall(r"<t[dh]>(.*?)</t[dh]>", row) for row in rows]
    assert cells[0] == ["layer", "output shape", "parameters", "multiply-adds"]
    assert cells[1] == ["input", "4", "", ""]
    assert cells[2] == ["Dense(12, bias=False)", "12", "48", "48"]
    assert cells[-1] == ["softmax output", "3", "171", "138"]
    assert len(cells) == 10


def test_html_escapes_the_names_of_a_users_layers(iris):
    class Strange(nn.ReLU):
        def __repr__(self):
            return "<script>alert('&')</script>"

    clf = NumpyNetClassifier(architecture=[nn.Dense(3), Strange()], max_iter=1).fit(*iris)
    html = clf.summary()._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<script>" in str(clf.summary())


def test_an_estimator_that_is_not_fitted_has_no_summary(both):
    make, _, _ = both
    with pytest.raises(NotFittedError, match="or give n_features to its summary"):
        make().summary()


def test_a_summary_before_the_fit_is_that_of_the_fit(problem):
    make, X, y = problem
    options = {"hidden_layer_sizes": (5, 4), "batch_norm": True}
    fitted = make(**options, max_iter=1).fit(X, y)
    planned = make(**options).summary(X.shape[1], fitted.n_outputs_)
    assert planned.rows == fitted.summary().rows
    if y.ndim == 1 or make is NumpyNetRegressor:  # of several labels the outputs are not known
        assert str(planned) == str(fitted.summary())
    hidden = make(**options).summary(n_features=X.shape[1])
    assert hidden.rows == planned.rows[:-1]
    assert "before the output layer" in str(hidden)


def test_a_summary_of_images_ends_in_rows():
    clf = NumpyNetClassifier(architecture="8C3-MP2", random_state=np.random.RandomState(0))
    assert clf.summary(n_features=784).rows[-1][:2] == ("Flatten()", (13 * 13 * 8,))
    assert clf.random_state.randint(99) == np.random.RandomState(0).randint(99)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("7",), {}, "n_features must be an integer of at least 1, got '7'"),
        ((7, 0), {}, "n_outputs must be an integer of at least 1, got 0"),
        ((16,), {"architecture": "8C5"}, "token 1, '8C5'"),
        ((7,), {"dropout": 2}, "dropout"),
    ],
    ids=str,
)
def test_what_cannot_be_planned_is_named(both, arguments, options, sentence):
    make, _, _ = both
    with pytest.raises(ValueError, match=sentence):
        make(**options).summary(*arguments)


# --- repr ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Dense(5), "Dense(5)"),
        (nn.Dense(5, bias=False), "Dense(5, bias=False)"),
        (nn.Dropout(0.5), "Dropout(0.5)"),
        (nn.LeakyReLU(), "LeakyReLU()"),
        (nn.LeakyReLU(0.2), "LeakyReLU(slope=0.2)"),
        (nn.BatchNorm(momentum=0.2), "BatchNorm(momentum=0.2)"),
        (nn.SiLU(), "SiLU()"),
    ],
    ids=str,
)
def test_a_layer_shows_the_call_that_makes_it(layer, text):
    assert repr(layer) == text
    assert repr(eval(text, vars(nn))) == text


def test_an_estimator_shows_its_architecture(both):
    make, _, _ = both
    layers = [nn.Dense(5), nn.ReLU()]
    assert repr(make(architecture="5N-R")) == f"{make.__name__}(architecture='5N-R')"
    assert repr(make(architecture=layers)) == f"{make.__name__}(architecture=[Dense(5), ReLU()])"


def test_an_estimator_shows_itself_as_html(both):
    make, X, y = both
    for model in (make(architecture="5N-R"), make(architecture="5N-R", max_iter=1).fit(X, y)):
        html = model._repr_html_() if hasattr(model, "_repr_html_") else model._repr_mimebundle_()
        assert make.__name__ in html
        assert "5N-R" in html
