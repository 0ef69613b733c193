# %% [markdown]
# # Linear regression, by a graph of modules
#
# y = x (3, 4, 2) + 5 + noise of 0.5, 2,000 rows: one dense layer with the squared error finds the
# three weights and the bias, in ten epochs of 64 rows at rate 0.001 on summed losses.

# %%
import numpy as np

from digit_recognizer import NumpyNetRegressor, nn

generator = np.random.default_rng(0)
X = generator.standard_normal((2000, 3))
y = X @ [3, 4, 2] + 5 + 0.5 * generator.standard_normal(2000)

# %% [markdown]
# ## By hand
#
# A graph of modules goes forward, and backward in the other order. Each dense layer is a module,
# and so is the loss: half the squared error, whose gradient is Z − y. `loss_and_gradient` gives the
# mean over the batch, so a sum is as many times as much.

# %%
layer, loss_function = nn.Dense(1), nn.SquaredError()
layer.initialize((3,), seed=0, dtype=np.float64)
for epoch in range(10):
    order, losses = generator.permutation(len(X)), []
    for start in range(0, len(X), 64):
        rows = order[start : start + 64]
        Z = layer.forward(X[rows])
        loss, dZ = loss_function.loss_and_gradient(Z, y[rows, np.newaxis])
        layer.backward(dZ * len(rows))
        for name, gradient in layer.gradients.items():
            layer.values[name] -= 0.001 * gradient
        losses.append(loss)
    print(f"epoch {epoch + 1:2}: loss {np.mean(losses):.4f}")
W, b = layer.values["weight"].ravel(), layer.values["bias"].item()
print("W", np.round(W, 3), "b", round(b, 3))

# %% [markdown]
# ## In one line
#
# A regressor without hidden layers is that graph. What the noise allows is least squares: no method
# can be nearer to (3, 4, 2) and 5 than that but by luck.

# %%
model = NumpyNetRegressor(
    hidden_layer_sizes=(),
    solver="sgd",
    momentum=0.0,
    alpha=0.0,
    reduction="sum",
    batch_size=64,
    max_steps=10 * 32,
    max_iter=1000,
    random_state=0,
).fit(X, y)
exact = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y)[0]
print("estimator    ", np.round([*model.coefs_[0].ravel(), *model.intercepts_[0]], 3))
print("least squares", np.round(exact, 3))

# %%
weight_error = max(np.abs(W - [3, 4, 2]).max(), np.abs(model.coefs_[0].ravel() - [3, 4, 2]).max())
bias_error = max(abs(b - 5), abs(model.intercepts_[0][0] - 5))
print(f"W within {weight_error:.3f}, b within {bias_error:.3f}")
