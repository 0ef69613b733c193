"""Weights of classes."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from digit_recognizer import NumpyNetClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"max_iter": 4, "random_state": 0, "batch_size": 32}


@pytest.fixture(params=["binary", "integers", "strings"])
def unbalanced(request, iris):
    """Rows of which few are of the last class."""
    X, y = iris
    kept = np.r_[:100, 100:115]
    X, y = X[kept], y[kept]
    return X, {
        "binary": (y == 2).astype(int),
        "integers": y - 1,
        "strings": np.array(["setosa", "versicolor", "virginica"])[y],
    }[request.param]


@pytest.fixture
def weights(unbalanced):
    """Each class's weight."""
    return {label: 0.5 + 2.0 * i for i, label in enumerate(np.unique(unbalanced[1]).tolist())}


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_dict_gives_the_bytes_of_those_sample_weights(
    unbalanced, weights, solver, assert_same_model
):
    X, y = unbalanced
    options = OPTIONS | {"solver": solver}
    clf = NumpyNetClassifier(class_weight=weights, **options).fit(X, y)
    by_row = np.array([weights[label] for label in y.tolist()])
    expected = NumpyNetClassifier(**options).fit(X, y, sample_weight=by_row)
    assert_same_model(clf, expected)
    assert clf.loss_ != NumpyNetClassifier(**options).fit(X, y).loss_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_balanced_gives_the_bytes_of_those_sample_weights(unbalanced, solver, assert_same_model):
    X, y = unbalanced
    options = OPTIONS | {"solver": solver}
    clf = NumpyNetClassifier(class_weight="balanced", **options).fit(X, y)
    by_row = compute_sample_weight("balanced", y)
    assert_same_model(clf, NumpyNetClassifier(**options).fit(X, y, sample_weight=by_row))


def test_a_dict_multiplies_sample_weights(unbalanced, weights, assert_same_model):
    X, y = unbalanced
    own = np.random.default_rng(0).uniform(0.5, 2, len(X))
    clf = NumpyNetClassifier(class_weight=weights, **OPTIONS).fit(X, y, sample_weight=own)
    by_row = own * np.array([weights[label] for label in y.tolist()])
    assert_same_model(clf, NumpyNetClassifier(**OPTIONS).fit(X, y, sample_weight=by_row))


def test_balanced_counts_a_row_of_weight_2_twice(unbalanced, assert_same_model):
    X, y = unbalanced
    repeats = np.where(np.arange(len(X)) % 3 == 0, 2, 1)
    options = {"class_weight": "balanced", "shuffle": False, "max_iter": 4, "random_state": 0}
    weighted = NumpyNetClassifier(batch_size=len(X), activation="tanh", **options)
    weighted.fit(X, y, sample_weight=repeats)
    repeated = NumpyNetClassifier(batch_size=repeats.sum(), activation="tanh", **options)
    repeated.fit(np.repeat(X, repeats, axis=0), np.repeat(y, repeats))
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_balanced_takes_a_class_without_any_weight(iris):
    X, y = iris
    clf = NumpyNetClassifier(class_weight="balanced", **OPTIONS)
    clf.fit(X, y, sample_weight=(y != 1).astype(float))
    assert np.isfinite(clf.loss_curve_).all()


def test_classes_that_a_dict_leaves_out_have_weight_1(iris, assert_same_model):
    X, y = iris
    clf = NumpyNetClassifier(class_weight={2: 5.0}, **OPTIONS).fit(X, y)
    by_row = np.where(y == 2, 5.0, 1.0)
    assert_same_model(clf, NumpyNetClassifier(**OPTIONS).fit(X, y, sample_weight=by_row))


def test_a_weight_finds_more_of_a_rare_class(iris):
    X, y = iris
    noisy = X + np.random.default_rng(0).normal(scale=2, size=X.shape)
    rare = (y == 2) & (np.arange(150) % 5 == 0)
    options = {"max_iter": 100, "learning_rate_init": 0.01, "random_state": 0, "alpha": 1.0}
    plain = NumpyNetClassifier((8,), **options).fit(noisy, rare)
    heavy = NumpyNetClassifier((8,), class_weight={True: 20.0}, **options).fit(noisy, rare)
    assert heavy.predict(noisy)[rare].mean() > plain.predict(noisy)[rare].mean() + 0.2


def test_several_labels_are_balanced_as_scikit_learn_balances_them(iris, assert_same_model):
    X, y = iris
    labels = np.column_stack([y == 0, y != 1]).astype(int)
    clf = NumpyNetClassifier(class_weight="balanced", **OPTIONS).fit(X, labels)
    by_row = compute_sample_weight("balanced", labels)
    assert len(set(by_row)) > 1
    assert_same_model(clf, NumpyNetClassifier(**OPTIONS).fit(X, labels, sample_weight=by_row))


def test_a_list_has_a_dict_for_each_label(iris, assert_same_model):
    X, y = iris
    labels = np.column_stack([y == 0, y != 1, y == 2]).astype(int)
    weights = [{0: 1, 1: 5}, {1: 0.5}, {0: 2, 1: 3}]
    clf = NumpyNetClassifier(class_weight=weights, **OPTIONS).fit(X, labels)
    by_row = compute_sample_weight([{0: 1, 1: 5}, {0: 1, 1: 0.5}, {0: 2, 1: 3}], labels)
    assert_same_model(clf, NumpyNetClassifier(**OPTIONS).fit(X, labels, sample_weight=by_row))


