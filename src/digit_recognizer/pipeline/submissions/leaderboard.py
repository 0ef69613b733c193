"""Where the user's best score stands among the teams of a competition."""

import statistics

from digit_recognizer.pipeline.submissions.log import as_number


def describe_standing(slug, spelled_scores, submissions):
    """Return some lines on a leaderboard and the user's place on it.

    Parameters
    ----------
    slug : str
    spelled_scores : list of str
        Of the teams on the leaderboard.
    submissions : list of Submission
        The user's own.
    """
    scores = [float(text) for text in spelled_scores if as_number(text) is not None]
    if not scores:
        return f"The leaderboard of {slug} has no scores yet."
    lines = [
        f"{slug}: {len(scores):,} teams, best {max(scores):.5f}, "
        f"median {statistics.median(scores):.5f}"
    ]
    own = [one for one in submissions if as_number(one.public_score) is not None]
    if own:
        best = max(own, key=lambda one: float(one.public_score))
        score = float(best.public_score)
        place = 1 + sum(other > score for other in scores)
        # The newest score may not be among them yet.
        share = place / max(len(scores), place)
        lines.append(
            f"Your best score, {score:.5f} of submission {best.reference}, stands at place "
            f"{place:,} (top {share:.1%})."
        )
    else:
        lines.append("You have no scored submission yet; make one with `digit-recognizer upload`.")
    return "\n".join(lines)
