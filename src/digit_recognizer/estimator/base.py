"""What the classifier and the regressor share: parameters, fitting, prediction."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from digit_recognizer.estimator import construction, solvers
from digit_recognizer.nn import ACTIVATIONS, Dense, Network


def _solver_is_stochastic(estimator):
    if estimator.solver not in construction.STOCHASTIC_SOLVERS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class BaseNumpyNet(BaseEstimator, ABC):
    """Base of the estimators; use `NumpyNetClassifier` or `NumpyNetRegressor`."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"lbfgs", *construction.STOCHASTIC_SOLVERS})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [
            StrOptions({"constant", "invscaling", "adaptive", *construction.PLANNED_SCHEDULES})
        ],
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
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
    }

    @abstractmethod
    def _validate_input(self, X, y, incremental, reset):
        """Check X and y; return X, and y as the network's loss takes it."""

    @abstractmethod
    def _make_loss(self):
        """The network's loss."""

    @abstractmethod
    def _stratify_by(self, y):
        """What a validation split of the encoded targets y is stratified by, or None."""

    @abstractmethod
    def _score_on(self, X, y, sample_weight):
        """Score on a validation set with encoded targets y; nan if predictions are not finite."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 are computed in as they are, other types in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, a label indicator matrix, or real numbers for the regressor.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        for _ in self._epochs(X, y, sample_weight, incremental=False):
            pass
        return self

    def check_parameters(self) -> None:
        """Check the parameters as `fit` does, without data.

        Raises
        ------
        ValueError
            With a message that names the parameter and what it may be.
        """
        self._validate_params()
        construction.hidden_sizes(self.hidden_layer_sizes)

    def fit_epochs(self, X, y, sample_weight=None) -> Iterator[dict]:
        """`fit` as an iterator that stands still after each epoch.

        Takes what `fit` takes. Stopping the iteration early leaves a fitted estimator.

        Yields
        ------
        dict
            ``epoch``, ``loss``, ``learning_rate``, ``seconds``, and with ``early_stopping``
            ``validation_score``. The solver "lbfgs" yields once, at its end.
        """
        self.check_parameters()
        yield from self._epochs(X, y, sample_weight, incremental=False)

    @available_if(_solver_is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Update the model with a single iteration over the given data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def _partial_fit(self, X, y, sample_weight):
        for _ in self._epochs(X, y, sample_weight, incremental=True):
            pass
        return self

    def _epochs(self, X, y, sample_weight, incremental):
        construction.hidden_sizes(self.hidden_layer_sizes)
        first_pass = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        X, y = self._validate_input(X, y, incremental, reset=first_pass)
        if X.shape[0] and not isinstance(X, np.ndarray):
            X = X.tocsr()
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        if first_pass:
            self._initialize(X.shape[1], X.dtype)
        X = X.astype(self._network.dtype, copy=False)
        solver = solvers.lbfgs_epochs if self.solver == "lbfgs" else solvers.stochastic_epochs
        yield from solver(self, X, y, sample_weight, incremental)
        if not np.isfinite(self._network.parameters.values).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may"
                " contain large values and need to be preprocessed."
            )

    def _initialize(self, n_features, dtype):
        """Make the network and reset what the fits of a warm start go on from."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        weights, batches, split = np.random.SeedSequence(seed).spawn(3)
        loss = self._make_loss()
        layers = construction.make_layers(self, self.n_outputs_)
        self._network = Network(layers, loss, (n_features,), dtype, weights)
        self._generator = np.random.default_rng(batches)
        self._split_seed = int(split.generate_state(1)[0])
        self.out_activation_ = loss.output_activation
        self.n_layers_ = len(self.coefs_) + 1
        self.n_iter_ = 0
        self.t_ = 0
        solvers.forget(self)

    def _dense_layers(self):
        if not self.__sklearn_is_fitted__():
            raise AttributeError(
                f"This {type(self).__name__} is not fitted yet: it has no weights."
            )
        return [layer for layer in self._network.layers if isinstance(layer, Dense)]

    @property
    def coefs_(self):
        """List of ndarray of shape (n_inputs, n_units): the weights of each dense layer."""
        return [layer.values["weight"] for layer in self._dense_layers()]

    @property
    def intercepts_(self):
        """List of ndarray of shape (n_units,): the biases of each dense layer, 0 if it has none."""
        return [
            layer.values.get("bias", np.zeros(layer.n_units, self._network.dtype))
            for layer in self._dense_layers()
        ]

    def _predict_raw(self, X):
        """The network's predictions for validated or raw X: shape (n_samples, n_outputs_)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return self._network.predict(X if isinstance(X, np.ndarray) else X.tocsr())

    def __sklearn_is_fitted__(self):
        return "_network" in self.__dict__

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
