"""The flat storage of a network's numbers."""

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays.parameters import CACHE_LINE_BYTES, aligned_copy, aligned_zeros


@pytest.fixture
def network(dtype):
    layers = [nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Dense(3)]
    return nn.Network(layers, nn.SquaredError(), (7,), dtype)


def address(array):
    return array.__array_interface__["data"][0]


def arrays(network):
    return {
        (index, name): array
        for index, layer in enumerate(network.layers)
        for name, array in layer.values.items()
    }


def test_weights_come_first_then_biases_and_norms_then_statistics(network):
    parameters = network.parameters
    start = address(parameters.values)
    item = parameters.dtype.itemsize
    ends = {"weight": parameters.n_decayed, "bias": parameters.n_trainable}
    starts = {"weight": 0, "bias": parameters.n_decayed}
    ends |= dict.fromkeys(["gamma", "beta"], parameters.n_trainable)
    starts |= dict.fromkeys(["gamma", "beta"], parameters.n_decayed)
    for (_, name), array in arrays(network).items():
        first = (address(array) - start) // item
        assert starts.get(name, parameters.n_trainable) <= first
        assert first + array.size <= ends.get(name, len(parameters.values))


def test_each_array_starts_on_a_cache_line_and_none_overlap(network):
    every = list(arrays(network).values())
    for layer in network.layers:
        every += layer.gradients.values()
    for array in every:
        assert address(array) % CACHE_LINE_BYTES == 0
    for i, array in enumerate(every):
        assert not any(np.shares_memory(array, other) for other in every[i + 1 :])


def test_arrays_of_layers_are_views_of_the_flat_ones(network):
    network.parameters.values[...] = 3
    network.parameters.gradients[...] = 4
    for layer in network.layers:
        assert all((array == 3).all() for array in layer.values.values())
        assert all((array == 4).all() for array in layer.gradients.values())


def test_statistics_have_no_gradient(network):
    norm = network.layers[1]
    assert set(norm.gradients) == {"gamma", "beta"}
    assert set(norm.values) == {"gamma", "beta", "running_mean", "running_variance"}


def test_gaps_hold_zeros(network):
    parameters = network.parameters
    for array in arrays(network).values():
        array[...] = 1
    n_used = sum(array.size for array in arrays(network).values())
    assert parameters.values.sum() == n_used < len(parameters.values)


def test_parameters_are_counted_without_gaps_and_statistics(network):
    assert network.parameters.n_parameters == 7 * 5 + 5 + 2 * 5 + 5 * 3 + 3


def test_decayed_part_is_a_view_of_the_weights(network):
    network.parameters.weights[...] = 9
    for (_, name), array in arrays(network).items():
        assert (array == 9).all() == (name == "weight")


def test_first_values_are_drawn_layer_by_layer():
    def draw(generator, shape):
        return generator.standard_normal(shape)

    layer = [nn.ParameterSpec("b", (2,), draw, decayed=False), nn.ParameterSpec("w", (3,), draw)]
    parameters = nn.FlatParameters([layer, layer], np.float64)
    parameters.initialize(np.random.default_rng(0))
    drawn = [parameters.layer_views(i)[0][name] for i in range(2) for name in "bw"]
    np.testing.assert_array_equal(
        np.concatenate(drawn), np.random.default_rng(0).standard_normal(10)
    )


def test_a_number_is_the_first_value_of_all_and_draws_nothing():
    draw = lambda generator, shape: generator.standard_normal(shape)  # noqa: E731
    layer = [nn.ParameterSpec("a", (2, 3), 0.25), nn.ParameterSpec("b", (), draw)]
    parameters = nn.FlatParameters([layer], np.float64)
    parameters.initialize(np.random.default_rng(0))
    values, _ = parameters.layer_views(0)
    np.testing.assert_array_equal(values["a"], np.full((2, 3), 0.25))
    assert values["b"] == np.random.default_rng(0).standard_normal()


def test_what_was_stored_read_only_comes_back_writable_and_aligned(network, pickled, dtype):
    network.parameters.values[...] = np.arange(len(network.parameters.values))
    state = network.parameters.__getstate__()
    assert "gradients" not in state
    state["values"] = np.frombuffer(state["values"].tobytes(), dtype)
    restored = nn.FlatParameters.__new__(nn.FlatParameters)
    restored.__setstate__(state)
    np.testing.assert_array_equal(restored.values, network.parameters.values)
    assert restored.values.flags.writeable
    assert address(restored.values) % CACHE_LINE_BYTES == 0
    assert restored.gradients.shape == network.parameters.gradients.shape
    assert not restored.gradients.any()


@pytest.mark.parametrize("size", [0, 1, 17, 1000])
def test_aligned_arrays_start_on_a_cache_line(size, dtype):
    for _ in range(5):
        array = aligned_zeros(size, dtype)
        copy = aligned_copy(np.arange(size, dtype=dtype))
        assert array.shape == copy.shape == (size,)
        assert array.dtype == copy.dtype == dtype
        assert not size or address(array) % CACHE_LINE_BYTES == 0
        assert not size or address(copy) % CACHE_LINE_BYTES == 0
        assert not array.any()
        np.testing.assert_array_equal(copy, np.arange(size))
