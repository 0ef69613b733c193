"""What a run directory holds when a run starts: finished, half-trained and damaged networks."""

from digit_recognizer.checksummed import damaged_files, read_checksummed
from digit_recognizer.pipeline.compute.fold_training import load_model
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints
from digit_recognizer.pipeline.runs.members import RESULT_FILE, Member


def inspect_members(members: list[Member], report) -> dict[tuple, dict]:
    """Look through the files of all networks, and tell of those that are damaged.

    Parameters
    ----------
    members : list of Member
    report : callable
        Called with each sentence for the user.

    Returns
    -------
    dict of tuple to dict
        The results of the finished networks, by their keys.
    """
    results, epochs = {}, {}
    for member in members:
        result = _result_of(member, report)
        if result is not None:
            results[member.key] = result
            continue
        state = Checkpoints(member.folder).latest(report)
        if state is not None:
            epochs[member.name] = state.epoch
    if results or epochs:
        parts = [f"{len(results)} of {len(members)} networks finished"] if results else []
        parts += [f"{name} after epoch {epoch}" for name, epoch in epochs.items()]
        if len(results) < len(members):
            report(f"Going on: {', '.join(parts)}.")
    return results


def _result_of(member, report):
    """The result of a finished network; None, with a word to the user, if a file is damaged."""
    path = member.folder / RESULT_FILE
    result = read_checksummed(path)
    if result is None:
        if path.exists():
            report(f"{path} is damaged; {_remedy(member)}.")
        return None
    damaged = damaged_files(member.folder, result)
    if not damaged:
        Checkpoints(member.folder).clear()
        return {name: value for name, value in result.items() if name != "files"}
    report(f"{member.folder / damaged[0]} is missing or damaged; {_remedy(member)}.")
    return None


def _remedy(member):
    if load_model(member) is not None:
        return "it is made again from the weights"
    return f"{member.name} is trained again"
