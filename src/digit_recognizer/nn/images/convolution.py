"""Convolution."""

from functools import partial

from digit_recognizer.nn.arrays.initializers import HE_NORMAL
from digit_recognizer.nn.arrays.parameters import ParameterSpec
from digit_recognizer.nn.images.layers import ImageLayer
from digit_recognizer.nn.images.shapes import image_shape, window_output
from digit_recognizer.nn.interface.checks import at_least
from digit_recognizer.nn.kernels.choice import ALGORITHMS, choose
from digit_recognizer.nn.kernels.one_image import OneImage


class Conv2D(ImageLayer):
    """Convolution ``Y = W ∗ X + b`` of images with a window that slides over height and width.

    Y[y, x, o] = b[o] + Σ_{i, j, c} X[s y + i − p, s x + j − p, c] W[i, j, c, o] with stride s and
    p rows and columns of zeros on each side: the output has ⌊(size + 2p − kernel) / s⌋ + 1 rows.

    Parameters
    ----------
    n_filters : int
        Channels of the output.
    kernel_size : int
        Height and width of the window.
    stride : int, default=1
    padding : int, default=0
    bias : bool, default=True
    initializer : callable, default=HE_NORMAL
        ``initializer(generator, shape, fan_in, fan_out)``.
    algorithm : {"auto", "winograd", "columns", "reference"}, default="auto"
        How to compute it; "auto" takes what is measured to be fastest (see `kernels.choice`).

    Notes
    -----
    With G = dL/dY: dL/dW[i, j] = Σ Xᵀ(shifted by i, j) G, dL/db = Σ G, and dL/dX is G W[i, j]ᵀ
    shifted back, summed over i, j: `kernels.reference` has them as loops. The weight is of shape
    (kernel_size, kernel_size, in_channels, n_filters).
    """

    def __init__(
        self,
        n_filters,
        kernel_size,
        stride=1,
        padding=0,
        bias=True,
        initializer=HE_NORMAL,
        algorithm="auto",
    ):
        self.n_filters = at_least("Conv2D", "n_filters", n_filters, 1)
        self.kernel_size = at_least("Conv2D", "kernel_size", kernel_size, 1)
        self.stride = at_least("Conv2D", "stride", stride, 1)
        self.padding = at_least("Conv2D", "padding", padding, 0)
        self.bias = bias
        self.initializer = initializer
        if algorithm not in ALGORITHMS:
            raise ValueError(
                f"Conv2D's algorithm must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}."
            )
        self.algorithm = algorithm

    def build(self, input_shape):
        super().build(image_shape(repr(self), input_shape))
        size = window_output(
            repr(self), self.input_shape, self.kernel_size, self.stride, self.padding
        )
        self.output_shape = (*size, self.n_filters)
        return self.output_shape

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """(kernel_size, kernel_size, in_channels, n_filters)."""
        return (self.kernel_size, self.kernel_size, self.input_shape[2], self.n_filters)

    def parameter_specs(self):
        area = self.kernel_size**2
        fans = {"fan_in": area * self.input_shape[2], "fan_out": area * self.n_filters}
        first = partial(self.initializer, **fans)
        specs = [ParameterSpec("weight", self.weight_shape, first)]
        if self.bias:
            specs.append(ParameterSpec("bias", (self.n_filters,), 0.0, decayed=False))
        return specs

    def kernel(self, memory):
        """The algorithm that computes this layer in the memory's dtype."""
        return memory.shared.once(
            "kernel",
            lambda: choose(
                self.algorithm,
                self.input_shape,
                self.weight_shape,
                self.stride,
                self.padding,
                memory.dtype,
                memory.shared.one_image,
            ),
        )

    def prepared_from(self, memory):
        return [] if isinstance(self.kernel(memory), OneImage) else super().prepared_from(memory)

    def start_forward(self, memory, weight=None):
        weight = self.values["weight"] if weight is None else weight
        self.kernel(memory).start(weight, memory, memory.training, self.values.get("bias"))

    def forward(self, X, memory):
        memory.kept = X
        height, width, n_filters = self.output_shape
        n_blocks, n = len(X), X.shape[3]
        Y = memory.output_array((n_blocks, height, width, n, n_filters))
        self.kernel(memory).forward(X, Y, memory)
        return Y

    def start_backward(self, memory):
        self.kernel(memory).start_backward(memory)

    def backward(self, dY, memory, need_dX=True):
        dX = None
        if need_dX:
            height, width, channels = self.input_shape
            dX = memory.gradient_array((len(dY), height, width, dY.shape[3], channels))
        self.kernel(memory).backward(memory.kept, dY, dX, memory)
        return dX

    def finish_backward(self, memory):
        gradients = self.gradients["weight"], self.gradients.get("bias")
        self.kernel(memory).finish_backward(memory, *gradients)

    def multiply_adds(self):
        height, width, _ = self.output_shape
        return height * width * self.kernel_size**2 * self.input_shape[2] * self.n_filters
