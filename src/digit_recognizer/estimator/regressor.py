"""NumpyNetRegressor."""

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions

from digit_recognizer.estimator.base import BaseNumpyNet
from digit_recognizer.estimator.classifier import NumpyNetClassifier
from digit_recognizer.estimator.documentation import documented_like
from digit_recognizer.estimator.inputs.arrays import (
    computing_dtype,
    narrowed,
    validated,
)
from digit_recognizer.estimator.plots import HistoryPlot
from digit_recognizer.nn import PoissonDeviance, SquaredError
from digit_recognizer.nn.arrays.rows import is_sparse


@documented_like(NumpyNetClassifier, without=["classes_"])
class NumpyNetRegressor(RegressorMixin, HistoryPlot, BaseNumpyNet):
    """Neural network regressor: `MLPRegressor`'s contract, a faster network, and more options.

    One or several targets. Every parameter but `loss` means what it does in `NumpyNetClassifier`.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        Half the squared error, or half the Poisson deviance with an exponential output, for y ≥ 0.
    scoring : str, callable or None, default=None
        What early stopping and `history_` measure: a scorer as scikit-learn takes it; None for R².
        It is given the rows' weights if it takes `sample_weight`. Only used with a validation set.

    Attributes
    ----------
    loss_ : float
        Loss of the last epoch: of the squared errors the mean over the targets, as in scikit-learn,
        plus the penalty.
    out_activation_ : str
        Activation of the outputs: "identity", or "exp" with the Poisson deviance.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from digit_recognizer import NumpyNetRegressor
    >>> X, y = make_regression(200, 10, random_state=0)
    >>> reg = NumpyNetRegressor(solver="lbfgs", max_iter=1000, random_state=0)
    >>> reg.fit(X, y / y.std()).score(X, y / y.std()) > 0.99
    True
    """

    _parameter_constraints: dict = {
        **BaseNumpyNet._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }
    _default_score = "R²"

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        architecture=None,
        input_shape=None,
        scaling=None,
        augment=None,
        views=None,
        dropout=0.0,
        batch_norm=False,
        weight_decay=0.01,
        max_gradient_norm=None,
        ema_decay=None,
        fit_intercept=True,
        initializer=None,
        max_steps=None,
        reduction="mean",
        scoring=None,
    ):
        self._store(locals())

    def _validate_input(self, X, y, incremental, reset):
        X, y = validated(self, X, y, y_numeric=True, reset=reset)
        y = self._as_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = narrowed(y, computing_dtype(X), "y").reshape(len(y), -1)
        self.n_outputs_ = y.shape[1]
        return X, y

    @property
    def _loss_scale(self):
        # scikit-learn reports the squared error averaged over the targets but descends their sum.
        return 1 / self.n_outputs_ if self.loss == "squared_error" else 1.0

    def _make_loss(self):
        return PoissonDeviance() if self.loss == "poisson" else SquaredError()

    def _score_predictions(self, predictions, y, sample_weight):
        return r2_score(y, predictions, sample_weight=sample_weight)

    def _as_targets(self, y):
        y = y.toarray() if is_sparse(y) else y
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("loss='poisson' needs targets y >= 0; use loss='squared_error'.")
        return y

    def _encode_known(self, y):
        y = narrowed(self._as_targets(y), self._network.dtype, "y_val").reshape(y.shape[0], -1)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(f"y_val has {y.shape[1]} targets, but y has {self.n_outputs_}.")
        return y

    def _decode(self, y):
        return y.ravel() if self.n_outputs_ == 1 else y

    def predict(self, X):
        """Predict targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._decode(self._predict_raw(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
