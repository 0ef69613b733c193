# %% [markdown]
# # 1. The plain loop
#
# A network of two layers that learns to read digits, in NumPy alone: each array, each formula and
# each step is on this page. With Kaggle's `train.csv` in `data/` it reads that; otherwise the small
# digits that come with scikit-learn.

# %%
from pathlib import Path

import numpy as np

TRAIN = Path("data/train.csv")
if TRAIN.exists():
    table = np.loadtxt(TRAIN, delimiter=",", skiprows=1, dtype=np.uint8)
    X, y = table[:, 1:] / 255, table[:, 0].astype(int)
else:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    X = X / 16

# %% [markdown]
# A fifth of the images is held back: what the network is worth is what it makes of those.

# %%
generator = np.random.default_rng(0)
order = generator.permutation(len(X))
n_test = len(X) // 5
X_test, y_test = X[order[:n_test]], y[order[:n_test]]
X, y = X[order[n_test:]], y[order[n_test:]]
print(f"{len(X):,} images to learn from, {n_test:,} to be measured on, {X.shape[1]} pixels each")

# %% [markdown]
# The network: H = max(X W₁ + b₁, 0), then Z = H W₂ + b₂, and softmax makes probabilities of Z.
# Weights begin as small random numbers; were they equal, all units would learn the same.

# %%
n_pixels, n_hidden, n_classes = X.shape[1], 64, 10
W1 = generator.standard_normal((n_pixels, n_hidden)) * np.sqrt(2 / n_pixels)
b1 = np.zeros(n_hidden)
W2 = generator.standard_normal((n_hidden, n_classes)) * np.sqrt(2 / n_hidden)
b2 = np.zeros(n_classes)


def softmax(Z):
    """Probabilities of the classes, each row adding up to 1."""
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    return P / P.sum(axis=1, keepdims=True)


# %% [markdown]
# The loop. Each step takes 32 images, looks how wrong the network is on them, and moves each weight
# a little against its part in that. It is the chain rule, read from the last line to the first:
# the derivation of each gradient is in [docs/from-scratch.md](../docs/from-scratch.md).

# %%
learning_rate, batch_size, n_epochs = 0.1, 32, 10
for epoch in range(n_epochs):
    order, total = generator.permutation(len(X)), 0.0
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        x, target = X[rows], np.eye(n_classes)[y[rows]]
        H = np.maximum(x @ W1 + b1, 0)  # forward
        P = softmax(H @ W2 + b2)
        total -= np.log((P * target).sum(axis=1)).sum()  # the loss: cross-entropy
        dZ = (P - target) / len(rows)  # backward
        dH = (dZ @ W2.T) * (H > 0)
        dW2, db2, dW1, db1 = H.T @ dZ, dZ.sum(axis=0), x.T @ dH, dH.sum(axis=0)
        for weights, gradient in ((W1, dW1), (b1, db1), (W2, dW2), (b2, db2)):
            weights -= learning_rate * gradient  # update
    print(f"epoch {epoch + 1:2}: loss {total / len(X):.3f}")

# %%
prediction = (np.maximum(X_test @ W1 + b1, 0) @ W2 + b2).argmax(axis=1)
accuracy = (prediction == y_test).mean()
print(f"{accuracy:.2%} of the images held back are read right")
