# %% [markdown]
# # 3. A network that trains itself
#
# `nn.Network` is the list of layers with its loss: it calls `forward` and `backward` in turn, and
# keeps all weights in one flat array, which an optimizer moves. `train_step` is one step of the
# loop before; `fit_epochs` is the loop, and stands still after each epoch to be looked at.

# %%
import numpy as np
from sklearn.model_selection import train_test_split

from digit_recognizer import load_images, nn

X, y = load_images()
X = (X / 255).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

layers = [nn.Dense(64), nn.ReLU(), nn.Dense(10)]
network = nn.Network(layers, nn.SoftmaxCrossEntropy(), input_shape=(X.shape[1],), seed=0)
print(network.summary())

# %% [markdown]
# ## A step in one line

# %%
optimizer = nn.SGD(momentum=0.0, nesterov=False)
losses = [network.train_step(X[:32], y[:32], optimizer, learning_rate=0.1) for _ in range(5)]
print("the same 32 images, five times:", np.round(losses, 3))

# %% [markdown]
# ## The loop in one line
#
# What changes from SGD to Adam is one word. The schedule says the learning rate of each step: here
# half a cosine, from 0.003 down to 0.


# %%
def accuracy_on(X, y):
    """The share of images read right."""
    return (network.predict(X).argmax(axis=1) == y).mean()


network = nn.Network(layers, nn.SoftmaxCrossEntropy(), input_shape=(X.shape[1],), seed=0)
plan = nn.TrainingPlan(nn.Adam(), nn.Cosine(0.003), batch_size=32, n_epochs=10)
for record in network.fit_epochs(X, y, plan, np.random.default_rng(0)):
    print(
        f"epoch {record['epoch']:2}: loss {record['loss']:.3f}, "
        f"test accuracy {accuracy_on(X_test, y_test):.2%}"
    )

# %%
accuracy = accuracy_on(X_test, y_test)
print(f"{accuracy:.2%} of the images held back are read right")
