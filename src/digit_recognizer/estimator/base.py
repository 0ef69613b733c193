"""What the classifier and the regressor share: fitting, prediction, weights."""

from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from digit_recognizer.estimator.building import construction
from digit_recognizer.estimator.building.architecture import shape_of_images
from digit_recognizer.estimator.building.by_hand import complete, go_on, loss_of
from digit_recognizer.estimator.building.constraints import CONSTRAINTS
from digit_recognizer.estimator.building.weights import (
    WeightLists,
    adopt_weights,
    weight_views,
)
from digit_recognizer.estimator.exchange import Exchange
from digit_recognizer.estimator.fitting import solvers
from digit_recognizer.estimator.fitting.callbacks import (
    CallbackSupportMixin,
    NoHooks,
    make_hooks,
    with_callbacks,
)
from digit_recognizer.estimator.fitting.cores import AllCores
from digit_recognizer.estimator.fitting.epochs import FitByEpochs
from digit_recognizer.estimator.fitting.lbfgs import packed_loss_and_gradient
from digit_recognizer.estimator.fitting.validation import check_given, warn_of_idle_scoring
from digit_recognizer.estimator.inputs.arrays import (
    check_fits,
    computing_dtype,
    prepared,
    validated,
)
from digit_recognizer.estimator.inputs.targets import Targets
from digit_recognizer.estimator.saving import persistence
from digit_recognizer.nn import Network, Scaling, Summary, predict_views
from digit_recognizer.nn.arrays.rows import smallest
from digit_recognizer.nn.prediction import MOST_KEPT_ROWS


