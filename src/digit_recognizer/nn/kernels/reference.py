"""Convolution and pooling as their equations: plain loops over taps, which the fast kernels equal.

Arrays are of shape (n, height, width, channels), weights of shape
(kernel, kernel, in_channels, out_channels).
"""

import numpy as np


def pad(X: np.ndarray, padding: int) -> np.ndarray:
    """X with `padding` zeros on each side of height and width."""
    return np.pad(X, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def taps(X: np.ndarray, size: int, stride: int):
    """For each position (i, j) in a window: i, j, and what all windows have there, a view of X."""
    height = (X.shape[1] - size) // stride + 1
    width = (X.shape[2] - size) // stride + 1
    for i in range(size):
        rows = slice(i, i + (height - 1) * stride + 1, stride)
        for j in range(size):
            yield i, j, X[:, rows, j : j + (width - 1) * stride + 1 : stride]


def convolve(X, weight, stride=1, padding=0):
    """Y[n, y, x, o] = Σ_{i, j, c} X[n, s y + i − p, s x + j − p, c] W[i, j, c, o].

    Returns
    -------
    Y : ndarray of shape (n, out_height, out_width, out_channels)
    """
    size = len(weight)
    return sum(tap @ weight[i, j] for i, j, tap in taps(pad(X, padding), size, stride))


def convolve_backward(X, weight, dY, stride=1, padding=0):
    """The adjoints: dX = Σ_{i, j} (dY W[i, j]ᵀ shifted back), dW[i, j] = Xᵀ(shifted) dY.

    Returns
    -------
    dX : ndarray of X's shape
    d_weight : ndarray of the weight's shape
    """
    padded, d_weight = pad(X, padding), np.empty_like(weight)
    d_padded = np.zeros_like(padded)
    size, n_filters = len(weight), weight.shape[-1]
    for i, j, tap in taps(padded, size, stride):
        d_weight[i, j] = tap.reshape(-1, tap.shape[-1]).T @ dY.reshape(-1, n_filters)
    for i, j, tap in taps(d_padded, size, stride):
        tap += dY @ weight[i, j].T
    height, width = X.shape[1:3]
    return d_padded[:, padding : padding + height, padding : padding + width], d_weight


def max_pool(X, size, stride):
    """Y[n, y, x, c] = max over the window of X."""
    return np.max([tap for _, _, tap in taps(X, size, stride)], axis=0)


def max_pool_backward(X, dY, size, stride):
    """Each window's gradient goes to its first largest element."""
    largest = max_pool(X, size, stride)
    dX, free = np.zeros_like(X), np.ones(largest.shape, dtype=bool)
    targets = taps(dX, size, stride)
    for (_, _, tap), (_, _, target) in zip(taps(X, size, stride), targets, strict=True):
        winner = (tap == largest) & free
        free &= ~winner
        target += winner * dY
    return dX


def average_pool(X, size, stride):
    """Y[n, y, x, c] = mean over the window of X."""
    return np.mean([tap for _, _, tap in taps(X, size, stride)], axis=0)


def average_pool_backward(X, dY, size, stride):
    """Each element of a window gets an equal share of its gradient."""
    dX = np.zeros_like(X)
    for _, _, target in taps(dX, size, stride):
        target += dY / size**2
    return dX
