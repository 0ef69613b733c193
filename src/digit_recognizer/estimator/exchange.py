"""The estimators' methods to take networks from other frameworks and to give them."""

from importlib import import_module


def _room(name):
    # Interop builds on the estimators: the one arrow back, looked up when a method is called.
    return import_module("digit_recognizer.interop").room(name)


class OnnxExport:
    """`to_onnx`, and what skl2onnx asks for, of estimators and of what is made of several."""

    def to_onnx(self, path):
        """Write an ONNX file, for runtimes that know neither Python nor this library.

        Its input ``X`` takes rows of float32, any number of them. A classifier's outputs are
        ``label``, integers or strings, and ``probabilities``; a regressor's is ``variable``. A
        whole Pipeline is exported by ``skl2onnx.to_onnx(pipeline, X[:1])``.

        Parameters
        ----------
        path : str or Path
        """
        _room("onnx").write(self, path)

    def onnx_parser(self):
        """What skl2onnx asks a model it does not know; from then on it knows the estimators."""
        return _room("skl2onnx").introduce(self)


class Exchange(OnnxExport):
    """`from_…` makes a fitted estimator of another framework's network, `to_…` the other way.

    What has no counterpart is refused with a ValueError that names the layer and its place; a
    framework that is not installed with a ModuleNotFoundError that says how to install it. Training
    goes on, by `partial_fit` or a warm start, with a fresh optimizer.
    """

    @classmethod
    def from_sklearn(cls, mlp):
        """A fitted estimator with the parameters, weights and attributes of scikit-learn's.

        Parameters
        ----------
        mlp : MLPClassifier or MLPRegressor
            Fitted; the one whose place the class takes.

        Returns
        -------
        estimator : object of this class

        Raises
        ------
        TypeError
            If it is another estimator.
        """
        return _room("scikit_learn").read(cls, mlp)

    def to_sklearn(self):
        """scikit-learn's MLPClassifier or MLPRegressor that predicts as this estimator.

        Batch normalization goes into the weights of the dense layer beside it, dropout is left out,
        and so are parameters that scikit-learn does not know.

        Returns
        -------
        mlp : MLPClassifier or MLPRegressor
            Fitted.
        """
        return _room("scikit_learn").write(self)

    @classmethod
    def from_torch(cls, module, input_shape=None, classes=None):
        """A fitted estimator of a PyTorch module.

        Parameters
        ----------
        module : torch.nn.Module
            Layers one after the other: a Sequential, or a module whose `forward` calls them so.
            Ends with the outputs, or with their softmax, log-softmax or sigmoid.
        input_shape : tuple of int or None, default=None
            (height, width, channels) of the images that a convolutional network takes. The rows of
            X hold images in that order, whatever the order there.
        classes : array-like of shape (n_classes,) or None, default=None
            The classes in the order of the outputs; None for 0, 1, …

        Returns
        -------
        estimator : object of this class
        """
        return _room("torch").read(cls, module, input_shape, classes)

    def to_torch(self, logits=False):
        """A torch.nn.Sequential, in evaluation mode, that predicts as this estimator.

        Parameters
        ----------
        logits : bool, default=False
            Whether to leave out the output activation, as PyTorch's losses want it.

        Returns
        -------
        module : torch.nn.Sequential
            Takes rows or, with layers for images, images of shape (n, channels, height, width);
            returns `predict_proba`, of two classes the second column, or the regressor's targets.
        """
        return _room("torch").write(self, logits)

    @classmethod
    def from_keras(cls, model, input_shape=None, classes=None):
        """A fitted estimator of a Keras 3 model.

        Parameters
        ----------
        model : keras.Model
            Sequential or functional, one layer after the other. Ends with the outputs, or with
            their softmax or sigmoid.
        input_shape : tuple of int or None, default=None
            (height, width, channels) of images, where the model does not say it.
        classes : array-like of shape (n_classes,) or None, default=None
            The classes in the order of the outputs; None for 0, 1, …

        Returns
        -------
        estimator : object of this class
        """
        return _room("keras").read(cls, model, input_shape, classes)

    def to_keras(self, logits=False):
        """A Sequential model of Keras 3 that predicts as this estimator.

        Parameters
        ----------
        logits : bool, default=False
            Whether to leave out the output activation.

        Returns
        -------
        model : keras.Sequential
            Takes rows or, with layers for images, images of shape (n, height, width, channels);
            returns `predict_proba`, of two classes the second column, or the regressor's targets.
        """
        return _room("keras").write(self, logits)

    @classmethod
    def from_flax(cls, module, input_shape=None, classes=None):
        """A fitted estimator of a Flax NNX module.

        Parameters
        ----------
        module : flax.nnx.Sequential
            Of layers, and of functions such as ``nnx.relu`` or a lambda that flattens. Ends with
            the outputs, or with their softmax, log-softmax or sigmoid.
        input_shape : tuple of int or None, default=None
            (height, width, channels) of the images that a convolutional network takes.
        classes : array-like of shape (n_classes,) or None, default=None
            The classes in the order of the outputs; None for 0, 1, …

        Returns
        -------
        estimator : object of this class
        """
        return _room("flax").read(cls, module, input_shape, classes)

    def to_flax(self, logits=False):
        """A flax.nnx.Sequential, in evaluation mode, in float32, that predicts as this estimator.

        Parameters
        ----------
        logits : bool, default=False
            Whether to leave out the output activation.

        Returns
        -------
        module : flax.nnx.Sequential
            Takes rows or, with layers for images, images of shape (n, height, width, channels);
            returns `predict_proba`, of two classes the second column, or the regressor's targets.
        """
        return _room("flax").write(self, logits)
