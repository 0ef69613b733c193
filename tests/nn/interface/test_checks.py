"""Arguments that do not fit a network: sentences, before anything is computed."""

import numpy as np
import pytest
from scipy import sparse

from digit_recognizer import nn

X = np.random.default_rng(0).random((12, 6))
y = np.arange(12) % 3
CLASSES, NUMBERS = nn.SoftmaxCrossEntropy(), nn.SquaredError()


def make(loss=CLASSES, layers=None, input_shape=(6,)):
    return nn.Network(layers or [nn.Dense(4), nn.ReLU(), nn.Dense(3)], loss, input_shape)


def train(network, X=X, y=y, sample_weight=None):
    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), batch_size=5, n_epochs=1)
    return list(network.fit_epochs(X, y, plan, np.random.default_rng(0), sample_weight))


def step(network, X=X, y=y, sample_weight=None):
    return network.loss_and_gradients(X, y, sample_weight, network.memories(training=True))


MISTAKES = [
    (
        CLASSES,
        {"y": np.eye(4)[y]},
        r"the 3 classes' probabilities, of shape \(12, 3\), got \(12, 4\)",
    ),
    (
        CLASSES,
        {"y": np.eye(3)[y] * 0.9},
        r"add up to 0.9 in row 0; .* y.sum\(axis=1, keepdims=True\)",
    ),
    (CLASSES, {"y": np.eye(3)[y] * 2 - 1}, "numbers from 0 to 1, got y with -1.0"),
    (CLASSES, {"y": np.eye(3)[y].astype(str)}, "got y of dtype <U"),
    (CLASSES, {"y": y[:, np.newaxis]}, r"\(12, 1\); y.ravel\(\) makes it of a column"),
    (CLASSES, {"y": y * 1.0}, "an integer, got y of dtype float64; np.unique"),
    (CLASSES, {"y": y.astype(str)}, "an integer, got y of dtype <U"),
    (CLASSES, {"y": y + 1}, "class 3, but the network's 3 outputs are the classes 0 to 2"),
    (CLASSES, {"y": y - 1}, "class -1, but the network's 3 outputs"),
    (CLASSES, {"X": X[:, :5]}, "X has 5 features, but Network is expecting 6 features as input"),
    (CLASSES, {"X": sparse.csr_array(X[:, :5])}, "X has 5 features, but"),
    (CLASSES, {"X": X[:, 0]}, r"got \(12,\); X\[np.newaxis\] is one row"),
    (CLASSES, {"X": X[:0], "y": y[:0]}, "X has no rows"),
    (CLASSES, {"y": y[:-1]}, "X has 12 rows and y 11"),
    (CLASSES, {"sample_weight": np.ones((12, 1))}, r"shape \(12,\), got \(12, 1\)"),
    (NUMBERS, {"y": X[:, 0]}, r"shape \(12, 3\), got \(12,\); y\[:, np.newaxis\] is one column"),
    (NUMBERS, {"y": X[:, :2]}, r"shape \(12, 3\), got \(12, 2\)\."),
    (NUMBERS, {"y": np.full((12, 3), "a")}, "finite numbers, got y of dtype <U1"),
    (NUMBERS, {"y": np.full((12, 3), np.nan)}, "SquaredError takes finite numbers, got y with nan"),
    (nn.BinaryCrossEntropy(), {"y": np.full((12, 3), 2)}, "numbers from 0 to 1, got y with 2"),
    (nn.PoissonDeviance(), {"y": np.full((12, 3), -1)}, "numbers of at least 0, got y with -1"),
]


@pytest.mark.parametrize("enter", [train, step])
@pytest.mark.parametrize(("loss", "data", "message"), MISTAKES)
def test_data_that_do_not_fit_are_named_with_the_remedy(loss, data, message, enter):
    network = make(loss)
    before = network.parameters.values.copy()
    with pytest.raises(ValueError, match=message):
        enter(network, **data)
    np.testing.assert_array_equal(network.parameters.values, before)


def test_mistakes_are_said_before_the_first_epoch_is_asked_for():
    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), batch_size=5, n_epochs=1)
    with pytest.raises(ValueError, match="class 3"):
        make().fit_epochs(X, y + 3, plan, np.random.default_rng(0))


