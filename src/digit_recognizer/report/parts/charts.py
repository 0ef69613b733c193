"""Charts as SVG: drawn by matplotlib, in the colours of the page around them."""

import io
import json
import logging
import re
from typing import NamedTuple

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Where it keeps its list of fonts is of no interest to who has trained networks.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
# Of text and axes in what matplotlib writes; the page has its own colour of text in its place.
INK = "#010203"
# Told apart on white and on black.
COLORS = ("#2f7ed8", "#d9662b", "#2e9e62", "#b957c4", "#a8841c", "#e0457b", "#1f9fb0", "#7a78d0")
DASHES = ("-", "--", ":", "-.")
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "font.size": 10,
    "lines.linewidth": 1.6,
    "lines.markersize": 3.5,
    "figure.dpi": 72,
    "figure.constrained_layout.use": True,
}


class Chart(NamedTuple):
    """A chart for the page.

    Parameters
    ----------
    title, text : str
        Its heading, and what it shows to who does not see it.
    svg : Markup
    zoom : str
        JSON with what the page's script needs to zoom: ``box`` of the axes (left, top, right,
        bottom), ``x`` and ``y``, each with ``range``, ``percent`` and ``ticks`` (element, place).
    """

    title: str
    text: str
    svg: Markup
    zoom: str


def color_of(number: int) -> str:
    """The colour of a line, counted from 0."""
    return COLORS[number % len(COLORS)]


def dashes_of(number: int) -> str:
    """The dashes of a line, by which lines of one colour differ."""
    return DASHES[number // len(COLORS) % len(DASHES)]


def line_chart(name, title, text, draw, x_label, percent="", whole="", legend=False) -> Chart:
    """Draw a chart.

    Parameters
    ----------
    name : str
        Begins the names of its elements, which are then the page's only ones.
    title, text : str
        See `Chart`.
    draw : callable
        Draws on the axes that it is given.
    x_label : str
    percent, whole : str
        The axes ("x", "y" or both) that are shown in percent, and those with whole numbers only.
    legend : bool, default=False
        Whether the lines' labels are shown.
    """
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(5.4, 3.0))
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        draw(axes)
        axes.set_xlabel(x_label)
        axes.set_title(title)
        for letter, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            axis.set_major_locator(MaxNLocator("auto", integer=letter in whole))
            if letter in percent:
                axis.set_major_formatter(PercentFormatter(1.0))
        if legend:
            axes.legend()
        figure.canvas.draw()
        zoom = _zoom(figure, axes, name, percent)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return Chart(title, text, _for_page(file.getvalue(), name, text), json.dumps(zoom))


def _zoom(figure, axes, name, percent):
    """Where the axes are, and names for their ticks' labels."""
    total = figure.bbox.height
    box = axes.get_window_extent()
    zoom = {"box": [box.x0, total - box.y1, box.x1, total - box.y0]}
    limits = {"x": axes.get_xlim(), "y": axes.get_ylim()}
    for letter, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        low, high = limits[letter]
        ticks = []
        for number, tick in enumerate(axis.get_major_ticks()):
            if low <= tick.get_loc() <= high:
                tick.label1.set_gid(f"tick-{letter}{number}")
                share = (tick.get_loc() - low) / (high - low)
                ticks.append([f"{name}-tick-{letter}{number}", share])
        zoom[letter] = {"range": [low, high], "percent": letter in percent, "ticks": ticks}
    return zoom


def _for_page(svg, name, text):
    """What matplotlib wrote as a part of a page: its own names, the page's colour, no size."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "currentColor")
    head = Markup('<svg role="img" aria-label="{}"').format(text)
    svg = re.sub(r'<svg height="[\d.]+pt"|<svg width="[\d.]+pt"', "<svg", svg, count=1)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg[: svg.index(">")]) + svg[svg.index(">") :]
    return Markup(svg.replace("<svg", head, 1))  # Of matplotlib, which escapes what it is given.
