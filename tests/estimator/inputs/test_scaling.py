"""`scaling`: X as pixels, scaled batch by batch."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS, LABELS = load_digits(return_X_y=True)
PIXELS, LABELS = (DIGITS * 15).astype(np.uint8)[:300], LABELS[:300]
QUICK = {"hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0, "scaling": "standard"}


def by_hand(model, X):
    """X as the model's network sees it."""
    return ((X.astype(np.float64) - model.input_shift_) / model.input_scale_).astype(np.float32)


@pytest.mark.parametrize("Estimator", [NumpyNetClassifier, NumpyNetRegressor])
@pytest.mark.parametrize("name", ["unit", "standard"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"solver": "lbfgs"},
        {"early_stopping": True},
        {"shuffle": False, "batch_norm": True},
        {"architecture": "4C3-R-MP2", "augment": {"shift": 1}, "views": {"shift": 1}},
        {"augment": {"rotation": 5, "fill": 30.0}},
    ],
    ids=lambda options: " ".join(options) or "adam",
)
def test_fits_pixels_as_what_they_are_scaled_to(Estimator, name, options):
    options = {"max_iter": 3, "random_state": 0, "input_shape": (8, 8)} | options
    weight = 1 + LABELS % 3
    model = Estimator(scaling=name, **options).fit(PIXELS, LABELS, weight, PIXELS, LABELS)
    scaled = by_hand(model, PIXELS)
    if "fill" in options.get("augment", {}):
        fill = (30 - model.input_shift_) / model.input_scale_
        options = options | {"augment": options["augment"] | {"fill": fill}}
    peer = Estimator(**options).fit(scaled, LABELS, weight, scaled, LABELS)
    assert model.coefs_[0].dtype == np.float32
    for record, other in zip(model.history_, peer.history_, strict=True):
        assert record["loss"] == pytest.approx(other["loss"], rel=2e-3)
        assert record["validation_loss"] == pytest.approx(other["validation_loss"], rel=2e-3)
    ours, others = model.predict(PIXELS), peer.predict(scaled)
    np.testing.assert_allclose(ours, others, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(
    ("name", "X", "expected"),
    [
        ("unit", PIXELS, (0, 255)),
        ("unit", PIXELS.astype(np.uint16), (0, 65535)),
        ("unit", PIXELS.astype(np.int64), (0, 240)),
        ("unit", DIGITS[:300] - 3, (-3, 16)),
        ("standard", PIXELS, (PIXELS.mean(), PIXELS.std())),
        (None, PIXELS, (0, 1)),
    ],
)
def test_the_scaling_is_known_after_the_fit(name, X, expected):
    model = NumpyNetClassifier(**QUICK | {"scaling": name}).fit(X, LABELS)
    assert (model.input_shift_, model.input_scale_) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["unit", "standard"])
@pytest.mark.parametrize("value", [0.0, 1 / 3, -1e-8, 1e100])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_a_constant_is_scaled_by_one(name, value, form):
    X = np.full((300, 10), value)
    X[0] = 7.0
    weight = np.arange(300) > 0
    model = NumpyNetClassifier(**QUICK | {"scaling": name}).fit(form(X), LABELS, weight)
    assert (model.input_shift_, model.input_scale_) == (value, 1)


@pytest.mark.parametrize("kind", [np.float64, np.int64, pd.DataFrame, sparse.csr_array, "fortran"])
def test_predicts_the_same_pixels_alike_in_whatever_form(kind):
    model = NumpyNetClassifier(**QUICK).fit(PIXELS, LABELS)
    given = np.asfortranarray(PIXELS) if kind == "fortran" else kind(PIXELS)
    given = PIXELS.astype(kind) if kind in (np.float64, np.int64) else given
    np.testing.assert_array_equal(model.predict_proba(given), model.predict_proba(PIXELS))


@pytest.mark.parametrize("name", ["unit", "standard"])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_sparse_pixels_are_fitted_as_dense_ones(name, options):
    options = QUICK | {"scaling": name} | options
    dense = NumpyNetClassifier(**options).fit(PIXELS, LABELS)
    stored = NumpyNetClassifier(**options).fit(sparse.csr_array(PIXELS), LABELS)
    np.testing.assert_array_equal(stored.predict_proba(PIXELS), dense.predict_proba(PIXELS))


