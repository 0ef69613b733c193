"""Which algorithm computes a convolution."""

from functools import lru_cache
from math import prod

from digit_recognizer.nn.kernels.im2col import Columns
from digit_recognizer.nn.kernels.one_image import OneImage
from digit_recognizer.nn.kernels.plain import Plain
from digit_recognizer.nn.kernels.tiles import LARGEST_TILE
from digit_recognizer.nn.kernels.winograd import Winograd

ALGORITHMS = ("auto", "winograd", "columns", "reference")
# With 1 channel columns take a third of Winograd's time, with 3 as much, with 4 two thirds more.
FEWEST_CHANNELS = 4
# Multiply-adds up to which one image is convolved directly: 1.5 million take 15 µs, as Winograd's
# calls alone.
MOST_OF_ONE_IMAGE = 1_600_000


# Time to transform an element, in multiply-adds. With it the estimate names the fastest m of each
# of 19 layers of 3 to 28 rows, 4 to 128 channels, kernels of 2 to 5 and strides of 1 and 2.
TRANSFORM_COST = 24


def tile_sizes(kernel: int) -> range:
    """The m of the F(m, kernel) that the transforms can do: none if the kernel is too large."""
    return range(max(kernel - 1, 1), LARGEST_TILE - kernel + 2)


def tile_cost(size: tuple[int, int], m: int, kernel: int, channels: int, n_filters: int) -> float:
    """Estimated time of one image's forward and backward pass, in units of one multiply-add.

    Products over channels cost a² channels × filters a tile; each element of the transformed
    input and output costs as much as TRANSFORM_COST multiply-adds.
    """
    n_tiles = -(-size[0] // m) * -(-size[1] // m)
    a = m + kernel - 1
    return n_tiles * a * a * (channels * n_filters + TRANSFORM_COST * (channels + n_filters))


@lru_cache(maxsize=256)
def choose(algorithm, input_shape, weight_shape, stride, padding, dtype, one_image=False):
    """The algorithm for a convolution.

    Parameters
    ----------
    algorithm : {"auto", "winograd", "columns", "reference"}
    input_shape : tuple of int
        (height, width, channels).
    weight_shape : tuple of int
        (kernel, kernel, channels, n_filters).
    stride, padding : int
    dtype : dtype
    one_image : bool, default=False
        Whether it is for the prediction of one image after the other.

    Returns
    -------
    Winograd, Columns, OneImage or Plain

    Raises
    ------
    ValueError
        If "winograd" is asked for what it cannot do.
    """
    if algorithm == "reference":
        return Plain(stride, padding)
    kernel, _, channels, n_filters = weight_shape
    inner_kernel = -(-kernel // stride)
    sizes = tile_sizes(inner_kernel)
    possible = stride in (1, 2) and padding < kernel and len(sizes) > 0
    if algorithm == "winograd" and not possible:
        raise ValueError(
            f"Winograd needs a stride of 1 or 2, a padding below the kernel size and a kernel of "
            f"at most 5 (at stride 2: 10), got kernel size {kernel}, stride {stride}, padding "
            f"{padding}; take algorithm='auto'."
        )
    size = tuple((length + 2 * padding - kernel) // stride + 1 for length in input_shape[:2])
    is_small = one_image and prod(size + weight_shape) <= MOST_OF_ONE_IMAGE
    has_few = channels < FEWEST_CHANNELS
    if algorithm == "auto" and is_small and not has_few:
        return OneImage(input_shape, weight_shape, stride, padding)
    gains = not has_few and inner_kernel > 1
    if algorithm == "columns" or not possible or (algorithm == "auto" and not gains):
        return Columns(input_shape, weight_shape, stride, padding)
    depth = channels * stride**2
    m = min(sizes, key=lambda m: tile_cost(size, m, inner_kernel, depth, n_filters))
    return Winograd(input_shape, weight_shape, stride, padding, m, dtype)