def test_a_list_of_dicts_is_saved(iris, tmp_path):
    X, y = iris
    weights = [{0: 1, 1: 5}, {1: 0.5}]
    clf = NumpyNetClassifier(class_weight=weights, **OPTIONS).fit(X, np.column_stack([y > 0] * 2))
    clf.save(tmp_path / "model")
    assert NumpyNetClassifier.load(tmp_path / "model").class_weight == weights


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({0: 1, 1: 5}, "y has 2 labels; give a dict for each"),
        ([{0: 1, 1: 5}], "class_weight has 1 dicts, but y has 2 labels"),
        (["balanced", "balanced"], "should be a list of dicts"),
        ([{1: 2}, {1: np.nan}], r"class_weight\[1\]\[1\] is nan; a weight is a finite number"),
        (
            [{1: 2}, {2: 5}],
            r"class_weight\[1\]: \[2\] are no classes of y; its classes are \[0, 1\]",
        ),
    ],
    ids=str,
)
def test_wrong_weights_of_several_labels_are_explained(iris, wrong, sentence):
    X, y = iris
    with pytest.raises(ValueError, match=sentence):
        NumpyNetClassifier(class_weight=wrong).fit(X, np.column_stack([y == 0, y == 1]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({0: 0, 1: 0, 2: 0.0}, "leaves every row without weight"),
        ({1: np.nan}, r"class_weight\[1\] is nan; a weight is a finite number >= 0"),
        ({1: -1}, r"class_weight\[1\] is -1;"),
        ({1: np.inf}, r"class_weight\[1\] is inf;"),
        ({1: "heavy"}, r"class_weight\[1\] is 'heavy';"),
        ({"1": 2.0}, r"\['1'\] are no classes of y; its classes are \[0, 1, 2\]"),
    ],
    ids=str,
)
def test_weights_that_cannot_be_used_are_named(iris, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        NumpyNetClassifier(class_weight=wrong).fit(*iris)


def test_classes_of_digits_as_strings_have_weights(iris, assert_same_model):
    X, y = iris
    strings = NumpyNetClassifier(class_weight={"2": 5.0}, **OPTIONS).fit(X, y.astype(str))
    numbers = NumpyNetClassifier(class_weight={2: 5.0}, **OPTIONS).fit(X, y)
    assert_same_model(strings, numbers)


def test_partial_fit_takes_a_batch_that_lacks_a_class_of_the_dict(iris):
    X, y = iris
    clf = NumpyNetClassifier(class_weight={0: 2.0, 1: 5.0}, **OPTIONS)
    clf.partial_fit(X[y != 1], y[y != 1], classes=[0, 1, 2])
    assert np.isfinite(clf.loss_)


def test_partial_fit_takes_a_dict(unbalanced, weights, assert_same_model):
    X, y = unbalanced
    classes = np.unique(y)
    clf = NumpyNetClassifier(class_weight=weights, random_state=0)
    by_row = np.array([weights[label] for label in y.tolist()])
    expected = NumpyNetClassifier(random_state=0)
    for _ in range(3):
        clf.partial_fit(X, y, classes=classes)
        expected.partial_fit(X, y, classes=classes, sample_weight=by_row)
    assert_same_model(clf, expected)


def test_partial_fit_with_balanced_weights_is_not_there(iris):
    clf = NumpyNetClassifier(class_weight="balanced")
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as caught:
        clf.partial_fit(*iris, classes=[0, 1, 2])
    assert "compute_class_weight" in str(caught.value.__cause__ or caught.value)


def test_what_partial_fit_advises_equals_balanced(unbalanced, assert_same_model):
    X, y = unbalanced
    classes = np.unique(y)
    factors = compute_class_weight("balanced", classes=classes, y=y)
    options = {"random_state": 0, "max_iter": 1}
    weights = dict(zip(classes.tolist(), factors, strict=True))
    clf = NumpyNetClassifier(class_weight=weights, **options).partial_fit(X, y, classes=classes)
    assert_same_model(clf, NumpyNetClassifier(class_weight="balanced", **options).fit(X, y))


@pytest.mark.parametrize("wrong", ["balance", 3, [1, 2]])
def test_wrong_weights_are_named(iris, wrong):
    with pytest.raises(ValueError, match="The 'class_weight' parameter"):
        NumpyNetClassifier(class_weight=wrong).fit(*iris)


def test_classes_of_no_weight_in_rows_of_no_weight_leave_nothing_to_train_on(iris):
    X, y = iris
    for fit in (NumpyNetClassifier.fit, NumpyNetClassifier.partial_fit):
        model = NumpyNetClassifier(max_iter=1).fit(X, y).set_params(class_weight={0: 0, 1: 0})
        with pytest.raises(ValueError, match="times sample_weight leaves every row without weight"):
            fit(model, X, y, (y < 2).astype(float))
