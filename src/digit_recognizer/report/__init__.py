"""What one looks at: the report of a run, and displays for notebooks."""

from importlib import import_module


def load_displays():
    """The module of the displays, imported now.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed, with how to install it.
    """
    try:
        return import_module(f"{__name__}.displays")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("matplotlib"):
            raise
        raise ModuleNotFoundError(
            "matplotlib is not installed: pip install matplotlib, or all that the report needs by "
            "pip install 'digit-recognizer[report]'.",
            name="matplotlib",
        ) from None
