# %% [markdown]
# # 2. The same loop with layers
#
# What the plain loop wrote as formulas are layers of `digit_recognizer.nn` here. Each has
# `forward`, which maps a batch, and `backward`, which maps the gradient of the loss back and leaves
# the gradients of its weights in `gradients`. Nothing else happens: a step is still taken by hand.

# %%
import numpy as np
from sklearn.model_selection import train_test_split

from digit_recognizer import load_images, nn

X, y = load_images()  # Kaggle's where they are, else a sample; load_images("path") names a place
X = (X / 255).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)

# %% [markdown]
# ## One step, each array with its shape

# %%
hidden, relu, output = nn.Dense(64), nn.ReLU(), nn.Dense(10)
loss_function = nn.SoftmaxCrossEntropy()
hidden.initialize((X.shape[1],), seed=0)
output.initialize((64,), seed=1)

x, target = X[:32], y[:32]
A = hidden.forward(x)  # X W₁ + b₁
H = relu.forward(A)  # max(A, 0)
Z = output.forward(H)  # H W₂ + b₂
loss, dZ = loss_function.loss_and_gradient(Z, target)  # dZ = (P − Y) / n
dH = output.backward(dZ)  # dZ W₂ᵀ, and the gradients of W₂ and b₂
dA = relu.backward(dH)  # dH where A > 0
dX = hidden.backward(dA)
print(f"loss {loss:.3f}; with ten classes and no idea it is log 10 = {np.log(10):.3f}")

# %%
for name, array in {"x": x, "A": A, "H": H, "Z": Z, "dZ": dZ, "dH": dH, "dA": dA, "dX": dX}.items():
    print(f"{name:18} {array.shape}")
for name, layer in {"hidden": hidden, "output": output}.items():
    for parameter, gradient in layer.gradients.items():
        print(f"{name + '.' + parameter:18} {layer.values[parameter].shape}, its gradient too")
        assert gradient.shape == layer.values[parameter].shape

# %% [markdown]
# ## The loop

# %%
layers, learning_rate, batch_size = [hidden, relu, output], 0.1, 32
generator = np.random.default_rng(0)
for epoch in range(10):
    order, losses = generator.permutation(len(X)), []
    for start in range(0, len(X), batch_size):
        rows = order[start : start + batch_size]
        Z = X[rows]
        for layer in layers:
            Z = layer.forward(Z)
        loss, gradient = loss_function.loss_and_gradient(Z, y[rows])
        for layer in reversed(layers):
            gradient = layer.backward(gradient)
        for layer in (hidden, output):
            for name in layer.gradients:
                layer.values[name] -= learning_rate * layer.gradients[name]
        losses.append(loss)
    print(f"epoch {epoch + 1:2}: loss {np.mean(losses):.3f}")

# %%
Z = X_test
for layer in layers:
    Z = layer.forward(Z)
accuracy = (Z.argmax(axis=1) == y_test).mean()
print(f"{accuracy:.2%} of the images held back are read right")
