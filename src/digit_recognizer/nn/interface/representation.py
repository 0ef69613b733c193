"""How the parts of a network show themselves: as the call that makes them."""

import inspect

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


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
