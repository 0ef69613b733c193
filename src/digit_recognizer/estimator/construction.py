"""From an estimator's parameters to layers, optimizer and schedule."""

from digit_recognizer.nn import (
    ACTIVATIONS,
    SGD,
    Adam,
    AdamW,
    Adaptive,
    BatchNorm,
    Constant,
    Cosine,
    Dense,
    Dropout,
    InverseScaling,
    OneCycle,
    VarianceScaling,
)

STOCHASTIC_SOLVERS = ("sgd", "adam", "adamw")
# Schedules that run over a planned number of steps: training goes to their end.
PLANNED_SCHEDULES = ("cosine", "one_cycle")


def hidden_sizes(hidden_layer_sizes) -> list[int]:
    """`hidden_layer_sizes` as a list, checked as scikit-learn does."""
    if hasattr(hidden_layer_sizes, "__iter__"):
        sizes = list(hidden_layer_sizes)
    else:
        sizes = [hidden_layer_sizes]
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def make_layers(estimator, n_outputs: int) -> list:
    """The layers of an estimator with `n_outputs` outputs.

    Each hidden layer is dense, then batch normalization, activation and dropout, where asked for.
    Weights and biases start as in scikit-learn: uniform with bound √(6 / (fan in + fan out)), or
    √(2 / …) for the logistic function.
    """
    gain = 1 / 3 if estimator.activation == "logistic" else 1.0
    uniform = VarianceScaling(gain, "average", "uniform")
    layers = []
    for size in hidden_sizes(estimator.hidden_layer_sizes):
        if estimator.batch_norm:
            layers += [Dense(size, bias=False, initializer=uniform), BatchNorm()]
        else:
            layers.append(Dense(size, initializer=uniform, bias_initializer=uniform))
        if estimator.activation != "identity":
            layers.append(ACTIVATIONS[estimator.activation]())
        if estimator.dropout:
            layers.append(Dropout(estimator.dropout))
    layers.append(Dense(n_outputs, initializer=uniform, bias_initializer=uniform))
    return layers


def make_optimizer(estimator):
    """The optimizer of an estimator with a stochastic solver."""
    if estimator.solver == "sgd":
        return SGD(estimator.momentum, estimator.nesterovs_momentum)
    moments = (estimator.beta_1, estimator.beta_2, estimator.epsilon)
    if estimator.solver == "adam":
        return Adam(*moments)
    return AdamW(*moments, weight_decay=estimator.weight_decay)


def make_schedule(estimator):
    """The schedule of an estimator with a stochastic solver.

    As in scikit-learn, "invscaling" and "adaptive" act on the solver "sgd" only.
    """
    rate = float(estimator.learning_rate_init)
    if estimator.learning_rate == "cosine":
        return Cosine(rate)
    if estimator.learning_rate == "one_cycle":
        return OneCycle(rate)
    if estimator.solver == "sgd" and estimator.learning_rate == "invscaling":
        return InverseScaling(rate, estimator.power_t)
    if estimator.solver == "sgd" and estimator.learning_rate == "adaptive":
        return Adaptive(rate)
    return Constant(rate)
