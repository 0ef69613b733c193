# %% [markdown]
# # 6. The first convolution, drawn
#
# A convolution looks at each place of an image through the same small window. What it looks for are
# its filters; where it finds it, its feature maps say. Both are arrays to be looked at.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from digit_recognizer import load_images, nn

X, y = load_images()
X = (X / 255).astype(np.float32).reshape(-1, 28, 28, 1)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

# %% [markdown]
# ## A filter by hand
#
# This one is bright where an image gets brighter downwards: upper edges.

# %%
edge = nn.Conv2D(1, 3, padding=1)
edge.initialize((28, 28, 1))
edge.values["weight"][..., 0, 0] = [[-1, -1, -1], [0, 0, 0], [1, 1, 1]]
print("images", X[:1].shape, "→ feature maps", edge.forward(X[:1]).shape)

# %% [markdown]
# ## Filters that are learned
#
# Eight filters of 5 × 5, the largest value in each square of 2 × 2, and ten outputs.

# %%
layers = [nn.Conv2D(8, 5), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(), nn.Dense(10)]
network = nn.Network(layers, nn.SoftmaxCrossEntropy(), input_shape=(28, 28, 1), seed=0)
print(network.summary())
n_epochs = 8 if len(X) < 10_000 else 2
plan = nn.TrainingPlan(nn.Adam(), nn.Cosine(0.01), batch_size=64, n_epochs=n_epochs)
for record in network.fit_epochs(X, y, plan, np.random.default_rng(0)):
    print(f"epoch {record['epoch']}: loss {record['loss']:.3f}")

# %% [markdown]
# ## What they see
#
# The filters of the trained network, an image, and what each filter makes of it: a convolution and
# a ReLU of the network, called by hand.

# %%
convolution, relu = network.layers[0], network.layers[1]
filters = convolution.values["weight"][..., 0, :]  # (5, 5, 8)
image = X_test[:1]
maps = relu.forward(convolution.forward(image))[0]  # (24, 24, 8)
figure, axes = plt.subplots(2, 9, figsize=(12, 3), layout="constrained")
axes[0, 0].imshow(edge.forward(image)[0, ..., 0], cmap="coolwarm")
axes[0, 0].set_title("upper edges", fontsize=9)
axes[1, 0].imshow(image[0, ..., 0], cmap="gray")
axes[1, 0].set_title(f"a {y_test[0]}", fontsize=9)
largest = np.abs(filters).max()
for index in range(8):
    axes[0, index + 1].imshow(filters[..., index], cmap="coolwarm", vmin=-largest, vmax=largest)
    axes[1, index + 1].imshow(maps[..., index], cmap="gray")
    axes[0, index + 1].set_title(f"filter {index + 1}", fontsize=9)
for axis in axes.flat:
    axis.axis("off")
figure.savefig("first_convolution.png", dpi=120)

# %%
accuracy = (network.predict(X_test).argmax(axis=1) == y_test).mean()
print(f"{accuracy:.2%} of the images held back are read right")
