"""Networks on images: pieces and fusions against the layers as written."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer import nn
from digit_recognizer.nn import prediction
from digit_recognizer.nn.images import blocks
from digit_recognizer.nn.images.channel_norm import ChannelNorm, FoldedConv2D, FoldedNorm

SHAPE = (11, 10, 2)
# Each number of a network costs two passes.
SMALL_SHAPE = (9, 8, 2)


def conv(n_filters=4, kernel=3, **options):
    return nn.Conv2D(n_filters, kernel, **options)


NETWORKS = {
    "conv, norm, relu": lambda: [conv(bias=False), nn.BatchNorm(), nn.ReLU(), conv()],
    "norm after pooling": lambda: [conv(), nn.MaxPool2D(2), nn.BatchNorm(), nn.ReLU(), conv()],
    "norm first": lambda: [nn.BatchNorm(), nn.ReLU(), conv(), nn.BatchNorm()],
    "norm without relu": lambda: [conv(), nn.BatchNorm(), conv(padding=1), nn.BatchNorm()],
    "norm, then another activation": lambda: [conv(), nn.BatchNorm(), nn.SiLU(), conv()],
    "relu, then norm": lambda: [conv(), nn.ReLU(), nn.BatchNorm(), nn.ReLU(), conv()],
    "relu, pooling, norm": lambda: [
        *(conv(), nn.ReLU(), nn.MaxPool2D(2), nn.BatchNorm(), nn.ReLU(), conv(4, 2)),
    ],
    "tanh, then norm": lambda: [conv(), nn.Tanh(), nn.BatchNorm(), nn.ReLU(), conv()],
    "two norms": lambda: [conv(), nn.BatchNorm(), nn.BatchNorm(), nn.ReLU(), conv()],
    "norm, relu, pooling": lambda: [conv(), nn.BatchNorm(), nn.ReLU(), nn.MaxPool2D(2), conv()],
    "stride 2": lambda: [
        *(conv(5, 5, stride=2, padding=2), nn.BatchNorm(), nn.ReLU()),
        *(conv(4, 2, stride=2), nn.BatchNorm(), nn.ReLU(), conv(3, 1)),
    ],
    "every activation": lambda: [
        layer for make in nn.ACTIVATIONS.values() for layer in (conv(3, padding=1), make())
    ],
    "average pooling": lambda: [conv(), nn.ReLU(), nn.AveragePool2D(2), conv(), nn.LeakyReLU()],
    "no parameters first": lambda: [nn.ReLU(), nn.AveragePool2D(2, 1), conv(), nn.ReLU()],
    "no parameters": lambda: [nn.ReLU(), nn.MaxPool2D(2)],
    "no layers": list,
    "identity and flat end": lambda: [nn.Identity(), conv(), nn.Identity(), nn.BatchNorm()],
}
HEADS = {
    "flatten": lambda: [nn.Flatten(), nn.Dense(3)],
    "global average": lambda: [nn.GlobalAveragePool2D(), nn.Dense(3)],
    "norm of rows": lambda: [nn.Flatten(), nn.BatchNorm(), nn.ReLU(), nn.Dense(3)],
}


def make_network(name, head="flatten", dtype=np.float64, negative=False, shape=SHAPE, **options):
    layers = NETWORKS[name]() + HEADS[head]()
    network = nn.Network(layers, nn.SoftmaxCrossEntropy(), shape, dtype, seed=1, **options)
    generator = np.random.default_rng(2)
    for layer in network.layers:
        if isinstance(layer, nn.BatchNorm):
            gamma = layer.values["gamma"]
            gamma[...] = generator.uniform(0.5, 1.5, len(gamma))
            if negative:
                gamma[::2] *= -1
                gamma[-1] = 0
            layer.values["beta"][...] = generator.standard_normal(len(gamma))
    return network


def steps(network, X, y, n_steps=2):
    """Losses and gradients of a few batches, with the same memories."""
    memories = network.memories(training=True)
    results = []
    for _ in range(n_steps):
        loss = network.loss_and_gradients(X, y, None, memories)
        results.append((loss, network.parameters.gradients.copy()))
    return results


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", NETWORKS)
def test_fused_pieces_equal_the_layers_as_written(name, head, negative, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_SIZES", (4,))
    generator = np.random.default_rng(0)
    fused = make_network(name, head, negative=negative)
    plain = make_network(name, head, negative=negative, fuse=False)
    for n in (1, 4, 7, 13):
        X, y = generator.standard_normal((n, *SHAPE)), generator.integers(0, 3, n)
        for one, other in zip(steps(fused, X, y), steps(plain, X, y), strict=True):
            assert one[0] == pytest.approx(other[0], abs=1e-10)
            scale = max(np.abs(other[1]).max(), 1)
            np.testing.assert_allclose(one[1] / scale, other[1] / scale, rtol=0, atol=1e-10)
        np.testing.assert_allclose(
            fused.parameters.values, plain.parameters.values, rtol=0, atol=1e-10
        )
        np.testing.assert_allclose(fused.predict(X), plain.predict(X), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_networks_equal_finite_differences(name, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_SIZES", (2,))
    generator = np.random.default_rng(3)
    network = make_network(name, shape=SMALL_SHAPE)
    X, y = generator.standard_normal((5, *SMALL_SHAPE)), generator.integers(0, 3, 5)
    assert nn.check_network_gradients(network, X, y) < 1e-5


@settings(deadline=None, derandomize=True, max_examples=20)
@given(
    st.lists(st.sampled_from(["conv", "norm", "relu", "pool", "tanh", "stride"]), max_size=7),
    st.integers(1, 20),
)
def test_any_order_of_layers_equals_the_layers_as_written(kinds, n):
    makers = {
        "conv": lambda: conv(padding=1),
        "norm": nn.BatchNorm,
        "relu": nn.ReLU,
        "pool": lambda: nn.MaxPool2D(2, 1),
        "tanh": nn.Tanh,
        "stride": lambda: conv(4, 3, stride=2, padding=2),
    }
    generator = np.random.default_rng(n)
    X, y = generator.standard_normal((n, *SHAPE)), generator.integers(0, 3, n)
    results = []
    for fuse in (True, False):
        layers = [conv(), *(makers[kind]() for kind in kinds), nn.Flatten(), nn.Dense(3)]
        network = nn.Network(layers, nn.SoftmaxCrossEntropy(), SHAPE, np.float64, fuse=fuse)
        results.append(steps(network, X, y)[-1])
    assert results[0][0] == pytest.approx(results[1][0], abs=1e-9)
    # One image of one pixel a channel has no variance: gradients are then as large as 1/√ε.
    scale = max(np.abs(results[1][1]).max(), 1)
    np.testing.assert_allclose(results[0][1] / scale, results[1][1] / scale, rtol=0, atol=1e-8)


def test_the_peephole_finds_norms_with_what_follows():
    network = make_network("two norms")
    kinds = [type(step.layer) for step in network.steps[0].steps]
    assert kinds == [nn.Conv2D, ChannelNorm, FoldedNorm, FoldedConv2D, nn.Flatten]


class OwnNorm(nn.BatchNorm):
    """A norm of a user's own, which the peephole does not know."""


