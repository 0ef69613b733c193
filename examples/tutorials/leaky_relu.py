# %% [markdown]
# # Leaky ReLUs, and the gradient of a loss taken as binary
#
# 784-256-128-10 with leaky ReLUs of slope 0.2, five epochs of 256 images in the file's order: the
# recipe `tutorials/leaky-relu`. The tutorial takes each of the ten outputs as a binary question,
# −Σₖ yₖ log pₖ + (1 − yₖ) log(1 − pₖ), and still goes on with p − y.

# %%
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images

warnings.simplefilter("ignore", ConvergenceWarning)  # five epochs are meant
X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

# %% [markdown]
# ## Why p − y all the same
#
# The derivative of that loss with respect to p is (p − y) / (p (1 − p)). The softmax's own, taken
# along its diagonal only, is p (1 − p): their product is p − y, which is the gradient of the
# cross-entropy −Σₖ yₖ log pₖ through the whole softmax. Two errors that take each other away: the
# loss that is shown is not the one that is descended.

# %%
generator = np.random.default_rng(0)
p, target = generator.dirichlet(np.ones(10)), np.eye(10)[3]
by_the_diagonal = (p - target) / (p * (1 - p)) * (p * (1 - p))
whole = (np.diag(p) - np.outer(p, p)) @ ((p - target) / (p * (1 - p)))
print("p − y                      ", np.round(p - target, 3))
print("binary, along the diagonal ", np.round(by_the_diagonal, 3))
print("binary, the whole softmax  ", np.round(whole, 3))
assert np.allclose(by_the_diagonal, p - target)
assert not np.allclose(whole, p - target, atol=0.1)

# %% [markdown]
# ## The network

# %%
model = NumpyNetClassifier(
    architecture="256N-LR0.2-128N-LR0.2",
    scaling="standard" if len(X) > 10_000 else "unit",
    solver="sgd",
    momentum=0.0,
    alpha=0.0,
    reduction="sum",
    learning_rate_init=0.001,
    batch_size=256,
    shuffle=False,
    max_iter=5 if len(X) > 10_000 else 30,
    tol=0.0,
    random_state=0,
)
model.fit(X, y)

# %% [markdown]
# ## Single predictions

# %%
for image, label, P in zip(X_test[:3], y_test, model.predict_proba(X_test[:3]), strict=False):
    print(f"a {label}, read as {P.argmax()} with probability {P.max():.3f}")
    for row in image.reshape(28, 28)[4:24:2, 2:26]:
        print("    " + "".join(" .:*#"[value // 52] for value in row))

# %% [markdown]
# The bonus that the tutorial asks for, a convolution in front, is the recipe
# `tutorials/leaky-relu-convolution`: `"8C5-MP2-LR0.2-256N-LR0.2-128N-LR0.2"`.

# %%
accuracy = model.score(X_test, y_test)
print(f"{accuracy:.2%} of the images held back are read right")
