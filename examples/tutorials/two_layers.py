# %% [markdown]
# # Two layers without biases, and their twin with AdamW
#
# 784-128-10: a thousand steps of 256 images by gradient descent on summed losses, then the same
# network by AdamW, looked at every 200 steps. The recipes are `tutorials/two-layers` and
# `tutorials/two-layers-adamw`; here the loops behind them are seen.

# %%
import numpy as np
from rich.progress import Progress
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images

X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
network = {"hidden_layer_sizes": (128,), "fit_intercept": False, "random_state": 0}

# %% [markdown]
# ## Gradient descent
#
# The first weights are uniform in ±1 / √(784 · 128), and ±1 / √(128 · 10). `on_step` is told of
# each step.

# %%
descent = NumpyNetClassifier(
    **network,
    scaling="standard",
    initializer="product_uniform",
    solver="sgd",
    momentum=0.0,
    alpha=0.0,
    reduction="sum",
    batch_size=256,
    max_steps=1000,
    max_iter=1000,
    tol=0.0,
)
with Progress() as progress:
    bar = progress.add_task("", total=1000)

    def show(clock, loss, learning_rate):
        progress.update(bar, completed=clock.step, description=f"loss {loss:.3f}")

    for _ in descent.fit_epochs(X, y, on_step=show):
        pass
descent_accuracy = descent.score(X_test, y_test)
print(f"a thousand steps: {descent_accuracy:.2%}")

# %% [markdown]
# ## AdamW, looked at every 200 steps
#
# `max_steps` and a warm start train 200 steps at a time, each time from where the last ended.

# %%
n_steps = max(200, len(X) // 32)  # one epoch of the competition's images; more of the sample's
twin = NumpyNetClassifier(
    **network,
    scaling="unit",
    solver="adamw",
    learning_rate_init=0.005,
    alpha=0.0,
    batch_size=32,
    max_steps=200,
    max_iter=1000,
    warm_start=True,
)
print(" step  loss (train, test)  accuracy (train, test)")
for step in range(200, n_steps + 1, 200):
    *_, record = twin.fit_epochs(X, y, X_val=X_test, y_val=y_test)
    losses = f"{record['loss']:.3f} {record['validation_loss']:.3f}"
    print(f"{step:5}  {losses}         {twin.score(X, y):.2%} {twin.score(X_test, y_test):.2%}")

# %% [markdown]
# ## Its weights in two lines of NumPy

# %%
W1, W2 = twin.coefs_
H = np.maximum(X_test / 255 @ W1, 0)
accuracy = ((H @ W2).argmax(axis=1) == y_test).mean()
assert np.isclose(accuracy, twin.score(X_test, y_test), atol=0.002)
print(f"{accuracy:.2%} of the images held back are read right")
