"""Augmentation: training images turned, scaled, sheared, shifted and bent anew at each step."""

from dataclasses import dataclass
from math import inf, isfinite
from numbers import Real

import numpy as np

from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.workers import share

# Images deformed at once: of 28×28, 64 take 8.5 µs each with an elastic field, 32 take 8.8.
IMAGES_AT_ONCE = 64
# Values from which on threads share images: 128 of 28×28 take 1.1 ms, and a second thread is awake
# after 50 µs.
SHARED_VALUES = 50_000


@dataclass(frozen=True)
class Augment:
    """Random affine and elastic deformations of images, by bilinear sampling.

    Each output pixel p, measured from the middle, takes the input at ``M p + t + d(p)``: the
    matrix M turns, shears and scales, t shifts, and d is an elastic field, a cubic B-spline through
    random displacements of a grid of control points.

    Parameters
    ----------
    rotation : float, default=0.0
        Angles are uniform in ± so many degrees.
    scale : float, default=0.0
        Factors of height and width, each uniform in 1 ± so much.
    shear : float, default=0.0
        Uniform in ± so much.
    shift : float, default=0.0
        Uniform in ± so many pixels, along each axis.
    elastic : float, default=0.0
        Standard deviation of the control points' displacements, in pixels.
    control_points : int, default=8
        Of the elastic field, along each axis.
    soft_epochs : int, default=0
        In so many epochs at the end all deformations are weaker:
    softness : float, default=0.5
        by this factor.
    fill : float or None, default=None
        What lies outside the images; None for the smallest value of the training images.

    Notes
    -----
    Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to
    visual document analysis" (2003). The B-spline is that of Unser, "Splines: a perfect fit for
    signal and image processing" (1999), eq. 6; on a fixed grid it is one matrix, so the fields of
    a batch are one product.
    """

    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0
    control_points: int = 8
    soft_epochs: int = 0
    softness: float = 0.5
    fill: float | None = None

    def __post_init__(self):
        for name in ("rotation", "scale", "shear", "shift", "elastic", "soft_epochs", "softness"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0 <= value < inf:
                raise ValueError(f"augment: {name} must be at least 0 and finite, got {value!r}.")
        for name in ("soft_epochs", "control_points"):
            value = getattr(self, name)
            if not isinstance(value, Real) or value != int(value):
                raise ValueError(f"augment: {name} must be an integer, got {value!r}.")
        if self.fill is not None and not isfinite(self.fill):
            raise ValueError(f"augment: fill must be finite, got {self.fill!r}.")
        if self.scale >= 1:
            raise ValueError(f"augment: scale must be below 1, got {self.scale!r}.")
        if self.control_points < 4:
            raise ValueError(
                f"augment: control_points must be at least 4, got {self.control_points!r}."
            )

    def strength(self, epoch: int, n_epochs: int) -> float:
        """Factor of the deformations in epoch `epoch` (0 for the first) of `n_epochs`."""
        return self.softness if epoch >= n_epochs - self.soft_epochs else 1.0

    def draw_affine(self, n: int, generator: np.random.Generator, strength: float):
        """Matrices of shape (n, 2, 2) and shifts of shape (n, 2), on (y, x)."""

        def uniform(half_width, *shape):
            return generator.uniform(-1, 1, (n, *shape)) * (half_width * strength)

        angle, shear = np.deg2rad(uniform(self.rotation)), uniform(self.shear)
        factors = 1 + uniform(self.scale, 2)
        cosine, sine = np.cos(angle), np.sin(angle)
        turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
        slant = np.zeros((n, 2, 2))
        slant[:, 0, 0] = slant[:, 1, 1] = 1
        slant[:, 1, 0] = shear
        return turn @ slant * factors[:, np.newaxis], uniform(self.shift, 2)


class Augmenter:
    """An Augment at work on images of one shape, with its scratch.

    Parameters
    ----------
    augment : Augment
    image_shape : tuple of int
        (height, width, channels).
    dtype : dtype
    fill : float
        Where the augment's own is None.
    """

    def __init__(self, augment: Augment, image_shape, dtype, fill: float):
        self.augment = augment
        self.height, self.width, self.n_channels = image_shape
        self.fill = fill if augment.fill is None else augment.fill
        self.dtype = np.dtype(dtype)
        # Scratch that no thread is computing in.
        self._free: list[Memory] = []
        middle = np.array([[(self.height - 1) / 2], [(self.width - 1) / 2]])
        grid = np.mgrid[: self.height, : self.width].reshape(2, -1) - middle
        # With a row of ones a shift is part of the matrix.
        self.grid = np.vstack([grid, np.ones(grid.shape[1])]).astype(dtype)
        self.middle = middle[:, 0]
        along_height, along_width = (
            spline_matrix(augment.control_points, size) for size in (self.height, self.width)
        )
        self.spline = np.kron(along_height, along_width).astype(dtype)

    def __call__(self, X, generator: np.random.Generator, epoch=0, n_epochs=inf) -> None:
        """Deform images in place.

        Parameters
        ----------
        X : ndarray of n images, contiguous, in any shape (n, …) with the pixels of the images
        generator : numpy.random.Generator
        epoch, n_epochs : int
            The epoch, 0 for the first, and how many there will be: the last may be softer.
        """
        strength = self.augment.strength(epoch, n_epochs)
        images = X.reshape(len(X), self.height, self.width, self.n_channels)
        matrices, shifts = self.augment.draw_affine(len(images), generator, strength)
        points = [
            self._draw_points(len(images[rows]), generator, strength) for rows in _parts(images)
        ]
        self._deform(images, matrices, shifts, points)

    def warp(self, X: np.ndarray, matrices: np.ndarray, shifts: np.ndarray) -> None:
        """Apply given affine maps to images in place.

        Parameters
        ----------
        X : ndarray of n images, contiguous, in any shape (n, …) with the pixels of the images
        matrices : ndarray of shape (n, 2, 2)
        shifts : ndarray of shape (n, 2)
            On (y, x), in pixels.
        """
        images = X.reshape(len(X), self.height, self.width, self.n_channels)
        self._deform(images, matrices, shifts, [None for _ in _parts(images)])

    def _draw_points(self, n, generator, strength):
        """Of the elastic fields of n images: those along the height, then along the width."""
        if not self.augment.elastic:
            return None
        points = generator.standard_normal((2 * n, len(self.spline)), dtype=self.dtype)
        points *= self.augment.elastic * strength
        return points

    def _deform(self, images, matrices, shifts, points):
        """Apply the maps and fields, by several threads where that pays."""

        def deform(part):
            rows, points = part
            try:
                memory = self._free.pop()
            except IndexError:
                memory = Memory(self.dtype)
            y, x = self._coordinates(matrices[rows], shifts[rows], memory)
            if points is not None:
                self._bend(y, x, points, memory)
            self._sample(images[rows], y, x, memory)
            self._free.append(memory)

        parts = list(zip(_parts(images), points, strict=True))
        if images.size >= SHARED_VALUES:
            share(deform, parts)
        else:
            for part in parts:
                deform(part)

    def _coordinates(self, matrices, shifts, memory):
        """Where each output pixel looks: y and x, each of shape (n, height width)."""
        affine = np.concatenate([matrices, (shifts + self.middle)[:, :, np.newaxis]], axis=2)
        affine = np.ascontiguousarray(affine.transpose(1, 0, 2), dtype=self.dtype)
        coordinates = memory.array("coordinates", (2, len(matrices), self.grid.shape[1]))
        return np.matmul(affine, self.grid, out=coordinates)

    def _bend(self, y, x, points, memory):
        """Add the elastic fields to the coordinates."""
        n = len(y)
        field = np.matmul(points, self.spline, out=memory.array("field", (2 * n, y.shape[1])))
        y += field[:n]
        x += field[n:]

    def _sample(self, images, y, x, memory):
        """Bilinear interpolation of the images at (y, x), written over them."""
        corners = self._corners(images, *self._split(y, x, memory), memory)
        top_left, top_right, bottom_left, bottom_right = corners
        y, x = y[..., np.newaxis], x[..., np.newaxis]
        for left, right in ((top_left, top_right), (bottom_left, bottom_right)):
            right -= left
            right *= x
            left += right
        bottom_left -= top_left
        bottom_left *= y
        np.add(top_left, bottom_left, out=images.reshape(top_left.shape))

    def _split(self, y, x, memory):
        """Whole rows and columns; leaves the fractions in y and x."""
        whole = []
        for name, place, size in (("row", y, self.height), ("column", x, self.width)):
            np.clip(place, -2, size, out=place)
            whole.append(np.floor(place, out=memory.array(name, place.shape)))
            place -= whole[-1]
        return whole

    def _corners(self, images, row, column, memory):
        """The four pixels around each place: (upper left, upper right, lower left, lower right)."""
        n, width = len(images), self.width + 4
        # Two more rows and columns on each side: outside there is only `fill`.
        padded = memory.array("padded", (n, self.height + 4, width, self.n_channels))
        padded[...] = self.fill
        padded[:, 2:-2, 2:-2] = images
        pixels = padded.reshape(-1, self.n_channels)
        row += 2
        row *= width
        row += column
        row += 2
        index = memory.array("index", row.shape, np.intp)
        np.copyto(index, row, casting="unsafe")
        index += (np.arange(n) * ((self.height + 4) * width))[:, np.newaxis]
        corners = memory.array("corners", (4, *row.shape, self.n_channels))
        for corner, offset in zip(corners, (0, 1, width, width + 1), strict=True):
            # All lie in the padding at most; "wrap" takes two thirds of the time of "clip".
            np.take(pixels[offset:], index, axis=0, out=corner, mode="wrap")
        return corners


def _parts(images) -> list[slice]:
    """Which images are deformed at once."""
    return [slice(i, i + IMAGES_AT_ONCE) for i in range(0, len(images), IMAGES_AT_ONCE)]


def spline_matrix(n_points: int, size: int) -> np.ndarray:
    """Cubic B-splines around `n_points` control points, at `size` pixels spread over them.

    Returns
    -------
    ndarray of shape (n_points, size), float64
        Each pixel's weights add up to 1.
    """
    # Pixels lie between the second and the last but one control point, where the splines add up.
    position = np.linspace(1, n_points - 2, size)
    distance = np.abs(position - np.arange(n_points)[:, np.newaxis])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance) ** 3 / 6
    return np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
