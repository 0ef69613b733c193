"""Classes as the network takes them: checked, encoded, weighed, and predicted again."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target, unique_labels

from digit_recognizer.estimator.inputs.arrays import (
    computing_dtype,
    narrowed,
    validated,
)
from digit_recognizer.estimator.inputs.class_weights import row_weights
from digit_recognizer.estimator.inputs.soft_targets import (
    check_probabilities,
    labels_of,
    with_targets,
)


class Targets(ABC):
    """What an estimator does with its targets; the plain answers are a regressor's."""

    @abstractmethod
    def _validate_input(self, X, y, incremental, reset):
        """Check X and y; return X, and y as the network's loss takes it."""

    @abstractmethod
    def _encode_known(self, y):
        """Encode further checked targets for the fitted network."""

    @abstractmethod
    def _decode(self, y):
        """The user's targets for encoded ones."""

    def _weigh(self, y, sample_weight):
        """Weights of the rows with the classes' weights in them, or None."""
        return sample_weight

    def _soften(self, y, targets):
        """Encoded targets y, with the probabilities to learn where `targets` are given."""
        return y

    def _describe_targets(self) -> dict:
        """What a file keeps of the targets, as plain values."""
        return {}

    def _restore_targets(self, description: dict) -> None:  # noqa: B027
        """Take up what `_describe_targets` described."""

    def _complete_targets(self) -> None:  # noqa: B027
        """Set what is known of the targets besides the fitted attributes set by hand."""

    @abstractmethod
    def _make_loss(self):
        """The network's loss."""

    def _stratify_by(self, y):
        """The classes of the encoded targets y, of shape (n,), or None where there are none."""
        return None

    def _not_shown(self, y) -> list[str]:
        """Names of the classes that encoded targets y lack."""
        return []

    @abstractmethod
    def _score_predictions(self, predictions, y, sample_weight):
        """Default score of the network's predictions for encoded targets y."""


