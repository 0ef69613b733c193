"""Kernels of the image layers: fast ways to compute a convolution, and the plain one they equal.

reference (loops that read like the equation) → tiles, winograd with its pieces and their stripes →
im2col (what Winograd cannot do) and one_image (what it is too slow for) → choice (which one, by a
measured rule); windows of pooling; channels of normalization; strided views, which are checked.
"""
