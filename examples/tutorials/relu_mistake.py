# %% [markdown]
# # A ReLU that passes back its output
#
# 784-512-256-10 with He's first weights, pixels / 255, softmax and negative log-likelihood, summed
# over batches of 64, rate 0.001: the recipe `tutorials/three-layers`. The tutorial's ReLU returns
# its own output from `backward`, where the gradient is to go on: dX = dY where X > 0, 0 elsewhere.

# %%
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images, nn

warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are meant
X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)


# %%
class MistakenReLU(nn.Layer):
    """max(X, 0), whose backward pass hands on a share of what it kept, not what it was given."""

    def __init__(self, share=1.0):
        self.share = share

    def forward(self, X, memory):
        memory.kept = np.maximum(X, 0)
        return memory.kept.copy()

    def backward(self, dY, memory, need_dX=True):
        return self.share * memory.kept


# %% [markdown]
# ## A check that would have told
#
# Finite differences know nothing of how `backward` is written.

# %%
x = np.random.default_rng(0).standard_normal((6, 5))
for layer in (MistakenReLU(), nn.ReLU()):
    print(f"{type(layer).__name__:13} relative error {nn.check_gradients(layer, x)['X']:.1e}")

# %% [markdown]
# ## What it costs
#
# The layers before it are moved by numbers that have nothing to do with the loss. As large as they
# are they drive the hidden units until none answers any more: all images are read alike. Divided by
# the rows of the batch twice they do so later; up to then the last layer learns from features that
# are as good as random, which can look like success.

# %%
accuracies = {}
most = 13 if len(X) > 10_000 else 10
he = nn.INITIALIZERS["he_normal"]
for relu, n_epochs in ((MistakenReLU(), 1), (MistakenReLU(1 / 64**2), most), (nn.ReLU(), most)):
    model = NumpyNetClassifier(
        architecture=[nn.Dense(512, initializer=he), relu, nn.Dense(256, initializer=he), relu],
        initializer="he_normal",
        scaling="unit",
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        reduction="sum",
        batch_size=64,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        random_state=0,
    )
    accuracies[repr(relu)] = model.fit(X, y).score(X_test, y_test)
    print(f"{relu!r:32} {accuracies[repr(relu)]:.2%}")

# %%
_, mistaken_accuracy, accuracy = accuracies.values()
print(f"{accuracy:.2%} of the images held back are read right, once the gradient goes on")