@pytest.mark.parametrize("goes_on", ["partial_fit", "warm_start"])
def test_the_first_fit_says_the_scaling_for_those_that_go_on(goes_on):
    model = NumpyNetClassifier(**QUICK, warm_start=goes_on == "warm_start")
    learn = model.fit if goes_on == "warm_start" else model.partial_fit
    classes = {} if goes_on == "warm_start" else {"classes": np.arange(10)}
    learn(PIXELS[:150], LABELS[:150], **classes)
    found = model.input_shift_, model.input_scale_
    learn(PIXELS[150:] // 2, LABELS[150:])
    assert (model.input_shift_, model.input_scale_) == found
    model.set_params(warm_start=False).fit(PIXELS // 2, LABELS)
    assert model.input_scale_ == pytest.approx((PIXELS // 2).std())


def test_a_warm_start_refuses_another_scaling():
    model = NumpyNetClassifier(**QUICK, warm_start=True).fit(PIXELS, LABELS)
    with pytest.raises(ValueError, match=r"the scaling they have.*warm_start=False"):
        model.set_params(scaling="unit").fit(PIXELS, LABELS)


def test_a_saved_model_predicts_pixels(tmp_path):
    model = NumpyNetClassifier(**QUICK).fit(PIXELS, LABELS)
    model.save(tmp_path / "model")
    for restored in (
        NumpyNetClassifier.load(tmp_path / "model"),
        pickle.loads(pickle.dumps(model)),
    ):
        np.testing.assert_array_equal(restored.predict_proba(PIXELS), model.predict_proba(PIXELS))
    restored.partial_fit(PIXELS, LABELS)
    assert restored.input_scale_ == model.input_scale_


def test_training_goes_on_from_a_state_of_pixels():
    def train(state=None):
        model = NumpyNetClassifier(**QUICK | {"learning_rate": "cosine"})
        for record in model.fit_epochs(PIXELS, LABELS, state=state):
            if state is None and record["epoch"] == 1:
                state = model.training_state()
        return model, state

    whole, state = train()
    np.testing.assert_array_equal(train(state)[0].coefs_[0], whole.coefs_[0])


def test_weights_set_by_hand_come_with_their_scaling():
    model = NumpyNetClassifier(**QUICK).fit(PIXELS, LABELS)
    other = NumpyNetClassifier(**QUICK)
    for name in ("coefs_", "intercepts_", "input_shift_", "input_scale_"):
        setattr(other, name, getattr(model, name))
    np.testing.assert_array_equal(other.predict(PIXELS), model.predict(PIXELS))


def test_a_scorer_is_given_the_pixels():
    seen = []

    def scorer(estimator, X, y):
        seen.append(X.dtype)
        return estimator.score(X, y)

    model = NumpyNetClassifier(**QUICK | {"early_stopping": True, "scoring": scorer})
    model.fit(PIXELS, LABELS)
    assert set(seen) == {np.dtype(np.uint8)}
    assert np.isfinite(model.best_validation_score_)


def test_rows_without_weight_do_not_count():
    weight = (np.arange(300) < 200).astype(float)
    model = NumpyNetClassifier(**QUICK).fit(PIXELS, LABELS, weight)
    assert model.input_shift_ == pytest.approx(PIXELS[:200].mean())


@pytest.mark.parametrize(
    "options",
    [{}, {"solver": "lbfgs"}, {"augment": {"shift": 1}, "learning_rate": "cosine"}],
    ids=["adam", "lbfgs", "augment"],
)
def test_a_fit_of_pixels_makes_no_copy_of_them_all(options):
    n = 40_000
    y = np.arange(n) % 2
    model = NumpyNetClassifier(**QUICK | {"hidden_layer_sizes": (2,), "max_iter": 1} | options)
    tracemalloc.start()
    try:
        X = np.zeros((n, 784), np.uint8)
        X[:, 0] = y
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # L-BFGS takes blocks of 8,192 rows.
    assert peak < (3 if options.get("solver") == "lbfgs" else 1.5) * X.nbytes
