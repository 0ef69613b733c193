# %% [markdown]
# # 784-10-10 on a fifth of train.csv, and a bias gradient that is one number for all units
#
# 500 steps of gradient descent on all of the rows to learn from, at rate 0.1: the recipe
# `tutorials/few-rows`. The tutorial's gradient of a bias is `np.sum(dZ) / m`, over rows and units
# together, where each unit has its own, `dZ.sum(axis=0) / m`.

# %%
import numpy as np
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images

X, y = load_images()
X = X / 255
X, X_test, y, y_test = train_test_split(X, y, train_size=0.2, stratify=y, random_state=0)
print(f"{len(X):,} images to learn from, {len(X_test):,} to be measured on")

# %% [markdown]
# ## With the mistake, and without
#
# The rows of dZ of the output add up to 0, so with the mistake its biases never move; those of the
# hidden layer move all alike.


# %%
def train(own_bias_gradients, seed=0, n_steps=500, rate=0.1):
    """Accuracy on the images held back, and the last biases of the output."""
    generator = np.random.default_rng(seed)
    W1, b1 = generator.random((784, 10)) - 0.5, generator.random(10) - 0.5
    W2, b2 = generator.random((10, 10)) - 0.5, np.zeros(10)
    m, Y = len(X), np.eye(10)[y]
    axis = 0 if own_bias_gradients else None
    for _ in range(n_steps):
        A = X @ W1 + b1
        H = np.maximum(A, 0)
        P = np.exp(H @ W2 + b2)
        P /= P.sum(axis=1, keepdims=True)
        dZ = (P - Y) / m
        dA = dZ @ W2.T * (A > 0)
        gradients = X.T @ dA, dA.sum(axis=axis), H.T @ dZ, dZ.sum(axis=axis)
        for weights, gradient in zip((W1, b1, W2, b2), gradients, strict=True):
            weights -= rate * gradient
    return ((np.maximum(X_test @ W1 + b1, 0) @ W2 + b2).argmax(axis=1) == y_test).mean(), b2


for own, name in ((False, "one gradient for all biases"), (True, "each bias its own")):
    runs = [train(own, seed) for seed in range(3)]
    scores = [score for score, _ in runs]
    moved = max(np.abs(b2).max() for _, b2 in runs)
    print(
        f"{name:28} {np.mean(scores):.2%} ± {np.std(scores):.2%}; output biases up to {moved:.2g}"
    )

# %% [markdown]
# So small a network hardly needs its biases: the mistake costs nothing that can be measured, which
# is why it went unnoticed. A gradient check finds it at once.
#
# ## The twin: Adam, batches of 32, ten epochs
#
# Not a better network, but 2,630 steps in place of 500, each of its own length.

# %%
twin = NumpyNetClassifier(
    (10,), batch_size=32, max_steps=10 * -(-len(X) // 32), max_iter=1000, alpha=0.0, random_state=0
).fit(X, y)
accuracy = twin.score(X_test, y_test)
descent_accuracy = np.mean(scores)
print(f"{accuracy:.2%} of the images held back are read right")
