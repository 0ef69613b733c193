"""From an estimator's parameters to layers, optimizer and schedule."""

import copy
import dataclasses
from math import isfinite, prod
from numbers import Real

from sklearn.base import clone

from digit_recognizer.estimator.building.architecture import (
    flattened,
    layers_of,
    place,
    shape_of_images,
    works_on_images,
)
from digit_recognizer.nn import (
    ACTIVATIONS,
    INITIALIZERS,
    SGD,
    Adam,
    AdamW,
    Adaptive,
    Augment,
    Augmenter,
    BatchNorm,
    Constant,
    Cosine,
    CustomActivation,
    Dense,
    Dropout,
    InverseScaling,
    Muon,
    Network,
    OneCycle,
    Optimizer,
    VarianceScaling,
    Views,
)
from digit_recognizer.nn.arrays.initializers import LECUN_NORMAL
from digit_recognizer.nn.arrays.rows import smallest
from digit_recognizer.nn.interface.checks import at_least

STOCHASTIC_SOLVERS = ("sgd", "adam", "adamw", "muon")
# Schedules that run over a planned number of steps: training goes to their end.
PLANNED_SCHEDULES = ("cosine", "one_cycle")
SCHEDULES = {"constant": Constant, "adaptive": Adaptive, "cosine": Cosine, "one_cycle": OneCycle}


