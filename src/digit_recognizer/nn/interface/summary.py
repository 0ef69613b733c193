"""A table of a network's layers."""

import html
from math import prod

from digit_recognizer.nn.interface.representation import call_of

# How weights start tells nothing of what a layer does.
INITIALIZERS = ("initializer", "bias_initializer")
HEADER = ("layer", "output shape", "parameters", "multiply-adds")


class Summary:
    """Layers of a network with their output shapes, parameters and multiply-adds of one sample.

    Parameters
    ----------
    network : Network
    with_output : bool, default=True
        Whether the last layer is shown; a network may be planned up to what its targets decide.

    Attributes
    ----------
    rows : list of tuple of (str, tuple of int, int, int)
        A layer each: its call, the shape of one output sample, parameters, multiply-adds.

    Examples
    --------
    >>> from digit_recognizer import nn
    >>> layers = [nn.Flatten(), nn.Dense(128), nn.ReLU(), nn.Dense(10)]
    >>> nn.Network(layers, nn.SoftmaxCrossEntropy(), (28, 28, 1)).summary()
    layer           output shape  parameters  multiply-adds
    -------------------------------------------------------
    input            28 × 28 × 1
    Flatten()                784           0              0
    Dense(128)               128     100,480        100,352
    ReLU()                   128           0              0
    Dense(10)                 10       1,290          1,280
    -------------------------------------------------------
    softmax output            10     101,770        101,632
    """

    def __init__(self, network, with_output=True):
        self.input_shape = network.input_shape
        layers = network.layers if with_output else network.layers[:-1]
        self.output_shape = layers[-1].output_shape if layers else network.input_shape
        self.last_line = "before the output layer"
        if with_output:
            self.last_line = f"{network.loss.output_activation} output"
        self.rows = []
        for layer in layers:
            n_parameters = sum(prod(s.shape) for s in layer.parameter_specs() if s.trainable)
            name = call_of(layer, leaving_out=INITIALIZERS)
            self.rows.append((name, layer.output_shape, n_parameters, layer.multiply_adds()))

    @property
    def n_parameters(self) -> int:
        """Trainable parameters in all."""
        return sum(row[2] for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with addition of one sample's forward pass."""
        return sum(row[3] for row in self.rows)

    def _cells(self):
        yield ("input", _shape(self.input_shape), "", "")
        for name, shape, n_parameters, multiply_adds in self.rows:
            yield name, _shape(shape), f"{n_parameters:,}", f"{multiply_adds:,}"
        total = f"{self.n_parameters:,}", f"{self.multiply_adds:,}"
        yield self.last_line, _shape(self.output_shape), *total

    def __str__(self):
        table = [HEADER, *self._cells()]
        widths = [max(len(row[i]) for row in table) for i in range(len(HEADER))]
        lines = []
        for row in table:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells).rstrip())
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    __repr__ = __str__

    def _repr_html_(self):
        def row(cells, tag):
            return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

        *layers, total = self._cells()
        body = "".join(row(cells, "td") for cells in layers)
        return (
            f"<table><thead>{row(HEADER, 'th')}</thead><tbody>{body}</tbody>"
            f"<tfoot>{row(total, 'th')}</tfoot></table>"
        )


def _shape(shape):
    return " × ".join(map(str, shape))