def test_layers_that_need_the_whole_batch_get_it(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_SIZES", (4,))
    generator = np.random.default_rng(0)
    X, y = generator.standard_normal((13, *SHAPE)), generator.integers(0, 3, 13)
    results = []
    for norm in (OwnNorm, nn.BatchNorm):
        layers = [conv(), norm(), nn.ReLU(), conv(), norm(), nn.Flatten(), nn.Dense(3)]
        network = nn.Network(layers, nn.SoftmaxCrossEntropy(), SHAPE, np.float64)
        results.append(steps(network, X, y)[-1])
    assert results[0][0] == pytest.approx(results[1][0], abs=1e-10)
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-10)


def test_fusion_leaves_layers_and_parameters_as_they_are():
    fused = make_network("conv, norm, relu")
    plain = make_network("conv, norm, relu", fuse=False)
    assert repr(fused.layers) == repr(plain.layers)
    np.testing.assert_array_equal(fused.parameters.values, plain.parameters.values)
    names = [list(layer.values) for layer in fused.layers]
    assert names == [list(layer.values) for layer in plain.layers]


def test_statistics_far_from_0_keep_their_precision(generator):
    X = (generator.standard_normal((40, *SHAPE)) + 500).astype(np.float32)
    layers = [nn.BatchNorm(), nn.ReLU(), nn.Flatten(), nn.Dense(3)]
    network = nn.Network(layers, nn.SquaredError(), SHAPE)
    memories = network.memories(training=True)
    network.forward(X, memories)
    variance = network.layers[0].values["running_variance"]
    expected = 0.9 + 0.1 * X.astype(np.float64).var(axis=(0, 1, 2), ddof=1)
    np.testing.assert_allclose(variance, expected, rtol=1e-3)


def test_flat_rows_are_images_too(generator):
    network = make_network("conv, norm, relu")
    X = generator.standard_normal((6, *SHAPE))
    np.testing.assert_array_equal(network.predict(X.reshape(6, -1)), network.predict(X))


