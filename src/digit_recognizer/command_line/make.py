"""From make's variables to the command line: ``RECIPE=mlp FRESH=1`` is ``--recipe=mlp --fresh``.

Each option of a command is a variable of the same name in capitals, the names of runs are in
``RUNS``, and a command of a command, such as ``clean``, is a switch.
"""

import argparse
import os
import shlex
import sys

from digit_recognizer import cli
from digit_recognizer.command_line.vocabulary import speak_make, variable
from digit_recognizer.errors import InputError

_ON = ("1", "yes", "true", "on")
_OFF = ("0", "no", "false", "off", "")


def main(command, given="", goals="", targets="") -> int:
    """Run the command of one of make's targets; returns the exit status.

    Parameters
    ----------
    command : str
    given : str
        Names of the variables of make's own command line; others are from the environment.
    goals, targets : str
        The targets that make was called for, and all that are commands.
    """
    parsers = cli.commands()
    actions = [action for parser in parsers.values() for action in parser._actions]
    options = {action.option_strings[-1]: action for action in actions if action.option_strings}
    speak_make(
        targets.split() or [command],
        [name for name, action in options.items() if action.nargs == 0],
        {name: action.choices or () for name, action in options.items() if action.nargs != 0},
    )
    try:
        _check_names(parsers, given.split(), goals.split() or [command])
        arguments = _arguments(parsers[command], given.split())
    except InputError as error:
        print(f"make {command}: {error}", file=sys.stderr)
        return 2
    return cli.main([command, *arguments])


def _check_names(parsers, given, goals):
    """Raise InputError if a variable is given that none of the targets takes."""
    known = {name for parser in parsers.values() for name in _variables(parser)}
    taken = {name: None for goal in goals for name in _variables(parsers.get(goal))}
    for name in given:
        if name in known and name not in taken and set(goals) <= set(parsers):
            raise InputError(
                f"{name} is not for this target, which takes {', '.join(taken) or 'none'}; "
                f"leave it out."
            )


def _variables(parser):
    """The variables of a command, and what argparse has for each."""
    variables = {}
    for action in parser._actions if parser else ():
        if isinstance(action, argparse._SubParsersAction):
            for name, subparser in action.choices.items():
                variables |= {variable(name): name} | _variables(subparser)
        elif action.dest != "help":
            name = action.option_strings[-1] if action.option_strings else action.dest
            variables[variable(name)] = action
    return variables


def _arguments(parser, given):
    arguments, names = [], []
    for name, action in _variables(parser).items():
        value = os.environ.get(name, "")
        if isinstance(action, str):  # a command of the command
            arguments += [action] if _is_on(name, value, given) else []
        elif action.nargs == 0:
            arguments += [action.option_strings[-1]] if _is_on(name, value, given) else []
        elif action.option_strings:
            arguments += [f"{action.option_strings[-1]}={value}"] if value else []
        elif value or action.nargs != "*":
            names = _split(name, value)
            if action.nargs not in ("*", "+", len(names)) or not names:
                raise InputError(f"{name} names {len(names)}; give e.g. {name}='fast mlp'.")
    return [*arguments, *names]


def _split(name, value):
    try:
        return shlex.split(value)
    except ValueError as error:
        raise InputError(f"{name}={value} has a quote without its end; close it.") from error


def _is_on(name, value, given):
    word = value.strip().lower()
    if word in _OFF:
        return False
    if name not in given:
        # What it does cannot be undone, and who set it may have forgotten it.
        raise InputError(
            f"{name}={value} is set in the environment; give {name}=1 on make's command line, or "
            f"unset it."
        )
    if word in _ON:
        return True
    raise InputError(f"{name}={value} is neither on (1, yes, true) nor off (0, no, false).")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
