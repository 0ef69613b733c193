"""What each parameter may be, as scikit-learn's validation takes it."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import HasMethods, Hidden, Interval, Options, StrOptions

from digit_recognizer.estimator.building.construction import PLANNED_SCHEDULES, STOCHASTIC_SOLVERS
from digit_recognizer.nn import (
    ACTIVATIONS,
    INITIALIZERS,
    SCALINGS,
    Augment,
    Optimizer,
    Views,
)

CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    # A function alone is refused with what it lacks, see `construction.activations`.
    "activation": [StrOptions(set(ACTIVATIONS)), list, tuple, Hidden(callable)],
    "solver": [StrOptions({"lbfgs", *STOCHASTIC_SOLVERS}), Optimizer],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"all", "auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *PLANNED_SCHEDULES})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [
        Interval(Real, 0, 1, closed="left"),
        # A string has `split`, too.
        HasMethods(["split", "get_n_splits"]),
    ],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "architecture": [str, "array-like", None],
    "input_shape": ["array-like", None],
    "scaling": [StrOptions(set(SCALINGS)), None],
    "augment": [dict, Augment, None],
    "views": [dict, Views, None],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "batch_norm": ["boolean"],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "max_gradient_norm": [None, Interval(Real, 0, None, closed="neither")],
    "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
    "fit_intercept": ["boolean"],
    "initializer": [StrOptions(set(INITIALIZERS)), callable, None],
    "max_steps": [None, Interval(Integral, 1, None, closed="left")],
    "reduction": [StrOptions({"mean", "sum"})],
    "scoring": [str, callable, None],
}
