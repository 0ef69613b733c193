# %% [markdown]
# # 5. A layer and an optimizer of one's own
#
# A layer says three things: which parameters it wants, what it makes of a batch, and how the
# gradient of the loss goes back through it. An optimizer says how a parameter moves.

# %%
import numpy as np
from sklearn.model_selection import train_test_split

from digit_recognizer import NumpyNetClassifier, load_images, nn

# %% [markdown]
# ## The layer
#
# PReLU: a leaky ReLU whose slope a for negative inputs is learned, one a unit (He et al., 2015):
# Y = max(X, 0) + a min(X, 0), so dX = dY where X > 0 and a dY elsewhere, and da = Σ dY min(X, 0).
# What `backward` needs of `forward` goes into the memory, never into the layer: so that several
# threads may predict with one network.


# %%
class PReLU(nn.Layer):
    """Leaky ReLU with a slope for each unit that is learned."""

    def parameter_specs(self):
        return [nn.ParameterSpec("slope", self.input_shape, 0.25, decayed=False)]

    def forward(self, X, memory):
        memory.kept = X
        return np.maximum(X, 0) + self.values["slope"] * np.minimum(X, 0)

    def backward(self, dY, memory, need_dX=True):
        X = memory.kept
        self.gradients["slope"][...] = (dY * np.minimum(X, 0)).sum(axis=0)
        return dY * np.where(X > 0, 1, self.values["slope"])


# %% [markdown]
# Is the gradient right? Finite differences say it, for the input and for each parameter. A wrong
# sign would show as an error of about 1; rounding as one of about 1e-9.

# %%
errors = nn.check_gradients(PReLU(), np.random.default_rng(0).standard_normal((6, 4)))
print({name: f"{error:.1e}" for name, error in errors.items()})
gradient_error = max(errors.values())

# %% [markdown]
# ## The optimizer
#
# Lion moves each weight by the learning rate, in the direction that its gradient and its momentum
# agree on: c = β₁ m + (1 − β₁) g, w ← w − η sign(c), m ← β₂ m + (1 − β₂) g (Chen et al., 2023).


# %%
class Lion(nn.Optimizer):
    """Steps of the sign of the momentum."""

    n_states = 1

    def __init__(self, beta_1=0.9, beta_2=0.99):
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def update(self, w, g, states, scratch, learning_rate):
        (m,) = states
        w -= learning_rate * np.sign(self.beta_1 * m + (1 - self.beta_1) * g)
        m *= self.beta_2
        m += (1 - self.beta_2) * g


# %% [markdown]
# ## Both at work
#
# They are given to the estimator as ours are.

# %%
X, y = load_images()
X, X_test, y, y_test = train_test_split(X, y, test_size=0.2, stratify=y, random_state=0)
model = NumpyNetClassifier(
    architecture=[nn.Dense(64), PReLU(), nn.Dense(32), PReLU()],
    solver=Lion(),
    learning_rate="cosine",
    learning_rate_init=0.001,
    max_iter=15,
    batch_size=64,
    scaling="standard",
    random_state=0,
).fit(X, y)
accuracy = model.score(X_test, y_test)
print(f"{accuracy:.2%} of the images held back are read right")
