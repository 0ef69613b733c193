"""What a layer keeps between passes."""

import numpy as np
import pytest

from digit_recognizer import nn


@pytest.fixture
def memory():
    return nn.Memory(np.float32, training=True)


def test_a_name_gives_the_same_storage_again(memory):
    assert memory.array("a", (3, 2)) is memory.array("a", (3, 2))
    assert not np.shares_memory(memory.array("a", (3, 2)), memory.array("b", (3, 2)))


def test_a_smaller_batch_is_the_beginning_of_the_storage(memory):
    memory.array("a", (3, 2))[...] = [[0, 1], [2, 3], [4, 5]]
    np.testing.assert_array_equal(memory.array("a", (2, 2)), [[0, 1], [2, 3]])
    np.testing.assert_array_equal(memory.array("a", (3, 2)), [[0, 1], [2, 3], [4, 5]])


def test_storage_grows_with_the_largest_batch_and_stays(memory):
    small = memory.array("a", (2, 2))
    large = memory.array("a", (5, 2))
    assert large.shape == (5, 2)
    assert not np.shares_memory(small, large)
    assert np.shares_memory(memory.array("a", (2, 2)), large)


def test_batches_of_many_sizes_do_not_fill_the_memory(memory):
    memory.array("a", (1000,))[...] = np.arange(1000)
    for n in range(1, 1000):
        np.testing.assert_array_equal(memory.array("a", (n,))[-1], n - 1)
    assert len(memory._views) <= memory.MOST_VIEWS


def test_arrays_have_the_dtype_of_the_memory_unless_asked_otherwise(memory):
    assert memory.array("a", (2,)).dtype == np.float32
    assert memory.array("b", (2,), bool).dtype == bool
    assert memory.constant("c", (2,), 1.0).dtype == np.float32


def test_constants_are_made_once_for_each_shape(memory):
    ones = memory.constant("ones", (4,), 1.0)
    np.testing.assert_array_equal(ones, 1)
    assert memory.constant("ones", (4,), 1.0) is ones
    assert memory.constant("ones", (2,), 1.0).shape == (2,)


def test_indices_count_from_0(memory):
    np.testing.assert_array_equal(memory.indices(4), [0, 1, 2, 3])
    assert memory.indices(4) is memory.indices(4)
    assert memory.indices(4).dtype == np.intp


@pytest.mark.parametrize("overwrite", [False, True])
def test_output_is_the_input_itself_only_where_it_may_be_overwritten(overwrite):
    X = np.ones((3, 2), np.float32)
    out = nn.Memory(np.float32, overwrite_input=overwrite).output(X)
    assert (out is X) == overwrite
    assert np.shares_memory(out, X) == overwrite
    assert out.shape == X.shape


IMAGES = (12, 12, 1)
NETWORKS = {
    "dense": ((144,), [nn.Dense(400), nn.ReLU(), nn.Dropout(0.1), nn.Dense(400), nn.BatchNorm()]),
    "convolutions": (IMAGES, [nn.Conv2D(8, 3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten()]),
    "folded norm": (
        IMAGES,
        [nn.Conv2D(8, 3), nn.BatchNorm(), nn.ReLU(), nn.Conv2D(8, 3), nn.GlobalAveragePool2D()],
    ),
}


@pytest.mark.parametrize("way", ["train", "abandon", "predict", "predict one", "fail"])
@pytest.mark.parametrize("name", NETWORKS)
def test_memory_is_back_without_the_garbage_collector(name, way, bytes_of, generator):
    shape, layers = NETWORKS[name]
    X = generator.random((400, *shape), dtype=np.float32)
    y = generator.integers(3, size=400)

    def use():
        network = nn.Network([*layers, nn.Dense(3)], nn.SoftmaxCrossEntropy(), shape)
        plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), batch_size=100, n_epochs=2)
        if way == "train":
            list(network.fit_epochs(X, y, plan, generator))
        elif way == "abandon":
            next(network.fit_epochs(X, y, plan, generator))
        elif way == "fail":
            plan.optimizer.step = None
            with pytest.raises(TypeError):
                list(network.fit_epochs(X, y, plan, generator))
        else:
            network.predict(X if way == "predict" else X[:1])

    held, peak = bytes_of(use)
    assert peak > 250_000
    assert held < 150_000