class ClassTargets:
    """What a classifier knows of its targets: binary, multiclass or multilabel.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    n_outputs_ : int
        Outputs of the network: 1 for two classes.
    """

    _default_score = "accuracy"

    def _validate_input(self, X, y, incremental, reset):
        X, y = validated(self, X, y, reset=reset)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if y.ndim == 2 and type_of_target(y) == "continuous-multioutput":
            raise ValueError(
                "Unknown label type: continuous-multioutput. y has numbers where labels belong; if "
                "they are the classes' probabilities P, give them as targets beside labels: "
                "fit(X, P.argmax(axis=1), targets=P)."
            )
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            if not hasattr(self, "_label_binarizer"):
                # The classes were set by hand.
                known = y if y.ndim == 2 else self.classes_
                self._label_binarizer = LabelBinarizer().fit(known)
                self.classes_ = self._label_binarizer.classes_
            self._check_classes(unique_labels(y))
        return X, self._encode(y, computing_dtype(X))

    def _check_classes(self, classes, name="y"):
        """Refuse classes that the network has no output for."""
        if self.warm_start and name == "y" and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same "
                "classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. '{name}' has {classes}."
            )

    def _encode(self, y, dtype, name="y"):
        """Class indices of shape (n,), or 0 and 1 of shape (n, n_outputs_) for a sigmoid."""
        if (y.ndim == 2) != self._is_multilabel():
            known = "y of the fit before" if name == "y" else "y"
            raise ValueError(
                f"{name} has another kind of targets than {known}: labels of shape (n,), or their "
                "indicators of shape (n, n_labels)."
            )
        if self._label_binarizer.y_type_ == "multiclass":
            self.n_outputs_ = len(self.classes_)
            return np.searchsorted(self.classes_, y)
        indicator = self._label_binarizer.transform(y)
        strange = indicator[(indicator != 0) & (indicator != 1)]
        if len(strange):
            raise ValueError(
                f"{name} has {strange[0]} in its columns; the indicators of several labels are 0 "
                "and 1, for one column of classes each use MultiOutputClassifier."
            )
        self.n_outputs_ = indicator.shape[1]
        return indicator.astype(dtype)

    def _soften(self, y, targets):
        """Encoded targets that teach the probabilities `targets`, where they are given."""
        if targets is None:
            return y
        targets = check_probabilities(targets, self.classes_, len(y), self._is_multilabel())
        if self.n_outputs_ == 1:
            targets = 1 - targets[:, :1]
        return with_targets(y, targets.astype(self._network.dtype))

    def _describe_targets(self):
        return {"y_type": self._label_binarizer.y_type_}

    def _restore_targets(self, description):
        self._label_binarizer = LabelBinarizer()
        self._label_binarizer.classes_ = self.classes_
        self._label_binarizer.y_type_ = description["y_type"]
        self._label_binarizer.sparse_input_ = False

    def _complete_targets(self):
        """Classes are 0, 1, … unless `classes_` or scikit-learn's `_label_binarizer` says them."""
        n_classes = max(self.n_outputs_, 2)
        if not hasattr(self, "classes_"):
            binarizer = getattr(self, "_label_binarizer", None)
            self.classes_ = np.arange(n_classes) if binarizer is None else binarizer.classes_
        self.classes_ = np.asarray(self.classes_)
        if len(self.classes_) != n_classes:
            raise ValueError(
                f"classes_ has {len(self.classes_)} classes, but the last of coefs_ has "
                f"{self.n_outputs_} outputs."
            )
        kind = "binary" if self.n_outputs_ == 1 else "multiclass"
        if kind == "multiclass" and getattr(self, "out_activation_", None) == "logistic":
            kind = "multilabel-indicator"
        self._restore_targets({"y_type": kind})

    def _stratify_by(self, y):
        if self._is_multilabel():
            return None
        y = labels_of(y)
        return y if y.ndim == 1 else y.ravel().astype(int)

    def _check_can_be_split(self, labels):
        # As in scikit-learn a rare class is no reason to refuse more than two classes.
        counts = np.bincount(labels)
        if len(self.classes_) == 2 and (counts == 1).any():
            rare = counts.argmin()
            # scikit-learn's sentence, in which two classes are False and True.
            raise ValueError(
                "The least populated classes in y have only 1 member, which cannot be both trained "
                f"on and validated with. Classes with too few members are: {[str(rare == 1)]} "
                f"({self.classes_.tolist()[rare]!r}); give more rows of it, or X_val and y_val."
            )

    def _not_shown(self, y):
        """Names of the classes without a row; of the labels that every row has, or none."""
        classes, y = self.classes_.tolist(), labels_of(y)
        if self._is_multilabel():
            constant = (y == y[:1]).all(axis=0)
            return [f"both values of label {classes[i]!r}" for i in np.flatnonzero(constant)]
        missing = np.setdiff1d(np.arange(len(classes)), y)
        return [f"class {classes[i]!r}" for i in missing]

    def _is_multilabel(self):
        return self._label_binarizer.y_type_.startswith("multilabel")

    def _score_predictions(self, predictions, y, sample_weight):
        y = labels_of(y)
        predicted = predictions.argmax(axis=1) if y.ndim == 1 else predictions > 0.5
        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def _encode_known(self, y):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._check_classes(unique_labels(y), "y_val")
        return self._encode(y, self._network.dtype, "y_val")

    def _decode(self, y):
        y = labels_of(y)
        return self.classes_[y] if y.ndim == 1 else self._label_binarizer.inverse_transform(y)

    def _weigh(self, y, sample_weight):
        if self.class_weight is None:
            return sample_weight
        classes = [0, 1] if self._is_multilabel() else self.classes_.tolist()
        columns = y.reshape(len(y), -1).T.astype(np.intp)
        weights = row_weights(self.class_weight, columns, classes, sample_weight)
        return narrowed(weights, self._network.dtype, "class_weight")

    def predict(self, X):
        """Predict classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes) for multilabel targets
        """
        predictions = self._predict_raw(X)
        if self._label_binarizer.y_type_ == "multiclass":
            # As the binarizer does, in a tenth of its 40 µs.
            return self._label_binarizer.classes_.take(predictions.argmax(axis=1))
        if self.n_outputs_ == 1:
            predictions = predictions.ravel()
        return self._label_binarizer.inverse_transform(predictions)

    def predict_proba(self, X):
        """Probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        predictions = self._predict_raw(X)
        if self.n_outputs_ == 1:
            return np.hstack([1 - predictions, predictions])
        return predictions

    def predict_log_proba(self, X):
        """Logarithm of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)
