"""`coefs_` and `intercepts_`: lists of views into a network, which a user may replace."""

import numpy as np

from digit_recognizer.nn import Scaling


class WeightLists:
    """`coefs_` and `intercepts_` of an estimator, fitted or set by hand, and its pickle."""

    @property
    def coefs_(self):
        """List of ndarray of shape (n_inputs, n_units): the weights of each layer."""
        return self._weight_list("_coefs")

    @coefs_.setter
    def coefs_(self, arrays):
        self._coefs = list(arrays)

    @property
    def intercepts_(self):
        """List of ndarray of shape (n_units,): the biases of each layer, 0 if it has none."""
        return self._weight_list("_intercepts")

    @intercepts_.setter
    def intercepts_(self, arrays):
        self._intercepts = list(arrays)

    def _weight_list(self, name):
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(
                f"This {type(self).__name__} is not fitted yet: it has no weights."
            ) from None

    def _has_network(self):
        return "_network" in self.__dict__

    def __sklearn_is_fitted__(self):
        return self._has_network() or {"_coefs", "_intercepts"} <= self.__dict__.keys()

    def __getstate__(self):
        state = super().__getstate__()
        if self._has_network():
            adopt_weights(self)
            # Views: stored with the network, made again from it.
            state = {k: v for k, v in state.items() if k not in ("_coefs", "_intercepts")}
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if self._has_network():
            self.__dict__.update(weight_views(self._network))


def weighted_layers(network) -> list:
    """The layers of a network that have a weight."""
    return [layer for layer in network.layers if "weight" in layer.values]


def weight_views(network) -> dict:
    """The lists behind `coefs_` and `intercepts_`.

    A layer without bias has zeros in its place.
    """
    layers = weighted_layers(network)
    return {
        "_coefs": [layer.values["weight"] for layer in layers],
        "_intercepts": [
            layer.values.get("bias", np.zeros(layer.values["weight"].shape[-1], network.dtype))
            for layer in layers
        ],
    }


def adopt_weights(estimator) -> None:
    """Copy into the network what the user put in place of its weights and its scaling.

    Raises
    ------
    ValueError
        If an array, or the number of arrays, does not fit the network.
    """
    shift, scale = estimator.input_shift_, estimator.input_scale_
    estimator._network.scaling = None if (shift, scale) == (0, 1) else Scaling(shift, scale)
    layers = weighted_layers(estimator._network)
    for name, key in (("coefs_", "weight"), ("intercepts_", "bias")):
        given = estimator.__dict__.get(f"_{name[:-1]}")
        if given is None:
            estimator.__dict__.update(weight_views(estimator._network))
            return
        if len(given) != len(layers):
            raise ValueError(
                f"{name} has {len(given)} arrays, but the network {len(layers)} layers."
            )
        for index, layer in enumerate(layers):
            view = layer.values.get(key)
            if view is None or given[index] is view:
                continue
            if np.shape(given[index]) != view.shape:
                raise ValueError(
                    f"{name}[{index}] has shape {np.shape(given[index])}; it must be {view.shape}."
                )
            view[...] = given[index]
            given[index] = view