def test_a_network_may_end_with_images(generator):
    network = nn.Network([conv(), nn.ReLU()], nn.SquaredError(), SHAPE, np.float64)
    X = generator.standard_normal((20, *SHAPE))
    assert network.predict(X).shape == (20, 9, 8, 4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_prediction_does_not_depend_on_the_other_images(dtype, generator, monkeypatch):
    network = make_network("stride 2", dtype=dtype)
    X = generator.standard_normal((23, *SHAPE)).astype(dtype)
    alone = np.vstack([network.predict(image[np.newaxis]) for image in X])
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(network.predict(X), alone, atol=tolerance)
    monkeypatch.setattr(prediction, "PREDICTION_ROWS", 10)
    np.testing.assert_allclose(network.predict(X), alone, atol=tolerance)
    assert network.predict(X).dtype == dtype


def test_no_images_give_no_predictions():
    assert make_network("stride 2").predict(np.zeros((0, *SHAPE))).shape == (0, 3)


def test_predictions_from_several_threads_and_from_a_pickle_are_the_same(generator):
    network = make_network("norm after pooling", dtype=np.float32)
    parts = generator.standard_normal((8, 50, *SHAPE)).astype(np.float32)
    expected = [network.predict(part) for part in parts]
    again = pickle.loads(pickle.dumps(network))
    with ThreadPoolExecutor(4) as pool:
        for actual, one in zip(pool.map(again.predict, parts), expected, strict=True):
            np.testing.assert_array_equal(actual, one)


@pytest.mark.parametrize("n", [1, 3])
def test_small_predictions_follow_a_change_of_the_parameters(n, generator):
    network = make_network("conv, norm, relu")
    X = generator.standard_normal((n, *SHAPE))
    network.predict(X)
    network.parameters.values *= 1.1
    again = make_network("conv, norm, relu")
    again.parameters.values[...] = network.parameters.values
    np.testing.assert_array_equal(network.predict(X), again.predict(X))
    network.layers[1].values["running_mean"][...] += 1
    assert np.abs(network.predict(X) - again.predict(X)).max() > 1e-6


def test_prediction_memory_does_not_grow_with_the_images(generator):
    network = make_network("conv, norm, relu", dtype=np.float32)
    X = np.zeros((6 * prediction.PREDICTION_ROWS, *SHAPE), np.float32)
    peaks = []
    for n in (prediction.PREDICTION_ROWS, len(X)):
        tracemalloc.start()
        network.predict(X[:n])
        peaks.append(tracemalloc.get_traced_memory()[1] - n * 3 * 4)
        tracemalloc.stop()
    assert peaks[1] < 1.01 * peaks[0]


def test_training_makes_its_arrays_once(generator):
    network = make_network("stride 2", dtype=np.float32)
    X, y = generator.standard_normal((64, *SHAPE)).astype(np.float32), np.zeros(64, int)
    memories = network.memories(training=True)
    network.loss_and_gradients(X, y, None, memories)
    tracemalloc.start()
    network.loss_and_gradients(X, y, None, memories)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes


def test_dropout_and_training_work_on_images(generator):
    X = generator.standard_normal((200, 8, 8, 1)).astype(np.float32)
    y = (X[:, 2:6, 2:6].mean(axis=(1, 2, 3)) > 0).astype(int)
    layers = [
        *(conv(8), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.1)),
        *(nn.MaxPool2D(2), nn.Flatten(), nn.Dense(2)),
    ]
    network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (8, 8, 1))
    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), batch_size=30, n_epochs=12)
    history = list(network.fit_epochs(X, y, plan, np.random.default_rng(0)))
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert (network.predict(X).argmax(axis=1) == y).mean() > 0.9


def test_the_loss_curve_of_winograd_lies_within_the_noise_of_columns():
    """500 steps in float32: the paths differ less than two seeds of one path do."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((256, 12, 12, 4)).astype(np.float32)
    y = generator.integers(0, 4, 256)
    X[np.arange(256), 3 + y, 3 + y] += 1.5

    def curve(algorithm, seed):
        layers = [
            *(conv(8, algorithm=algorithm), nn.BatchNorm(), nn.ReLU()),
            *(conv(8, algorithm=algorithm), nn.BatchNorm(), nn.ReLU()),
            *(nn.MaxPool2D(2), nn.Flatten(), nn.Dense(4)),
        ]
        network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (12, 12, 4), seed=0)
        plan = nn.TrainingPlan(nn.Adam(), nn.Constant(3e-4), batch_size=32, n_epochs=63)
        epochs = network.fit_epochs(X, y, plan, np.random.default_rng(seed))
        return np.array([record["loss"] for record in epochs])

    winograd, columns, other_seed = curve("winograd", 1), curve("columns", 1), curve("columns", 2)
    assert winograd[0] == pytest.approx(columns[0], rel=1e-3)
    assert np.abs(winograd - columns).mean() < np.abs(other_seed - columns).mean()
    assert columns[-1] < 0.5 * columns[0]
