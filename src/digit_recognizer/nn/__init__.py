"""A neural network from scratch in NumPy.

Read it in this order: layers → losses → network → optimizers → training; then activations,
normalization, other_losses, adam, muon, averaging, plan, prediction, by_hand; arrays (where numbers
lie) and interface (what people see) where they come up; testing, which checks gradients. Then for
images: images.convolution, images.pooling, kernels.reference → images.blocks, images.layers →
images.stage → the rest of both rooms, which make it fast. In one line::

    X → Dense → ReLU → … → Dense → loss;  gradients back the same way;  optimizer steps

>>> import numpy as np
>>> from digit_recognizer import nn
>>> generator = np.random.default_rng(0)
>>> X = generator.standard_normal((200, 2), dtype=np.float32)
>>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
>>> layers = [nn.Dense(32), nn.ReLU(), nn.Dense(2)]
>>> network = nn.Network(layers, nn.SoftmaxCrossEntropy(), input_shape=(2,), seed=0)
>>> plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), batch_size=20, n_epochs=30)
>>> history = list(network.fit_epochs(X, y, plan, generator))
>>> bool((network.predict(X).argmax(axis=1) == y).mean() > 0.95)
True

One step by hand, on plain arrays; `Network.train_step` is these four lines, and each layer has
`forward` and `backward` for itself (see `Layer`):

>>> optimizer = nn.SGD()
>>> Z = network.forward(X)
>>> loss, dZ = network.loss.loss_and_gradient(Z, y)
>>> network.backward(dZ)
>>> optimizer.step(network.parameters, learning_rate=0.01)
>>> network.layers[0].gradients["weight"].shape
(2, 32)
>>> network.train_step(X, y, optimizer, learning_rate=0.01) < loss
True
"""

from digit_recognizer.nn.activations import (
    ACTIVATIONS,
    Activation,
    CustomActivation,
    Identity,
    LeakyReLU,
    Logistic,
    ReLU,
    SiLU,
    Tanh,
)
from digit_recognizer.nn.adam import Adam, AdamW
from digit_recognizer.nn.arrays.initializers import INITIALIZERS, VarianceScaling
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.parameters import FlatParameters, ParameterSpec
from digit_recognizer.nn.arrays.scaling import SCALINGS, Scaling
from digit_recognizer.nn.averaging import MovingAverage
from digit_recognizer.nn.images.augmentation import Augment, Augmenter
from digit_recognizer.nn.images.augmented_sheet import augmented_sheet
from digit_recognizer.nn.images.convolution import Conv2D
from digit_recognizer.nn.images.layers import ImageLayer
from digit_recognizer.nn.images.pooling import (
    AveragePool2D,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
)
from digit_recognizer.nn.images.views import Views, predict_views
from digit_recognizer.nn.interface.summary import Summary
from digit_recognizer.nn.layers import Dense, Layer
from digit_recognizer.nn.losses import Loss, SoftmaxCrossEntropy
from digit_recognizer.nn.muon import Muon
from digit_recognizer.nn.network import Network
from digit_recognizer.nn.normalization import BatchNorm, Dropout
from digit_recognizer.nn.optimizers import SGD, Optimizer
from digit_recognizer.nn.other_losses import BinaryCrossEntropy, PoissonDeviance, SquaredError
from digit_recognizer.nn.plan import (
    Adaptive,
    Clock,
    Constant,
    Cosine,
    InverseScaling,
    OneCycle,
    TrainingPlan,
)
from digit_recognizer.nn.testing.gradients import check_gradients, check_network_gradients
