"""One HTML file to draw on: needs no server, no network and no installation."""

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template

from digit_recognizer.files import write_text
from digit_recognizer.pipeline.run_classifier import RunClassifier, load_run
from digit_recognizer.report.demo.ensemble import describe_ensemble, list_networks
from digit_recognizer.report.demo.networks import describe_network
from digit_recognizer.report.demo.quiz import make_quiz
from digit_recognizer.report.parts.run_files import Missing, RunFiles

FILE = "demo.html"
HERE = Path(__file__).parent
# In the order that they are run in.
SCRIPTS = ("network.js", "image.js", "ink.js", "board.js", "page.js", "quiz.js")
VIEWED = "The run's submission is the mean over several views of each image; this page takes one."
GREY = "The networks take colours; what is drawn or shown here is grey to them."


def write_demo(run: Path) -> Path:
    """Write the page of a finished run into its folder.

    Parameters
    ----------
    run : Path
        Its folder.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If the run is not finished or damaged, or the page cannot be written.
    """
    path = run / FILE
    write_text(path, make_page(describe_run(run)))
    return path


def describe_run(run: Path) -> dict:
    """All that the page shows of a run, as JSON holds it."""
    classifier, files = load_run(run), RunFiles(run)
    networks, oof = list_networks(classifier), files.out_of_fold
    quiz, notes = [], left_out(classifier)
    try:
        quiz = make_quiz(oof, files.X_train)
    except Missing as reason:
        notes.append(f"There is no quiz. {reason}")
    count = "One network" if len(networks) == 1 else f"{len(networks)} networks"
    n_wrong = sum(riddle["label"] != riddle["prediction"] for riddle in quiz)
    return {
        "title": _title(oof.classes),
        "about": f"{count} of {run.name}, right for {oof.is_right.mean():.2%} of "
        f"{len(oof.labels):,} images that they were not trained on. They compute in this page: "
        "nothing leaves it.",
        "classes": oof.classes,
        "shape": list(classifier.competition_.image_shape),
        "networks": [
            {"name": network.name} | describe_network(network.estimator._network)
            for network in networks
        ],
        "ensemble": describe_ensemble(classifier),
        "quiz": quiz,
        "quiz_about": f"Of these {len(quiz)} training images, the run's hardest, its networks had "
        f"{n_wrong} wrong, each by those that were not trained on it. Ten of them are asked.",
        "notes": notes,
    }


def left_out(classifier: RunClassifier) -> list[str]:
    """Sentences on what the page does otherwise than the run's submission."""
    is_viewed = any(network.views is not None for network in classifier.networks_)
    is_coloured = classifier.competition_.channels > 1
    return [VIEWED] * is_viewed + [GREY] * is_coloured


def _title(classes):
    signs = all(len(name) == 1 for name in classes)
    if signs and all(name.isdecimal() for name in classes):
        return "Draw a digit"
    if signs and all(name.isalpha() for name in classes):
        return "Draw a letter"
    return "Draw what the networks know"


def make_page(content: dict) -> str:
    """The HTML document of what `describe_run` returns.

    Its Content Security Policy allows this one script and style, and no connection.
    """
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = (HERE / "page.css").read_text(encoding="utf-8")
    document = Template((HERE / "page.html").read_text(encoding="utf-8"))
    # "<" would end the element early in "</script>", and begin a comment in "<!--".
    data = json.dumps(content).replace("<", "\\u003c")
    return document.substitute(
        title=html.escape(content["title"]),
        script=script,
        script_hash=_hash(script),
        style=style,
        style_hash=_hash(style),
        data=data,
    )


def _hash(text):
    """As a Content Security Policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