@pytest.mark.parametrize("rows", [X[:, :5], X[0], sparse.csr_array(X[:, :5])])
def test_rows_that_do_not_fit_are_not_predicted(rows):
    with pytest.raises(ValueError, match=r"5 features, but Network is|got \(6,\)"):
        make().predict(rows)


def test_images_of_another_size_are_told_the_size():
    network = make(layers=[nn.Flatten(), nn.Dense(3)], input_shape=(4, 4, 1))
    with pytest.raises(ValueError, match=r"25 features, .* 16 features \(images of \(4, 4, 1\)\)"):
        network.predict(np.zeros((2, 5, 5, 1)))


def test_a_network_that_ends_with_images_has_no_classes():
    network = make(layers=[nn.MaxPool2D(2)], input_shape=(4, 4, 1))
    with pytest.raises(ValueError, match=r"shape \(2, 2, 1\); end it with a dense layer"):
        train(network, np.zeros((12, 16)))


@pytest.mark.parametrize("wrong", [64, np.int64(64), None, "64", (0,), (6.0,), ()])
def test_an_input_shape_that_is_none_is_told_the_forms(wrong):
    with pytest.raises(ValueError, match=r"input_shape must be \(n_features,\), or \(height"):
        make(input_shape=wrong)


def test_a_number_of_features_is_told_how_to_write_it():
    with pytest.raises(ValueError, match=r"got 64; write \(64,\)\."):
        make(input_shape=64)


def test_parts_that_are_none_are_named():
    with pytest.raises(
        ValueError, match=r"layers: element 2, .*ReLU.*, is not a layer; write ReLU"
    ):
        make(layers=[nn.Dense(3), nn.ReLU])
    with pytest.raises(ValueError, match="layers is empty"):
        nn.Network([], CLASSES, (6,))
    for loss in (nn.SquaredError, "mse"):
        with pytest.raises(ValueError, match="loss must be a loss such as"):
            make(loss)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.uint64])
def test_classes_may_be_of_any_integers(dtype):
    # More rows a batch than the smallest of these types counts to.
    rows, few = np.tile(X, (30, 1)), np.tile(y % 2, 30)
    assert step(make(), rows, few.astype(dtype)) == step(make(), rows, few)


def test_lists_are_arrays():
    assert step(make(), X.tolist(), y.tolist()) == step(make())
    assert train(make(), X.tolist(), y.tolist())[0]["loss"] == train(make())[0]["loss"]
    np.testing.assert_array_equal(make().predict(X.tolist()), make().predict(X))


@pytest.mark.parametrize("dtype", [int, bool, np.float16, complex, object])
def test_what_no_network_computes_in_is_refused(dtype):
    with pytest.raises(ValueError, match="computes in float32 or float64, got dtype="):
        nn.Network([nn.Dense(3)], CLASSES, (6,), dtype)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"batch_size": 32.0}, "batch_size must be an integer of at least 1, got 32.0"),
        ({"n_epochs": -1}, "n_epochs must be an integer of at least 0, got -1"),
        ({"optimizer": "adam"}, r"optimizer must be one of nn, such as Adam\(\), got 'adam'"),
        ({"optimizer": nn.Adam}, "optimizer must be one of nn"),
        ({"schedule": 0.01}, r"schedule must be one of nn, such as Constant\(0.001\), got 0.01"),
    ],
    ids=str,
)
def test_a_plan_that_cannot_be_followed_says_why(wrong, message):
    right = {"optimizer": nn.Adam(), "schedule": nn.Constant(0.01), "batch_size": 5, "n_epochs": 1}
    with pytest.raises(ValueError, match=f"TrainingPlan's {message}"):
        nn.TrainingPlan(**right | wrong)


def test_a_seed_makes_the_generator():
    plans = [nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 5, n_epochs=2) for _ in range(2)]
    given = (7, np.random.default_rng(7))
    losses = [
        [record["loss"] for record in make().fit_epochs(X, y, plan, generator)]
        for plan, generator in zip(plans, given, strict=True)
    ]
    assert losses[0] == losses[1]
