"""Kernels of the image layers: fast ways to compute a convolution, and the plain one they equal.

reference (loops that read like the equation) → tiles, winograd with its pieces and their stripes →
columns (what Winograd cannot do) → choice (which one, by a measured rule); windows of pooling;
channels of normalization; views, which are checked.
"""
