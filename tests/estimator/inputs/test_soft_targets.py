"""Soft targets: probabilities that a fit learns in place of the classes."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor
from digit_recognizer.estimator import TrainingState

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
X = scale(X)
SOFT = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
PLAIN = {"max_iter": 4, "random_state": 0}
DIGITS = load_digits(n_class=3, return_X_y=True)


def as_binary(y):
    return (y == 1).astype(int), np.eye(2)[(y == 1).astype(int)]


def assert_same_bytes(first, second):
    assert first._network.parameters.values.tobytes() == second._network.parameters.values.tobytes()
    assert first.loss_ == second.loss_


OPTIONS = {
    "adam": {},
    "smoothed": {"label_smoothing": 0.1},
    "balanced": {"class_weight": "balanced"},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.2},
    "summed": {"reduction": "sum", "batch_size": "all"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", ["multiclass", "binary", "multilabel"])
def test_one_hot_targets_give_the_bytes_of_the_labels(kind, options):
    rows, labels, targets = X, y, np.eye(3)[y]
    if kind == "binary":
        labels, targets = as_binary(y)
    elif kind == "multilabel":
        rows, labels = make_multilabel_classification(100, 5, n_classes=3, random_state=0)
        targets = labels
    hard = NumpyNetClassifier((8,), **PLAIN, **options).fit(rows, labels)
    soft = NumpyNetClassifier((8,), **PLAIN, **options).fit(rows, labels, targets=targets)
    assert_same_bytes(hard, soft)
    assert hard.history_[-1].get("validation_score") == soft.history_[-1].get("validation_score")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_hot_targets_of_images_give_the_bytes_of_the_labels(dtype):
    images, labels = DIGITS
    options = {
        "architecture": "4C3-BN-R-D0.2",
        "scaling": "unit",
        "augment": {"rotation": 5},
        **PLAIN,
    }
    pixels = (images * 15).astype(np.uint8)
    targets = np.eye(3, dtype=dtype)[labels]
    hard = NumpyNetClassifier(**options).fit(pixels, labels)
    assert_same_bytes(hard, NumpyNetClassifier(**options).fit(pixels, labels, targets=targets))


def test_the_probabilities_are_learned_and_the_labels_scored():
    net = NumpyNetClassifier(solver="lbfgs", alpha=0, max_iter=3000, tol=1e-6, random_state=0)
    shares = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    rows = np.repeat(np.eye(2), 30, axis=0)
    labels = np.tile([0, 1, 2], 20)
    net.fit(rows, labels, targets=np.repeat(shares, 30, axis=0))
    np.testing.assert_allclose(net.predict_proba(np.eye(2)), shares, atol=1e-3)
    assert net.score(rows, labels) == pytest.approx(1 / 3)


def test_two_classes_and_several_labels_learn_their_probabilities():
    exact = {"solver": "lbfgs", "alpha": 0, "max_iter": 3000, "tol": 1e-6, "random_state": 0}
    rows, labels = np.repeat(np.eye(2), 30, axis=0), np.tile([0, 1], 30)
    shares = np.array([[0.9, 0.1], [0.4, 0.6]])
    net = NumpyNetClassifier(**exact).fit(rows, labels, targets=np.repeat(shares, 30, axis=0))
    np.testing.assert_allclose(net.predict_proba(np.eye(2)), shares, atol=1e-3)
    shares = np.array([[0.9, 0.7], [0.4, 0.0]])
    indicators = np.column_stack([labels, 1 - labels])
    net = NumpyNetClassifier(**exact).fit(rows, indicators, targets=np.repeat(shares, 30, axis=0))
    np.testing.assert_allclose(net.predict_proba(np.eye(2)), shares, atol=1e-3)


def test_a_row_of_soft_targets_is_its_classes_by_weight():
    whole = {"batch_size": "all", "shuffle": False, "alpha": 0, **PLAIN}
    soft = NumpyNetClassifier(**whole).fit(X, y, targets=SOFT)
    rows, labels = np.repeat(X, 3, axis=0), np.tile([0, 1, 2], len(y))
    hard = NumpyNetClassifier(**whole).fit(rows, labels, sample_weight=SOFT.ravel())
    np.testing.assert_allclose(soft.loss_curve_, hard.loss_curve_, rtol=1e-9)


def test_a_weight_of_0_leaves_out_soft_rows():
    exact = {"hidden_layer_sizes": (), "solver": "lbfgs", "tol": 1e-7, "max_iter": 5000}
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    kept = weight > 0
    weighted = NumpyNetClassifier(**exact).fit(X, y, sample_weight=weight, targets=SOFT)
    fewer = NumpyNetClassifier(**exact).fit(X[kept], y[kept], targets=SOFT[kept])
    np.testing.assert_allclose(weighted.predict_proba(X), fewer.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("how", ["frame", "text", "list", "sparse", "float32", "sparse X"])
def test_targets_and_rows_come_in_any_form(how):
    net = NumpyNetClassifier(**PLAIN).fit(X, y, targets=SOFT)
    mixed = pd.DataFrame(SOFT)[[2, 0, 1]]
    given = {
        "frame": mixed,
        "text": mixed.rename(columns=str),
        "list": SOFT.tolist(),
        "sparse": sparse.csr_array(SOFT),
        "float32": SOFT.astype(np.float32),
        "sparse X": SOFT,
    }[how]
    rows = sparse.csr_array(X) if how == "sparse X" else X
    again = NumpyNetClassifier(**PLAIN).fit(rows, y, targets=given)
    np.testing.assert_allclose(again.predict_proba(X), net.predict_proba(X), atol=1e-5)


def test_probabilities_may_be_rounded():
    NumpyNetClassifier(**PLAIN).fit(X, y, targets=SOFT.round(3))


def test_a_weighted_mean_of_probabilities_may_leave_0_to_1_by_its_rounding():
    P = np.eye(3)[y]
    mean = sum(weight * P for weight in (0.7, 0.1, 0.1, 0.1)) * (1 + 4e-16)
    assert mean.max() > 1
    assert_same_bytes(
        NumpyNetClassifier((8,), **PLAIN).fit(X, y, targets=mean - 1e-7 * (P == 0)),
        NumpyNetClassifier((8,), **PLAIN).fit(X, y, targets=P),
    )


def test_a_frame_is_matched_by_the_names_of_the_classes():
    labels, targets = as_binary(y)
    frame = pd.DataFrame(targets, columns=[False, True])
    hard = NumpyNetClassifier(**PLAIN).fit(X, labels == 1)
    assert_same_bytes(hard, NumpyNetClassifier(**PLAIN).fit(X, labels == 1, targets=frame))
    names = np.array(["setosa", "versicolor", "virginica"])
    net = NumpyNetClassifier(**PLAIN).fit(X, names[y], targets=SOFT)
    frame = pd.DataFrame(SOFT, columns=names)[names[::-1]]
    assert_same_bytes(net, NumpyNetClassifier(**PLAIN).fit(X, names[y], targets=frame))


def test_epochs_go_on_from_a_state_with_the_same_targets_only():
    whole = NumpyNetClassifier(**PLAIN).fit(X, y, targets=SOFT)
    net = NumpyNetClassifier(**PLAIN)
    for record in net.fit_epochs(X, y, targets=SOFT):
        if record["epoch"] == 2:
            state = net.training_state().to_bytes()
            break
    again = NumpyNetClassifier(**PLAIN)
    list(again.fit_epochs(X, y, targets=SOFT, state=TrainingState.from_bytes(state)))
    assert_same_bytes(whole, again)
    for targets in (None, SOFT[::-1]):
        with pytest.raises(ValueError, match="y is not what it was"):
            list(again.fit_epochs(X, y, targets=targets, state=TrainingState.from_bytes(state)))


def test_a_warm_start_and_partial_fits_take_targets():
    twice = NumpyNetClassifier(warm_start=True, max_iter=2, random_state=0)
    for _ in range(2):
        twice.fit(X, y, targets=SOFT)
    assert_same_bytes(twice, NumpyNetClassifier(**PLAIN).fit(X, y, targets=SOFT))
    parts = NumpyNetClassifier(**PLAIN)
    for _ in range(4):
        parts.partial_fit(X, y, classes=[0, 1, 2], targets=SOFT)
    assert_same_bytes(twice, parts)


def test_a_validation_set_of_labels_scores_a_fit_on_targets():
    net = NumpyNetClassifier(early_stopping=True, **PLAIN)
    net.fit(X, y, targets=SOFT, X_val=X, y_val=y)
    assert net.best_validation_score_ == pytest.approx(net.score(X, y))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.eye(4)[y], r"for each of the classes \[0, 1, 2\], shape \(150, 3\), got \(150, 4"),
        (np.eye(4)[y], "of classes that y does not show partial_fit learns"),
        (np.ceil(SOFT * 3), r"counts become one by targets / targets.sum\(axis=1, keepdims=True\)"),
        (SOFT[:-1], r"a row for each of X .* got \(149, 3\)"),
        (y, r"got \(150,\); labels go into y"),
        (np.where(np.arange(150)[:, None] == 7, 0.5, SOFT), "add up to 1.5 in row 7; each row"),
        (np.where(np.arange(150)[:, None] == 7, np.nan, SOFT), "nan in row 7, for class 0; a prob"),
        (SOFT * 3 - 1, "a probability is a number from 0 to 1"),
        (pd.DataFrame(SOFT, columns=["a", "b", "c"]), r"columns \['a', 'b', 'c'\], but the"),
        (pd.DataFrame(SOFT[:, :2]), r"the columns \[0, 1\], but the classes of y are \[0, 1, 2\]"),
        ("soft", "targets must be numbers"),
    ],
)  # fmt: skip
def test_targets_that_are_none_are_told_what_is_wrong(targets, message):
    with pytest.raises(ValueError, match=message):
        NumpyNetClassifier(**PLAIN).fit(X, y, targets=targets)


def test_one_column_of_two_classes_is_told_how_to_make_both():
    labels, _ = as_binary(y)
    with pytest.raises(ValueError, match=r"np.column_stack\(\[1 - p, p\]\) makes both"):
        NumpyNetClassifier(**PLAIN).fit(X, labels, targets=SOFT[:, 0])


@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
def test_probabilities_given_as_y_are_told_the_way(fit):
    options = {"classes": [0, 1, 2]} if fit == "partial_fit" else {}
    with pytest.raises(ValueError, match=r"fit\(X, P.argmax\(axis=1\), targets=P\)"):
        getattr(NumpyNetClassifier(**PLAIN), fit)(X, SOFT, **options)


def test_the_regressor_takes_no_targets_beside_its_own():
    with pytest.raises(TypeError, match="targets"):
        NumpyNetRegressor().fit(X, y, targets=SOFT)


def test_targets_are_routed_like_other_metadata():
    params = {
        "params": {"targets": SOFT},
        "cv": 3,
        "return_estimator": True,
        "error_score": "raise",
    }
    with config_context(enable_metadata_routing=True):
        net = NumpyNetClassifier(**PLAIN).set_fit_request(targets=True)
        routed = cross_validate(make_pipeline(StandardScaler(), net), X, y, **params)
    assert len(routed["estimator"]) == 3
    pipeline = make_pipeline(StandardScaler(), NumpyNetClassifier(**PLAIN))
    pipeline.fit(X, y, numpynetclassifier__targets=SOFT)
    hard = NumpyNetClassifier(**PLAIN).fit(StandardScaler().fit_transform(X), y)
    assert abs(pipeline.predict_proba(X) - hard.predict_proba(scale(X))).max() > 1e-3
