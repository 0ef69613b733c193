# %% [markdown]
# # 7. From 95% to 99.5%: what each change brings
#
# Each row changes one thing of the row above. On the competition's images the curve goes from about
# 92% to about 99.5%; on the sample, with few images to learn from, some steps show little.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images

X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
is_sample = len(X) < 10_000
n_epochs = 10 if is_sample else 5
warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are meant

# %% [markdown]
# ## The changes
#
# The estimator's parameters by their names; `None` takes one away again.

# %%
plain = {"scaling": "unit", "solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": 64}
conv = "8C3-MP2-BN-R-16C3-BN-R" if is_sample else "16C3-MP2-BN-R-32C3-BN-R-64C3-MP2-BN-R-128C3-BN-R"
CHANGES = [
    ("no hidden layer", plain | {"hidden_layer_sizes": (), "learning_rate_init": 0.1}),
    ("128 hidden units, linear", {"hidden_layer_sizes": (128,), "activation": "identity"}),
    ("ReLU", {"activation": "relu"}),
    (
        "Adam, half a cosine",
        {"solver": "adam", "learning_rate": "cosine", "learning_rate_init": 3e-3},
    ),
    ("augmentation", {"augment": {"rotation": 10, "scale": 0.1, "shear": 0.1, "shift": 2}}),
    ("convolutions", {"architecture": conv, "hidden_layer_sizes": (100,)}),
]

# %% [markdown]
# ## Each in turn

# %%
parameters, results = {}, []
for name, change in CHANGES:
    parameters |= change
    model = NumpyNetClassifier(**parameters, max_iter=n_epochs, tol=0.0, random_state=0)
    model.fit(X, y)
    results.append((name, model.score(X_test, y_test)))
    print(f"{name:26} {results[-1][1]:.2%}")

# %% [markdown]
# ## An ensemble
#
# Networks that begin at other weights make other mistakes: the mean of their probabilities makes
# fewer. The last row but one is the network above, and the last one is three of its kind.

# %%
probabilities = model.predict_proba(X_test)
for seed in (1, 2):
    other = NumpyNetClassifier(**parameters, max_iter=n_epochs, tol=0.0, random_state=seed)
    other.fit(X, y)
    probabilities += other.predict_proba(X_test)
accuracy = (model.classes_[probabilities.argmax(axis=1)] == y_test).mean()
results.append(("three of them", accuracy))

# %%
names, accuracies = zip(*results, strict=True)
figure, axis = plt.subplots(figsize=(8, 3.5), layout="constrained")
axis.semilogy(names, 1 - np.array(accuracies) + 1e-4, "o-")
axis.set_ylabel("share read wrong")
axis.tick_params(axis="x", rotation=25)
axis.grid(alpha=0.3, which="both")
figure.savefig("from_95_to_99.png", dpi=120)

# %%
print(f"{'change':26} {'read right':>10}  {'of the mistakes above, gone':>28}")
for (name, score), (_, before) in zip(results, [(None, None), *results], strict=False):
    gone = "" if before in (None, 1) else f"{1 - (1 - score) / (1 - before):.0%}"
    print(f"{name:26} {score:>10.2%}  {gone:>28}")
print(f"{accuracy:.2%} of the images held back are read right")
