"""scikit-learn's MLPClassifier and MLPRegressor, from and to an estimator."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints
from sklearn.utils.validation import check_is_fitted

from digit_recognizer.interop.estimators import network_of
from digit_recognizer.interop.plain import InputScaling
from digit_recognizer.nn import BatchNorm, Dense, Dropout, Identity, Logistic, ReLU, Tanh

ACTIVATIONS = {ReLU: "relu", Tanh: "tanh", Logistic: "logistic"}
# Fitted attributes that mean the same in both.
ATTRIBUTES = (
    "best_loss_",
    "best_validation_score_",
    "classes_",
    "feature_names_in_",
    "loss_",
    "loss_curve_",
    "n_features_in_",
    "n_iter_",
    "n_outputs_",
    "out_activation_",
    "t_",
    "validation_scores_",
)


def read(cls, mlp):
    """An estimator of the class `cls` from an MLPClassifier or MLPRegressor."""
    kind = MLPClassifier if hasattr(cls, "predict_proba") else MLPRegressor
    if not isinstance(mlp, kind):
        raise TypeError(
            f"{cls.__name__}.from_sklearn takes a fitted {kind.__name__}, got {type(mlp).__name__}."
        )
    check_is_fitted(mlp)
    estimator = cls(**mlp.get_params())
    _copy_attributes(mlp, estimator)
    estimator.coefs_ = [weight.copy() for weight in mlp.coefs_]
    estimator.intercepts_ = [bias.copy() for bias in mlp.intercepts_]
    estimator._check_fitted()
    return estimator


def write(estimator):
    """An MLPClassifier or MLPRegressor that predicts as the estimator does."""
    coefs, intercepts, activation = _folded(network_of(estimator).layers)
    mlp = MLPClassifier() if is_classifier(estimator) else MLPRegressor()
    mlp.set_params(**_parameters(estimator, mlp))
    mlp.set_params(hidden_layer_sizes=[len(b) for b in intercepts[:-1]], activation=activation)
    if estimator.out_activation_ == "exp" and getattr(mlp, "loss", None) != "poisson":
        raise ValueError("loss='poisson' has no counterpart in this version of scikit-learn.")
    _copy_attributes(estimator, mlp)
    dtype = estimator.coefs_[0].dtype
    mlp.coefs_ = [weight.astype(dtype) for weight in coefs]
    mlp.intercepts_ = [bias.astype(dtype) for bias in intercepts]
    mlp.n_layers_ = len(coefs) + 1
    mlp._no_improvement_count = 0
    if is_classifier(estimator):
        mlp._label_binarizer = estimator._label_binarizer
    return mlp


def _copy_attributes(source, target):
    for name in ATTRIBUTES:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))


def _parameters(estimator, mlp):
    """The parameters of the estimator that scikit-learn's takes too."""
    parameters = {}
    for name, value in estimator.get_params(deep=False).items():
        constraints = {name: mlp._parameter_constraints.get(name)}
        if name not in mlp.get_params():
            continue
        try:
            validate_parameter_constraints(constraints, {name: value}, "MLP")
        except InvalidParameterError:
            continue
        parameters[name] = value
    return parameters


def _folded(layers):
    """Weights and biases, and the one hidden activation; scaling and normalization go into them.

    Y = X scale + shift before a dense layer is W ↦ diag(scale) W, b ↦ b + shift W; after it
    W ↦ W diag(scale), b ↦ b scale + shift.
    """
    coefs, intercepts, activations = [], [], []
    scale, shift, follows_dense = 1.0, 0.0, False
    for number, plain in enumerate(layers, start=1):
        layer, arrays = plain.layer, plain.arrays
        if isinstance(layer, Dense):
            if follows_dense:
                activations.append("identity")
            weight = arrays["weight"].astype(np.float64)
            bias = arrays.get("bias", np.zeros(weight.shape[1]))
            intercepts.append(bias + np.broadcast_to(shift, weight.shape[:1]) @ weight)
            coefs.append(np.broadcast_to(scale, weight.shape[:1])[:, np.newaxis] * weight)
            scale, shift, follows_dense = 1.0, 0.0, True
        elif isinstance(layer, InputScaling):
            scale, shift = 1 / layer.scale, -layer.shift / layer.scale
        elif isinstance(layer, BatchNorm):
            deviation = np.sqrt(arrays["running_variance"].astype(np.float64) + layer.epsilon)
            factor = arrays["gamma"] / deviation
            offset = arrays["beta"] - arrays["running_mean"] * factor
            if follows_dense:
                coefs[-1] *= factor
                intercepts[-1] = intercepts[-1] * factor + offset
            else:
                scale, shift = scale * factor, shift * factor + offset
        elif type(layer) in ACTIVATIONS and follows_dense:
            activations.append(ACTIVATIONS[type(layer)])
            follows_dense = False
        elif not isinstance(layer, Dropout | Identity):
            raise ValueError(
                f"Layer {number}, {layer!r}, has no counterpart in scikit-learn, whose networks "
                "are dense layers with one of identity, logistic, tanh and relu between them."
            )
    if len(set(activations)) > 1:
        raise ValueError(
            "scikit-learn has one activation for all hidden layers, this network has "
            f"{', '.join(activations)}."
        )
    return coefs, intercepts, activations[0] if activations else "relu"
