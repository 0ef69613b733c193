# %% [markdown]
# # Any list of sizes, all rows at once
#
# 784-128-64-10 by gradient descent without batches, 500 steps at rate 0.05: the recipe
# `tutorials/any-sizes`. A network of any depth is one list.

# %%
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images

X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
sizes = (128, 64)
model = NumpyNetClassifier(
    hidden_layer_sizes=sizes,
    scaling="standard",
    initializer="he_normal",
    solver="sgd",
    momentum=0.0,
    alpha=0.0,
    learning_rate_init=0.05,
    batch_size="all",
    shuffle=False,
    max_steps=500,
    max_iter=1000,
    n_iter_no_change=1000,
    random_state=0,
)
model.fit(X, y)

# %% [markdown]
# ## The learning curve, and a digit

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.plot(model.loss_curve_)
left.set(xlabel="step", ylabel="loss", title=f"784-{sizes[0]}-{sizes[1]}-10")
right.imshow(X_test[0].reshape(28, 28), cmap="gray")
right.set_title(f"a {y_test[0]}, read as {model.predict(X_test[:1])[0]}")
right.axis("off")
figure.savefig("any_sizes.png", dpi=120)

# %% [markdown]
# Full batches take few steps, and each costs as much as an epoch: 500 of them are 500 epochs. In
# batches of 64 the same network is further after ten epochs, a fiftieth of the work.

# %%
batches = model.set_params(batch_size=64, shuffle=True, max_steps=10 * -(-len(X) // 64))
whole = model.loss_curve_[-1], model.score(X_test, y_test)
batches.fit(X, y)
print(f"500 steps on all rows:  loss {whole[0]:.3f}, {whole[1]:.2%}")
print(f"10 epochs of batches:   loss {batches.loss_:.3f}, {batches.score(X_test, y_test):.2%}")
accuracy = whole[1]
print(f"{accuracy:.2%} of the images held back are read right")
