"""What rich draws, printed so that it can be read, piped and copied from."""

from digit_recognizer.command_line.vocabulary import told


def show(*parts) -> None:
    """Print texts and tables, each row of a table on a line of its own.

    Nothing is cut or folded to the width of a terminal: names are there to be copied.

    Parameters
    ----------
    *parts : str or rich renderable
    """
    print(told(rendered(*parts)), flush=True)


def rendered(*parts) -> str:
    """What `show` prints."""
    # Here, for it takes a tenth of a second to import.
    from rich.console import Console, Group
    from rich.measure import Measurement

    console = Console(width=10_000, markup=False, emoji=False, highlight=False, force_jupyter=False)
    whole = Group(*parts)
    console.width = Measurement.get(console, console.options, whole).maximum
    with console.capture() as capture:
        console.print(whole)
    return "\n".join(map(str.rstrip, capture.get().splitlines()))
