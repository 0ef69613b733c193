# %% [markdown]
# # 8. Weights from another framework, and to it
#
# A network that was trained elsewhere predicts here, and one of ours there: the same numbers. What
# is not installed is not needed: scikit-learn always is, PyTorch is looked for.

# %%
from importlib.util import find_spec

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from digit_recognizer import NumpyNetClassifier, load_images

X, y = load_images()
X = X / 255
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

# %% [markdown]
# ## From scikit-learn
#
# `from_sklearn` takes parameters, weights and classes; then there is dropout, augmentation and all
# the rest to go on with.

# %%
theirs = MLPClassifier((64,), early_stopping=True, max_iter=30, random_state=0).fit(X, y)
ours = NumpyNetClassifier.from_sklearn(theirs)
difference = np.abs(ours.predict_proba(X_test) - theirs.predict_proba(X_test)).max()
print(f"scikit-learn → here: probabilities differ by at most {difference:.1e}")

# %% [markdown]
# ## And back
#
# Whoever has no package but scikit-learn's can use what was trained here.

# %%
ours = NumpyNetClassifier(
    (64,),
    dropout=0.1,
    learning_rate="cosine",
    learning_rate_init=0.003,
    max_iter=15,
    random_state=0,
).fit(X, y)
there = ours.to_sklearn()
difference = max(difference, np.abs(ours.predict_proba(X_test) - there.predict_proba(X_test)).max())
print(f"here → {type(there).__name__}: at most {difference:.1e}")

# %% [markdown]
# ## PyTorch
#
# A module's layers one after the other become ours, whatever the order of its images' axes: rows of
# X stay (height, width, channels).

# %%
if find_spec("torch") is None:
    print("PyTorch is not installed: pip install torch")
else:
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(6 * 14 * 14, 10),
    ).eval()
    ours_of_torch = NumpyNetClassifier.from_torch(module, input_shape=(28, 28, 1))
    images = torch.tensor(X_test.reshape(-1, 1, 28, 28), dtype=torch.float32)
    with torch.no_grad():
        of_torch = module(images).softmax(dim=1).numpy()
    off = np.abs(ours_of_torch.predict_proba(X_test.astype(np.float32)) - of_torch).max()
    print(f"PyTorch → here: at most {off:.1e}")
    assert off < 1e-5

# %%
accuracy = there.score(X_test, y_test)
print(f"{accuracy:.2%} of the images held back are read right, by scikit-learn with our weights")