class BaseNumpyNet(
    FitByEpochs, WeightLists, Exchange, CallbackSupportMixin, Targets, BaseEstimator
):
    """Base of the estimators; use `NumpyNetClassifier` or `NumpyNetRegressor`."""

    _parameter_constraints: dict = CONSTRAINTS

    def _store(self, parameters):
        """Keep what `__init__` was given, each under its own name."""
        vars(self).update({name: value for name, value in parameters.items() if name != "self"})

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None):
        """Fit the model to data matrix X and target(s) y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 are computed in as they are, other types in float64.
            Copied once where it is not C-contiguous or of another type; sparse rows stay sparse
            where the first layer is dense. With `scaling` integers of 8 or 16 bits stay what they
            are, and sparse rows become dense in their batch.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), default=None
        y_val : array-like of shape (n_validation,) or (n_validation, n_outputs), default=None
            A validation set: its loss and score after each epoch go to `history_`, and with
            ``early_stopping=True`` it takes the place of rows split off from X.

        Returns
        -------
        self : object
        """
        return self._fit(X, y, sample_weight, (X_val, y_val))

    def _fit(self, X, y, sample_weight, given, targets=None):
        hooks = make_hooks(self, X, y, sample_weight)
        data = X, y, sample_weight, targets
        for _ in self._epochs(*data, incremental=False, given=given, hooks=hooks):
            pass
        hooks.fit_ends()
        return self

    def check_parameters(self, n_features: int | None = None) -> None:
        """Check the parameters as `fit` does, without data.

        Parameters
        ----------
        n_features : int or None, default=None
            Where it is known, also whether the layers fit rows of so many features.

        Raises
        ------
        ValueError
            With a message that names the parameter and what it may be.
        """
        self._validate_params()
        construction.check_layers(self)
        if self.scoring is not None:
            check_scoring(self, self.scoring)
        if n_features is not None:
            construction.check_shapes(self, n_features)

    @available_if(solvers.can_fit_partially)
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

    def _partial_fit(self, X, y, sample_weight, targets=None):
        for _ in self._epochs(X, y, sample_weight, targets, incremental=True):
            pass
        return self

    def _train(self, X, y, sample_weight, targets, incremental, given=(None, None), hooks=None):
        hooks = hooks or NoHooks()
        construction.check_layers(self)
        solvers.check_solver(self, incremental)
        has_weights = self._has_network() or "_coefs" in self.__dict__
        goes_on = (self.warm_start or incremental) and not hooks.resumes
        first_pass = not has_weights or not goes_on
        reset = first_pass or not self._has_network()
        X, y = self._validate_input(X, y, incremental, reset)
        if sample_weight is not None:
            dtype = computing_dtype(X)
            sample_weight = _check_sample_weight(sample_weight, X, dtype=dtype)
        if first_pass or not hasattr(self, "input_scale_"):
            self._find_scaling(X, sample_weight)
        self._prepare_network(X, first_pass)
        if reset:
            self.background_ = smallest(X)
        X = prepared(X, self._network, "X")
        given = check_given(self, *given)
        if not incremental:
            warn_of_idle_scoring(self, given)
        sample_weight, y = self._weigh(y, sample_weight), self._soften(y, targets)
        solver = solvers.lbfgs_epochs if self.solver == "lbfgs" else solvers.stochastic_epochs
        epochs = solver(self, (X, y, sample_weight), given, incremental, hooks)
        # The solver may train on a part of them only.
        del X, y, sample_weight, targets, given
        validation = yield from epochs
        if not np.isfinite(self._network.parameters.values).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed. Lower learning_rate_init or set "
                "max_gradient_norm where the data are scaled."
            )
        if validation is not None:
            validation.score.warn_if_never_finite()

    def _find_scaling(self, X, sample_weight):
        found = Scaling(0.0, 1.0)
        if self.scaling is not None:
            found = Scaling.fit(X, self.scaling, sample_weight)
        self.input_shift_, self.input_scale_ = found.shift, found.scale

    def _prepare_network(self, X, first_pass):
        """Make the network anew, or take over the weights that the user or the last fit left."""
        if first_pass:
            self.__dict__.pop("_coefs", None)
            self.__dict__.pop("_intercepts", None)
            self._initialize(X.shape[1], computing_dtype(X))
        elif not self._has_network():
            go_on(self, X.shape[1], computing_dtype(X))
        elif construction.layer_parameters(self) != self._layers_made_of:
            raise ValueError(
                "warm_start and partial_fit go on with the layers and the scaling they have; to "
                "change these, fit with warm_start=False."
            )
        self._network.loss = self._make_loss()
        self.out_activation_ = self._network.loss.output_activation
        adopt_weights(self)

    def _initialize(self, n_features, dtype):
        """Make the network and reset what the fits of a warm start go on from."""
        # The first weights are drawn as scikit-learn draws them: the same random_state starts a
        # plain network from the same weights.
        random_state = check_random_state(self.random_state)
        loss = self._make_loss()
        construction.check_shapes(self, n_features)
        layers = construction.make_layers(self, self.n_outputs_)
        self._layers_made_of = construction.layer_parameters(self)
        input_shape = construction.network_input_shape(self, layers, n_features)
        self._network = Network(layers, loss, input_shape, dtype, random_state)
        seed = random_state.randint(np.iinfo(np.int32).max)
        batches, split = np.random.SeedSequence(seed).spawn(2)
        self._generator = np.random.default_rng(batches)
        self._split_seed = int(split.generate_state(1)[0])
        self.n_layers_ = len(weight_views(self._network)["_coefs"]) + 1
        self.n_iter_ = 0
        self.t_ = 0
        solvers.forget(self)

    def _restore_network(self, dtype):
        """Make the network of a loaded estimator, its weights still to be filled in."""
        loaded = dict(self.__dict__)
        self._initialize(self.n_features_in_, dtype)
        self.__dict__.update(loaded)
        self._network.loss = loss_of(self)
        adopt_weights(self)

    def _predict_raw(self, X):
        """The network's predictions, of shape (n_samples, n_outputs_)."""
        self._check_fitted()
        X = validated(self, X, reset=False)
        check_fits(X, self._network.dtype, "X")
        adopt_weights(self)
        views = construction.views_of(self)
        with AllCores(one=views is None and X.shape[0] <= MOST_KEPT_ROWS):
            if views is None:
                return self._network.predict(X)
            shape = shape_of_images(self.input_shape, self.n_features_in_)
            return predict_views(self._network, X, views, shape, self.background_)

    def _loss_grad_lbfgs(self, packed, X, y, sample_weight, *buffers):
        """Loss and gradient at packed weights, under the name scikit-learn's tests know."""
        return packed_loss_and_gradient(self, packed, X, y, sample_weight)

    def summary(self, n_features: int | None = None, n_outputs: int | None = None) -> Summary:
        """Table of the layers: output shape, parameters, multiply-adds; prints as text and HTML.

        Parameters
        ----------
        n_features : int or None, default=None
            Shows the layers that a fit of rows of so many features would make; None those of the
            fitted estimator.
        n_outputs : int or None, default=None
            With `n_features`: classes (1 for two) or targets. None leaves out the output layer,
            which follows from y.

        Raises
        ------
        NotFittedError
            Without `n_features`, if the estimator is not fitted.
        """
        if n_features is None:
            self._check_fitted("Fit this %(name)s first, or give n_features to its summary.")
            return self._network.summary()
        self.check_parameters(n_features)
        known = 1 if n_outputs is None else n_outputs
        planned = construction.planned_network(self, n_features, known)
        return Summary(planned, with_output=n_outputs is not None)

    def save(self, path) -> None:
        """Write the fitted estimator to one safetensors file, without pickle.

        Whatever happens meanwhile, the file is the old one or the new one, and whole.

        Parameters
        ----------
        path : str or Path
            The suffix ``.safetensors`` is added where it is missing.

        Raises
        ------
        ValueError
            If a parameter is a Python object that only pickle could hold.
        OSError
            If the file cannot be written; an older one stays.
        """
        self._check_fitted()
        persistence.save(self, path)

    @classmethod
    def load(cls, path):
        """Read an estimator that `save` wrote; no code from the file is run.

        Parameters
        ----------
        path : str or Path
            As given to `save`.

        Returns
        -------
        estimator : object of this class
            It predicts as the saved one did; `partial_fit` and a warm start go on from its
            weights with a fresh optimizer.

        Raises
        ------
        ValueError
            If the file is truncated, altered, of another estimator or of a newer version.
        OSError
            If it cannot be read.
        """
        return persistence.load(cls, path)

    def _check_fitted(self, message=None):
        if not self._has_network():
            check_is_fitted(self, msg=message)
            complete(self)

    def _get_doc_link(self):
        # scikit-learn's HTML shows descriptions only beside a link: the file they are written in.
        return Path(__file__).with_name("classifier.py").as_uri()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
