"""Shapes of images: what a window makes of them, and what to say where nothing fits."""


def image_shape(layer: str, input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """`input_shape` as (height, width, channels), or a ValueError that names the layer."""
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(
            f"{layer} takes images of shape (height, width, channels), got {tuple(input_shape)}."
        )
    return tuple(input_shape)


def window_output(
    layer: str, input_shape: tuple[int, ...], size: int, stride: int, padding: int = 0
) -> tuple[int, int]:
    """(height, width) a sliding window leaves: ⌊(length + 2 padding − size) / stride⌋ + 1.

    Parameters
    ----------
    layer : str
        For the error.
    input_shape : tuple of int
        (height, width, channels).
    size, stride, padding : int

    Raises
    ------
    ValueError
        If the window does not fit into the image.
    """
    height, width, _ = input_shape
    if min(height, width) + 2 * padding < size:
        raise ValueError(
            f"{layer} has a window of {size}×{size}, which does not fit into images of shape "
            f"{tuple(input_shape)} with padding {padding}."
        )
    return tuple((length + 2 * padding - size) // stride + 1 for length in (height, width))
