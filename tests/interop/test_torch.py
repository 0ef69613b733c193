"""PyTorch's modules, from and to an estimator."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor


@pytest.fixture
def torch(in_torch):
    """PyTorch."""
    return in_torch.torch


@pytest.fixture
def run(in_torch):
    """A function for what a module returns for samples as rows, of which images are made."""
    return lambda module, X, shape=(784,): in_torch.run(module, X, shape)


@pytest.fixture
def module(torch):
    """Three colours, every kind of layer, nested, in training mode."""
    torch.manual_seed(0)
    layers = torch.nn
    module = layers.Sequential(
        layers.Conv2d(3, 6, 5, padding="same"),
        layers.BatchNorm2d(6, affine=False),
        layers.ReLU(),
        layers.MaxPool2d(2, ceil_mode=True),
        layers.Conv2d(6, 8, 3, stride=2, padding="valid", bias=False),
        layers.Sequential(layers.Tanh(), layers.AdaptiveAvgPool2d(2)),
        layers.AvgPool2d(1),
        layers.Flatten(),
        layers.BatchNorm1d(32),
        layers.Sequential(layers.Linear(32, 20), layers.LeakyReLU(0.2), layers.Dropout(0.1)),
        layers.Identity(),
        layers.Linear(20, 10, bias=False),
        layers.SiLU(),
        layers.Linear(10, 3),
    )
    module(torch.randn(32, 3, 12, 12))
    return module


def probabilities(torch, logits):
    return torch.softmax(torch.from_numpy(logits), dim=1).numpy()


def test_layers_of_every_kind_are_read(torch, module, run, images):
    X = images[:, : 12 * 12 * 3]
    clf = NumpyNetClassifier.from_torch(module, (12, 12, 3))
    assert module.training
    expected = probabilities(torch, run(module, X, (12, 12, 3)))
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    assert clf.predict_proba(X).dtype == np.float32


def test_float64_stays(torch, run, images):
    module = torch.nn.Sequential(torch.nn.Linear(784, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4))
    clf = NumpyNetClassifier.from_torch(module.double())
    X = images.astype(np.float64)
    np.testing.assert_allclose(
        clf.predict_proba(X), probabilities(torch, run(module, X)), atol=1e-12
    )
    assert clf.to_torch()[0].weight.dtype == torch.float64


def test_a_network_from_elsewhere_is_a_fitted_estimator(module, images, tmp_path, assert_goes_on):
    X, y = images[:, : 12 * 12 * 3], np.array(["c", "a", "b", "a"] * 10)
    clf = NumpyNetClassifier.from_torch(module, (12, 12, 3), classes=["c", "a", "b"])
    assert list(clf.classes_) == ["a", "b", "c"]
    expected = clf.predict_proba(X)
    clf.save(tmp_path / "net")
    for again in (pickle.loads(pickle.dumps(clf)), NumpyNetClassifier.load(tmp_path / "net")):
        np.testing.assert_array_equal(again.predict_proba(X), expected)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[expected.argmax(axis=1)])
    assert clf.score(X, clf.predict(X)) == 1
    unfitted = clone(clf).set_params(max_iter=1, learning_rate="cosine")
    assert len(unfitted.fit(X, y).coefs_) == len(clf.coefs_)
    assert_goes_on(clf, X, y)
    before = clf.predict_proba(X)
    clf.set_params(warm_start=True, max_iter=1, learning_rate="cosine").fit(X, y)
    assert 0 < np.abs(clf.predict_proba(X) - before).max() < 0.3


@pytest.mark.parametrize("classes", [["no", "yes"], ["yes", "no"]])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_two_classes_from_one_output_or_two(torch, run, images, classes, n_outputs):
    linear, sigmoid = torch.nn.Linear(784, n_outputs), torch.nn.Sigmoid()
    module = torch.nn.Sequential(linear, *([sigmoid] if n_outputs == 1 else []))
    clf = NumpyNetClassifier.from_torch(module, classes=classes)
    outputs = run(module, images)
    of_first = 1 - outputs[:, 0] if n_outputs == 1 else probabilities(torch, outputs)[:, 0]
    assert (clf.n_outputs_, list(clf.classes_)) == (1, ["no", "yes"])
    column = list(clf.classes_).index(classes[0])
    np.testing.assert_allclose(clf.predict_proba(images)[:, column], of_first, atol=1e-5)


@pytest.mark.parametrize("end", ["nothing", "Softmax", "LogSoftmax", "nested"])
def test_outputs_may_be_logits_or_their_softmax(torch, run, images, end):
    linear = torch.nn.Linear(784, 3)
    ends = {
        "nothing": [],
        "Softmax": [torch.nn.Softmax(dim=1)],
        "LogSoftmax": [torch.nn.LogSoftmax(dim=-1)],
        "nested": [torch.nn.Sequential(torch.nn.Softmax(dim=1))],
    }
    clf = NumpyNetClassifier.from_torch(torch.nn.Sequential(linear, *ends[end]))
    expected = probabilities(torch, run(linear, images))
    np.testing.assert_allclose(clf.predict_proba(images), expected, atol=1e-5)


def test_several_sigmoids_are_labels(torch, run, images, assert_goes_on):
    module = torch.nn.Sequential(torch.nn.Linear(784, 2), torch.nn.Sigmoid())
    clf = NumpyNetClassifier.from_torch(module)
    np.testing.assert_allclose(clf.predict_proba(images), run(module, images), atol=1e-5)
    assert clf.predict(images).shape == (40, 2)
    assert_goes_on(clf, images, np.random.default_rng(0).integers(0, 2, (40, 2)))


def test_what_ends_without_a_dense_layer_gets_one_that_changes_nothing(torch, run, images):
    layers = torch.nn
    convolutional = layers.Sequential(
        layers.Conv2d(1, 6, 3),
        layers.AdaptiveAvgPool2d((1, 1)),
        layers.Flatten(),
        layers.Softmax(1),
    )
    clf = NumpyNetClassifier.from_torch(convolutional, input_shape=(28, 28))
    expected = run(convolutional, images, (28, 28, 1))
    np.testing.assert_allclose(clf.predict_proba(images), expected, atol=1e-5)
    bounded = layers.Sequential(layers.Linear(784, 2), layers.Tanh())
    reg = NumpyNetRegressor.from_torch(bounded)
    np.testing.assert_allclose(reg.predict(images), run(bounded, images), atol=1e-5)


# The module, made of torch.nn as N, and what is said of it.
REFUSED = {
    "N.Conv2d(1, 4, (3, 5))": "module.0, Conv2d(1, 4, kernel_size=(3, 5), stride=(1, 1)), cannot "
    "be expressed: its kernel_size (3, 5) differs between height and width.",
    "N.Conv2d(1, 4, 4, padding='same')": "padding='same' of an even window",
    "N.Conv2d(1, 4, 3, dilation=2)": "dilation=(2, 2) has no counterpart.",
    "N.Conv2d(1, 4, 3, padding=1, padding_mode='reflect')": "padding_mode='reflect' has no",
    "N.Conv2d(3, 4, 3)": "it takes 3 channels, but images of shape (28, 28, 1) come",
    "N.MaxPool2d(3, padding=1)": "padding=1 has no counterpart",
    "N.MaxPool2d(3, 2, ceil_mode=True)": "ceil_mode=True has no counterpart",
    "N.AdaptiveAvgPool2d(5)": "its windows on images of shape (28, 28, 1) differ in size",
    "N.BatchNorm2d(1, track_running_stats=False)": "track_running_stats=False has no counterpart",
    "N.BatchNorm2d(1, momentum=None)": "momentum=None has no counterpart",
    "N.Sequential(N.Flatten(), N.GELU())": "module.0.1, GELU(approximate='none'), cannot be",
    "N.Linear(28, 4)": "Dense takes samples of one dimension, got shape (28, 28, 1)",
    "N.Flatten(), N.LazyLinear(3)": "module.1, LazyLinear(in_features=0, out_features=3, "
    "bias=True), has no weights yet: call the module on a batch first.",
    "N.Flatten(), N.Unflatten(1, (1, 28, 28))": "rows become images only at the start",
    "N.Conv2d(1, 4, 3), N.Flatten(), N.Linear(700, 3)": "module.2, Linear(in_features=700, "
    "out_features=3, bias=True), cannot be expressed: its weight of shape (700, 3) does not fit "
    "samples of shape (2704,), for which it would be (2704, 3).",
    "N.BatchNorm2d(3)": "its gamma of shape (3,) does not fit samples of shape (28, 28, 1)",
    "N.Flatten(2)": "start_dim=2 has no counterpart",
    "N.Softmax(dim=1), N.Flatten()": "module.1, Flatten(start_dim=1, end_dim=-1), cannot be "
    "expressed: nothing may follow softmax.",
    "N.Flatten(), N.Linear(784, 1), N.Softmax(dim=1)": "A softmax of one output is always 1",
    "N.Flatten(), N.Linear(784, 3), N.Softmax(dim=0)": "dim=0 has no counterpart",
    "N.Conv2d(1, 4, 3), N.ReLU()": "The network returns images of shape (26, 26, 4)",
}


@pytest.mark.parametrize("layers", REFUSED)
def test_what_cannot_be_expressed_is_named_with_its_place(torch, layers):
    module = eval(f"N.Sequential({layers})", {"N": torch.nn})
    with pytest.raises(ValueError, match=re.escape(REFUSED[layers])):
        NumpyNetClassifier.from_torch(module, (28, 28, 1))


def test_arguments_that_do_not_fit_are_told(torch):
    linear = torch.nn.Linear(4, 3)
    with pytest.raises(ValueError, match="classes must be 3 different ones, in the order"):
        NumpyNetClassifier.from_torch(linear, classes=["a", "b"])
    with pytest.raises(ValueError, match="classes must be 3 different ones"):
        NumpyNetClassifier.from_torch(linear, classes=["a", "b", "a"])
    with pytest.raises(ValueError, match="labels of their own: no classes"):
        sigmoids = torch.nn.Sequential(linear, torch.nn.Sigmoid())
        NumpyNetClassifier.from_torch(sigmoids, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="A regressor has no classes"):
        NumpyNetRegressor.from_torch(linear, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="outputs are those of softmax: read it with NumpyNetCl"):
        NumpyNetRegressor.from_torch(torch.nn.Sequential(linear, torch.nn.Softmax(dim=1)))
    with pytest.raises(ValueError, match=r"Give input_shape=\(height, width, channels\)"):
        layers = torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 3)
        NumpyNetClassifier.from_torch(torch.nn.Sequential(*layers))
    with pytest.raises(TypeError, match="got OrderedDict; weights alone are loaded"):
        NumpyNetClassifier.from_torch(linear.state_dict())
    for shape in ("28x28", (-1, 28), (28, 28, 1, 1), (2.5, 2.5)):
        with pytest.raises(ValueError, match=r"input_shape is \(height, width, channels\), \(heig"):
            NumpyNetClassifier.from_torch(linear, shape)


def test_an_input_shape_with_the_channels_first_is_warned_of(torch):
    dense = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    with pytest.warns(UserWarning, match=r"channels\) would be \(28, 28, 1\)") as caught:
        NumpyNetClassifier.from_torch(dense, (1, 28, 28))
    assert caught[0].filename == __file__


@pytest.fixture
def tutorial(torch):
    """A module as tutorials write it: layers made in `__init__`, called in `forward`."""
    layers, functions = torch.nn, torch.nn.functional

    class Net(layers.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = layers.Conv2d(1, 5, 5)
            self.features = layers.Sequential(layers.Conv2d(5, 6, 3), layers.BatchNorm2d(6))
            self.dropout = layers.Dropout(0.25)
            self.pool = layers.MaxPool2d(2)
            self.fc1 = layers.Linear(6 * 5 * 5, 20)
            self.fc2 = layers.Linear(20, 4)

        def forward(self, x):
            x = functions.relu(functions.max_pool2d(self.conv1(x), 2))
            x = self.pool(self.features(x).tanh())
            x = x.view(x.size(0), -1)
            x = functions.dropout(torch.sigmoid(self.fc1(x)), 0.5, training=self.training)
            return functions.log_softmax(self.fc2(self.dropout(x)), dim=1)

    return Net()


@pytest.mark.parametrize("compiled", [False, True])
def test_a_module_with_a_forward_of_its_own_is_a_chain(torch, tutorial, run, images, compiled):
    net = tutorial
    if compiled:  # as torch.compile has it, whose first call takes seconds
        net = torch.nn.Module()
        net._orig_mod = tutorial
    clf = NumpyNetClassifier.from_torch(net, (28, 28))
    expected = np.exp(run(tutorial, images, (28, 28, 1)))
    np.testing.assert_allclose(clf.predict_proba(images), expected, atol=1e-5)


@pytest.mark.parametrize("input_shape", [None, (784,), (28, 28), (28, 28, 1)])
def test_a_forward_may_take_rows_as_images_and_reckon_with_shapes(torch, run, images, input_shape):
    layers, functions = torch.nn, torch.nn.functional

    class Net(layers.Module):
        def __init__(self):
            super().__init__()
            self.convolution = layers.Conv2d(1, 4, 3, stride=2)
            self.linear = layers.Linear(4 * 13 * 13, 3)

        def forward(self, x):
            x = x.view(-1, 1, 28, 28)
            x = functions.relu(functions.dropout2d(self.convolution(x), training=self.training))
            n, channels, height, width = x.shape
            return self.linear(x.reshape(n, channels * height * width))

    net = Net()
    clf = NumpyNetClassifier.from_torch(net, input_shape)
    expected = probabilities(torch, run(net, images))
    np.testing.assert_allclose(clf.predict_proba(images), expected, atol=1e-5)


def test_a_module_that_takes_rows_of_several_colours_is_given_them_last(torch, run, images):
    layers = torch.nn
    whole = layers.Sequential(layers.Conv2d(3, 4, 3), layers.Flatten(), layers.Linear(400, 3))
    module = layers.Sequential(layers.Unflatten(1, (3, 12, 12)), *whole)
    X = images[:, : 12 * 12 * 3]
    clf = NumpyNetClassifier.from_torch(module, (12, 12, 3))
    expected = probabilities(torch, run(whole, X, (12, 12, 3)))
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-5)
    with pytest.raises(ValueError, match=r"Give input_shape=\(height, width, channels\)"):
        NumpyNetClassifier.from_torch(module)


def test_dropout_of_whole_maps_becomes_dropout(torch):
    layers = torch.nn
    module = layers.Sequential(layers.Conv2d(1, 2, 3), layers.Dropout2d(0.3), layers.Flatten())
    clf = NumpyNetClassifier.from_torch(module, (28, 28))
    assert clf.architecture[1].rate == 0.3


# What follows `x = self.layer(x)` in a forward, with torch as T, and what is said of it.
FORWARDS = {
    "x + self.layer(x)": "is no layer of what the one before it returns",
    "x.cumsum(1)": "module.cumsum: cumsum is none of adaptive_avg_pool2d, ",
    "x.view(-1, 2, 2)": "module.view, view, cannot be expressed: only shapes (n, n_features)",
    "T.nn.functional.avg_pool2d(x, x.shape[1])": "avg_pool2d, cannot be expressed: its settings "
    "depend on the shape of what it takes; give numbers",
    "x[:, :2]": "module.getitem: getitem is none of adaptive_avg_pool2d, ",
    "x.T": "module.getattr_1: getattr is none of adaptive_avg_pool2d, ",
    "x * x.shape[1]": "module.mul: mul is none of adaptive_avg_pool2d, ",
    "x.mean(1)": "only means over height and width are expressed, not over 1",
    "x if x.sum() > 0 else -x": "what the forward of Net does depends on its input",
    "self.other(x)": "module.other.0, GELU(approximate='none'), cannot be expressed",
}


@pytest.mark.parametrize("returned", FORWARDS)
def test_a_forward_that_is_no_chain_is_told(torch, returned):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)
            self.other = torch.nn.Sequential(torch.nn.GELU())

        def forward(self, x):
            x = self.layer(x)
            return eval(returned, {"T": torch}, {"x": x, "self": self})

    with pytest.raises(ValueError, match=re.escape(FORWARDS[returned])):
        NumpyNetClassifier.from_torch(Net())
