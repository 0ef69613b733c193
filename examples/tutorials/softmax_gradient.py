# %% [markdown]
# # The softmax's gradient, two ways
#
# P = softmax(Z) makes each output depend on all inputs: its derivative is a matrix for each row,
# ∂Pᵢ/∂Zⱼ = Pᵢ (δᵢⱼ − Pⱼ). Row by row that is a product with a Jacobian; written out, it is
# dZ = P ⊙ (dP − Σⱼ dPⱼ Pⱼ), for all rows at once and without a matrix.

# %%
import numpy as np

from digit_recognizer import nn

generator = np.random.default_rng(0)
Z, dP = generator.standard_normal((2, 64, 10))
P = np.exp(Z - Z.max(axis=1, keepdims=True))
P /= P.sum(axis=1, keepdims=True)

# %%
by_jacobian = np.array([(np.diag(p) - np.outer(p, p)) @ dp for p, dp in zip(P, dP, strict=True)])
closed_form = P * (dP - (dP * P).sum(axis=1, keepdims=True))
difference = np.abs(by_jacobian - closed_form).max()
print(f"Jacobian row by row against the closed form: {difference:.1e}")

# %% [markdown]
# ## Both as a layer
#
# The closed form as a layer of one's own, held against finite differences.


# %%
class Softmax(nn.Layer):
    """P = softmax(Z), dZ = P ⊙ (dP − Σⱼ dPⱼ Pⱼ)."""

    def forward(self, X, memory):
        P = np.exp(X - X.max(axis=1, keepdims=True))
        memory.kept = P = P / P.sum(axis=1, keepdims=True)
        return P

    def backward(self, dY, memory, need_dX=True):
        P = memory.kept
        return P * (dY - (dY * P).sum(axis=1, keepdims=True))


gradient_error = nn.check_gradients(Softmax(), Z[:5])["X"]
print(f"against finite differences: {gradient_error:.1e}")

# %% [markdown]
# ## With the cross-entropy behind it
#
# dP = −Y / P, and everything cancels to P − Y: why `nn` has the two as one loss.

# %%
y = generator.integers(10, size=64)
Y = np.eye(10)[y]
dP = -Y / P
_, together = nn.SoftmaxCrossEntropy().loss_and_gradient(Z, y)
chained = P * (dP - (dP * P).sum(axis=1, keepdims=True)) / len(Z)
chain_difference = np.abs(chained - together).max()
print(f"two modules against P − Y: {chain_difference:.1e}")
print(f"the two ways differ by at most {difference:.1e}")
