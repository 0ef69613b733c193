"""NumpyNetClassifier."""

from numbers import Real

from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from digit_recognizer.estimator.base import BaseNumpyNet
from digit_recognizer.estimator.fitting.soft_fits import SoftFits
from digit_recognizer.estimator.inputs.targets import ClassTargets
from digit_recognizer.estimator.plots import ClassifierPlots
from digit_recognizer.nn import BinaryCrossEntropy, SoftmaxCrossEntropy


class NumpyNetClassifier(ClassifierMixin, SoftFits, ClassTargets, ClassifierPlots, BaseNumpyNet):
    """Neural network classifier: `MLPClassifier`'s contract, a faster network, and more options.

    Binary, multiclass and multilabel targets. The parameters from `hidden_layer_sizes` to
    `max_fun` are `sklearn.neural_network.MLPClassifier`'s, with the same names, defaults and
    meanings; those after them are ours.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(100,)
        Units of each hidden layer. Only used when `architecture` is None.
    activation : str, list or tuple, default="relu"
        One for all hidden layers or a list with one each, of "identity", "logistic", "tanh",
        "relu", "leaky_relu" and "silu"; in place of a name a pair of functions ``(f, derivative of
        f)``, each from an array to a new array. Only used when `architecture` is None.
    solver : {"lbfgs", "sgd", "adam", "adamw", "muon"} or nn.Optimizer, default="adam"
        What trains: "sgd" gradient descent by batches, with momentum; "adam" Kingma and Ba's steps;
        "adamw" those with decoupled `weight_decay`; "muon" Jordan's steps for the hidden layers'
        weights, along orthogonal matrices, and "adamw"'s for the rest; an optimizer, which may be
        of one's own, is copied for each fit, and what it was made with stands in place of
        `momentum`, `beta_1`, `weight_decay` and their like. These are the stochastic ones. "lbfgs"
        takes quasi-Newton steps on all rows at once, which suits small data.
    alpha : float, default=0.0001
        Strength of the L2 penalty on the weights, divided by the number of samples of the batch.
    batch_size : int, "auto" or "all", default="auto"
        Rows of a step of the stochastic solvers; "auto" is ``min(200, n_samples)``, "all" takes
        them all, as gradient descent without batches does.
    learning_rate : str, default="constant"
        How the rate goes on: "constant", "invscaling", "adaptive", "cosine" or "one_cycle".
        "invscaling" and "adaptive" act on the solver "sgd" only, as in scikit-learn. "cosine" and
        "one_cycle" act on every stochastic solver, run over `max_iter` epochs to their end and so
        neither stop on `tol` nor warn that it was not reached.
    learning_rate_init : float, default=0.001
        The learning rate; with "one_cycle" the highest one.
    power_t : float, default=0.5
        Exponent of the learning rate "invscaling".
    max_iter : int, default=200
        Most epochs; for "lbfgs" most iterations.
    shuffle : bool, default=True
        Whether each epoch takes the rows in a new order. Of the stochastic solvers.
    random_state : int, RandomState instance or None, default=None
        Source of the first weights, the batches, dropout and the validation split.
    tol : float, default=1e-4
        Training stops when the loss (or, with early stopping, the validation score) has not
        improved by `tol` for more than `n_iter_no_change` epochs.
    verbose : bool, default=False
        Whether to print the loss of each epoch, and the validation score with early stopping.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit: weights, optimizer and random generator, so that
        two fits of ten epochs equal one of twenty under a constant rate.
    momentum : float, default=0.9
        Share of the last step that the next one keeps, in [0, 1]. Of the solvers "sgd" and
        "muon".
    nesterovs_momentum : bool, default=True
        Whether the momentum looks ahead, as Nesterov's does. Of the solvers "sgd" and "muon".
    early_stopping : bool, default=False
        Set aside `validation_fraction` of the rows, or take the validation set given to `fit`;
        stop by the score there, and keep the best epoch's weights: the last epoch's, with a
        warning, if none had a finite score. Of the stochastic solvers.
    validation_fraction : float or splitter, default=0.1
        Share of the rows with weight, drawn by class, or a splitter of scikit-learn's kind, whose
        first split is taken. Only used with early stopping.
    beta_1 : float, default=0.9
        Decay of Adam's first moment, in [0, 1).
    beta_2 : float, default=0.999
        Decay of Adam's second moment, in [0, 1).
    epsilon : float, default=1e-8
        What keeps Adam, and "muon", from a division by zero.
    n_iter_no_change : int or np.inf, default=10
        Epochs without an improvement by `tol` that training bears (the patience).
    max_fun : int, default=15000
        Most evaluations of the loss by "lbfgs".
    architecture : str, list of digit_recognizer.nn layers or None, default=None
        The hidden layers in place of `hidden_layer_sizes`, `activation`, `batch_norm` and
        `dropout`, such as ``"32C3-MP2-BN-R-64C3-BN-R-D0.3-128N-R"``: ``32C3`` 32 filters of 3×3
        (``32C5S2P2`` with stride 2 and padding 2), ``MP2`` and ``AP2`` max and average pooling,
        ``GAP`` global average pooling, ``128N`` dense, ``BN`` batch normalization, ``D0.4``
        dropout, ``R`` ReLU, ``LR0.2`` leaky ReLU, ``T`` tanh, ``S`` sigmoid, ``SW`` SiLU. Weights
        start as He et al. (2015) draw them.
    input_shape : tuple of int or None, default=None
        (height, width, channels) of the images that the rows of X hold, for an architecture with
        layers for images, `augment` and `views`; None for square images of one channel.
    scaling : {"unit", "standard"} or None, default=None
        What is done to all values alike before the first layer, batch by batch: X may be pixels of
        8 or 16 bits, stays so, and is computed with in float32. "unit" makes them 0 to 1: x / 255
        for uint8, x / 65535 for uint16, otherwise from the smallest to the largest value of X;
        "standard" makes their mean 0 and their standard deviation 1. Found in the first X, and kept
        by `partial_fit` and a warm start. For features of different units take `StandardScaler`.
    augment : dict, digit_recognizer.nn.Augment or None, default=None
        Random deformations of the training images, such as ``{"rotation": 10, "shift": 2}``. Of the
        stochastic solvers. Its keys, 0 if nothing else is said:

        - "rotation": angles of up to so many degrees either way;
        - "scale": factors of height and width, each in 1 ± so much;
        - "shear": of up to so much either way;
        - "shift": by up to so many pixels along each axis;
        - "elastic": an elastic field, whose control points move by so many pixels;
        - "control_points" (8): of the field, along each axis;
        - "soft_epochs": so many at the end are weaker, by the factor "softness" (0.5);
        - "fill" (None): what lies outside the images, None for the smallest value of X.
    views : dict, digit_recognizer.nn.Views or None, default=None
        Predictions are the mean over views of each image, such as ``{"shift": 1, "rotation": 8}``.
        Training is as without. Its keys, 0 if left out:

        - "shift": the image as it is, and moved by so many pixels in the four directions;
        - "rotation": each of these as it is, and turned by so many degrees either way.
    dropout : float, default=0.0
        Probability to drop a hidden unit, after each hidden activation. Only used when
        `architecture` is None.
    batch_norm : bool, default=False
        Whether to normalize each hidden layer over the batch, before its activation. Only used when
        `architecture` is None.
    label_smoothing : float, default=0.0
        Share of the target probability spread evenly over the classes, in [0, 1).
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes in the loss, in the form of scikit-learn's `class_weight`; for
        multilabel y a list with a dict for each label, whose weights are multiplied. They multiply
        `sample_weight`.
    weight_decay : float, default=0.01
        Decoupled weight decay of the solvers "adamw" and "muon".
    max_gradient_norm : float or None, default=None
        Gradients of a larger Euclidean norm are scaled down to it. Of the stochastic solvers.
    ema_decay : float or None, default=None
        Decay per step of an exponential moving average of the weights, which then are what
        predicts. Of the stochastic solvers.
    fit_intercept : bool, default=True
        Whether dense layers and convolutions have biases; of an `architecture` that is a list, the
        output layer.
    initializer : str, callable or None, default=None
        How the weights are drawn: "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
        "lecun_uniform", "lecun_normal" or "product_uniform", which reaches to ±1 / √(inputs ×
        outputs), or ``f(generator, shape, fan_in, fan_out)``; biases then start at 0. None is as
        scikit-learn draws both, or as `architecture` says. Of an `architecture` that is a list, the
        output layer's.
    max_steps : int or None, default=None
        Most steps of a fit, where `max_iter` epochs have more: training ends with the last one, in
        the middle of an epoch too. Of the stochastic solvers.
    reduction : {"mean", "sum"}, default="mean"
        What a step descends: the loss's mean over the batch, or its sum, whose gradient grows with
        the batch. Losses are told as means either way. Of the stochastic solvers.
    scoring : str, callable or None, default=None
        What early stopping and `history_` measure: a scorer as scikit-learn takes it; None for
        accuracy. It is given the rows' weights if it takes `sample_weight`. Only used with a
        validation set.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, or the indices of the labels of multilabel y.
    loss_ : float
        Loss of the last epoch, penalty included.
    best_loss_ : float or None
        Smallest loss of an epoch; None with early stopping. Of the stochastic solvers.
    loss_curve_ : list of float
        Loss of each epoch. Of the stochastic solvers.
    validation_scores_ : list of float or None
        Score on the validation rows after each epoch; None without early stopping. Of the
        stochastic solvers.
    best_validation_score_ : float or None
        The highest of them that is finite, NaN if none is; None without early stopping.
    history_ : list of dict
        One an epoch: ``epoch``, ``loss``, ``learning_rate``, ``seconds``, and with a validation set
        ``train_score`` (on as many training rows), ``validation_loss``, ``validation_score``; a
        score that is not defined is NaN.
    t_ : int
        Training samples seen.
    coefs_ : list of ndarray
        Weights of each layer, of shape (n_inputs, n_units) where it is dense.
    intercepts_ : list of ndarray
        Biases of shape (n_units,) of each layer; zeros where it has none.
    n_features_in_ : int
        Features of the training X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has names that are all strings.
    input_shift_ : float
        What `scaling` subtracts from X: the network's input is (X − input_shift_) / input_scale_.
        0 without scaling.
    input_scale_ : float
        What `scaling` divides that by; 1 without.
    background_ : float
        Smallest value of the training X, which `views` find outside the images.
    n_iter_ : int
        Epochs, or iterations, of the last fit.
    n_layers_ : int
        Layers with weights, and the input.
    n_outputs_ : int
        Outputs of the network.
    out_activation_ : str
        Activation of the outputs: "softmax"; "logistic" for two classes and for multilabel y.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from digit_recognizer import NumpyNetClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = NumpyNetClassifier((64,), dropout=0.2, early_stopping=True, random_state=0)
    >>> clf.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **BaseNumpyNet._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
    }
    _loss_scale = 1.0

    def __init__(
        self,
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
        label_smoothing=0.0,
        class_weight=None,
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

    def _make_loss(self):
        if self._label_binarizer.y_type_ == "multiclass":
            return SoftmaxCrossEntropy(self.label_smoothing)
        return BinaryCrossEntropy(self.label_smoothing)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
