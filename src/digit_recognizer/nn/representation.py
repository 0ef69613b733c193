"""How the parts of a network take their arguments, and show themselves: as calls, as a table."""

import html
import inspect
from math import prod
from numbers import Integral

# How weights start tells nothing of what a layer does.
INITIALIZERS = ("initializer", "bias_initializer")
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
HEADER = ("layer", "output shape", "parameters", "multiply-adds")


class Readable:
    """Base of what has arguments that it stores under their own names."""

    def __repr__(self):
        return call_of(self)


def call_of(thing, leaving_out=()) -> str:
    """The call that makes a thing, with what differs from the defaults.

    Parameters
    ----------
    thing : object
        An argument that it does not store is left out.
    leaving_out : sequence of str
        Names of further arguments to leave out.

    Examples
    --------
    >>> from digit_recognizer.nn import Conv2D
    >>> Conv2D(32, 3, padding=1)
    Conv2D(32, 3, padding=1)
    """
    kind = type(thing)
    if kind.__repr__ is not Readable.__repr__:
        # It shows itself in its own way.
        return repr(thing)
    parameters = {} if kind.__init__ is object.__init__ else inspect.signature(kind).parameters
    arguments = []
    for name, parameter in parameters.items():
        if name in leaving_out or not hasattr(thing, name):
            continue
        value = getattr(thing, name)
        if parameter.default is not parameter.empty and not _differs(value, parameter.default):
            continue
        is_first = parameter.default is parameter.empty and parameter.kind in POSITIONAL
        arguments.append(_text(value) if is_first else f"{name}={_text(value)}")
    return f"{kind.__name__}({', '.join(arguments)})"


def _text(value):
    return getattr(value, "__qualname__", None) or repr(value)


def _differs(value, default):
    try:
        return value is not default and bool(value != default)
    except ValueError:
        # An array has no truth value.
        return True


def at_least(layer: str, name: str, value: int, least: int) -> int:
    """`value` if it is an integer of at least `least`, or a ValueError that names the layer."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{layer}'s {name} must be an integer of at least {least}, got {value!r}.")
    return int(value)


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