def hidden_sizes(hidden_layer_sizes) -> list[int]:
    """`hidden_layer_sizes` as a list, checked as scikit-learn does."""
    if hasattr(hidden_layer_sizes, "__iter__"):
        sizes = list(hidden_layer_sizes)
    else:
        sizes = [hidden_layer_sizes]
    if any(not isinstance(size, Real) or size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    if any(size != int(size) if isfinite(size) else True for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be integers, got {sizes}.")
    return [int(size) for size in sizes]


def activations(activation, n_hidden: int) -> list:
    """One activation a hidden layer: a name, or a pair of functions.

    Raises
    ------
    ValueError
        If a list has another length than there are hidden layers, or an element is no activation.
    """
    if callable(activation):
        raise ValueError(
            f"activation={activation!r} is a function without its derivative; give the pair "
            f"(f, derivative of f), or one of {', '.join(sorted(ACTIVATIONS))}."
        )
    if isinstance(activation, str) or _is_pair(activation):
        return [activation] * n_hidden
    if len(activation) != n_hidden:
        raise ValueError(
            f"activation has {len(activation)} elements for {n_hidden} hidden layers; give one a "
            "layer, one for all, or a pair of functions (f, derivative of f)."
        )
    for number, element in enumerate(activation, start=1):
        if not (_is_pair(element) or (isinstance(element, str) and element in ACTIVATIONS)):
            raise ValueError(
                f"activation: element {number} is {element!r}; give one of "
                f"{', '.join(sorted(ACTIVATIONS))}, or a pair of functions."
            )
    return list(activation)


def _is_pair(activation):
    is_tuple = isinstance(activation, tuple) and len(activation) == 2
    return is_tuple and all(callable(element) for element in activation)


def check_layers(estimator) -> None:
    """Check the parameters that say the layers, without data.

    Raises
    ------
    ValueError
        Naming the parameter.
    """
    augment_of(estimator)
    views_of(estimator)
    if estimator.architecture is not None:
        layers_of(estimator.architecture)
        return
    activations(estimator.activation, len(hidden_sizes(estimator.hidden_layer_sizes)))


def check_shapes(estimator, n_features: int) -> None:
    """Check that each layer fits what the one before it returns.

    Raises
    ------
    ValueError
        Naming the layer, its place in the architecture, and the shape it cannot take.
    """
    at_least("The estimator", "n_features", n_features, 1)
    given = [] if estimator.architecture is None else layers_of(estimator.architecture)
    layers = flattened(given) if given else make_layers(estimator, n_outputs=1)
    shape, number = network_input_shape(estimator, layers, n_features), 0
    for layer in layers:
        # A Flatten that is put in has no place of its own.
        number += layer in given[number : number + 1]
        try:
            shape = copy.deepcopy(layer).build(shape)
        except ValueError as error:
            where = f"{place(estimator.architecture, number)}: " if given else ""
            raise ValueError(f"{where}{error}") from error
    if estimator.augment is not None or estimator.views is not None:
        shape_of_images(estimator.input_shape, n_features)


def layer_parameters(estimator) -> tuple:
    """The parameters that decide the layers, and the scaling before them."""
    if estimator.architecture is not None:
        layers = estimator.architecture, estimator.input_shape
        return *layers, estimator.scaling, estimator.fit_intercept
    return (
        estimator.input_shape,
        estimator.scaling,
        hidden_sizes(estimator.hidden_layer_sizes),
        estimator.activation,
        estimator.dropout,
        estimator.batch_norm,
        estimator.fit_intercept,
    )


def network_input_shape(estimator, layers, n_features: int) -> tuple[int, ...]:
    """Shape of one sample as the network's first layer takes it.

    Raises
    ------
    ValueError
        If the features are not those of the images that the layers or `input_shape` ask for.
    """
    if works_on_images(layers):
        return shape_of_images(estimator.input_shape, n_features)
    if estimator.input_shape is not None and prod(estimator.input_shape) != n_features:
        shape_of_images(estimator.input_shape, n_features)
    return (n_features,)


def make_layers(estimator, n_outputs: int) -> list:
    """The layers of an estimator with `n_outputs` outputs."""
    if estimator.architecture is not None:
        layers = layers_of(estimator.architecture)
        output = Dense(n_outputs, initializer=LECUN_NORMAL)
        is_text = isinstance(estimator.architecture, str)
        _set_weights(estimator, [*layers, output] if is_text else [output])
        return flattened([*layers, output])
    return _make_plain_layers(estimator, n_outputs)


def _make_plain_layers(estimator, n_outputs):
    """Hidden layers: dense, then batch normalization, activation and dropout, where asked for.

    Weights and biases start as in scikit-learn: uniform with bound √(6 / (fan in + fan out)), or
    √(2 / …) for the logistic function.
    """
    sizes = hidden_sizes(estimator.hidden_layer_sizes)
    gain = 1 / 3 if estimator.activation == "logistic" else 1.0
    uniform = VarianceScaling(gain, "average", "uniform")
    layers = []
    for size, activation in zip(sizes, activations(estimator.activation, len(sizes)), strict=True):
        if estimator.batch_norm:
            layers += [Dense(size, bias=False, initializer=uniform), BatchNorm()]
        else:
            layers.append(Dense(size, initializer=uniform, bias_initializer=uniform))
        if _is_pair(activation):
            layers.append(CustomActivation(*activation))
        elif activation != "identity":
            layers.append(ACTIVATIONS[activation]())
        if estimator.dropout:
            layers.append(Dropout(estimator.dropout))
    layers.append(Dense(n_outputs, initializer=uniform, bias_initializer=uniform))
    _set_weights(estimator, layers)
    return layers


def _set_weights(estimator, layers):
    """Have the layers draw their weights, and leave out their biases, as the estimator says."""
    initializer = INITIALIZERS.get(estimator.initializer, estimator.initializer)
    for layer in layers:
        if hasattr(layer, "bias"):
            layer.bias = layer.bias and estimator.fit_intercept
        if hasattr(layer, "initializer") and initializer is not None:
            layer.initializer = initializer
            if hasattr(layer, "bias_initializer"):
                layer.bias_initializer = None


def planned_network(estimator, n_features: int, n_outputs: int) -> Network:
    """The network that a fit would begin with."""
    planned = clone(estimator)
    planned.n_outputs_ = at_least("The network", "n_outputs", n_outputs, 1)
    planned._complete_targets()
    layers = make_layers(planned, n_outputs)
    input_shape = network_input_shape(planned, layers, n_features)
    return Network(layers, planned._make_loss(), input_shape)


def make_optimizer(estimator):
    """The optimizer of an estimator with a stochastic solver."""
    if isinstance(estimator.solver, Optimizer):
        # The user's own stays as it is, for other fits to begin with.
        return estimator.solver.fresh()
    momentum = (estimator.momentum, estimator.nesterovs_momentum)
    if estimator.solver == "sgd":
        return SGD(*momentum)
    moments = (estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if estimator.solver == "adam":
        return Adam(*moments)
    if estimator.solver == "muon":
        return Muon(*momentum, *moments, weight_decay=estimator.weight_decay)
    return AdamW(*moments, weight_decay=estimator.weight_decay)


def make_schedule(estimator):
    """The schedule of an estimator with a stochastic solver.

    As in scikit-learn, "invscaling" and "adaptive" act on the solver "sgd" only, and on optimizers.
    """
    rate, name = float(estimator.learning_rate_init), estimator.learning_rate
    if name not in PLANNED_SCHEDULES and estimator.solver in ("adam", "adamw", "muon"):
        return Constant(rate)
    if name == "invscaling":
        return InverseScaling(rate, estimator.power_t)
    return SCHEDULES[name](rate)


def augment_of(estimator) -> Augment | None:
    """The estimator's Augment, made from a dict if need be.

    Raises
    ------
    ValueError
        If the dict has an unknown key or an impossible value.
    """
    return _made_of("augment", estimator.augment, Augment)


def views_of(estimator) -> Views | None:
    """The estimator's Views, made from a dict if need be; raises as `augment_of`."""
    return _made_of("views", estimator.views, Views)


def _made_of(parameter, value, kind):
    if not isinstance(value, dict):
        return value
    known = [field.name for field in dataclasses.fields(kind)]
    for name in value:
        if name not in known:
            raise ValueError(f"{parameter}: {name!r} is unknown; choose of {', '.join(known)}.")
    return kind(**value)


def make_augmenter(estimator, X) -> Augmenter | None:
    """The deformations of training images X, or None."""
    augment = augment_of(estimator)
    if augment is None:
        return None
    shape = shape_of_images(estimator.input_shape, X.shape[1])
    return Augmenter(augment, shape, estimator._network.dtype, fill=smallest(X))
