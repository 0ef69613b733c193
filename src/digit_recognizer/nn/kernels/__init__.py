"""Kernels of the image layers: fast ways to compute a convolution, and the plain one they equal.

reference (loops that read like the equation) → tiles, winograd (stride 1) → space_to_depth
(stride 2) → columns (the rest) → choice (which one, by a measured rule).
"""
