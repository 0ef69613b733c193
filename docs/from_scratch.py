"""Draw the pictures of docs/from-scratch.md, and bring its links to the lines of what they name.

python docs/from_scratch.py [--links]

With --links, only the links. The pictures need matplotlib: pip install -e '.[report]'
"""

import argparse
import ast
import re
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
PAGE = FOLDER / "from-scratch.md"
NETWORK = "../src/digit_recognizer/nn/"
LINK = re.compile(r"\[`([\w.]+)`\]\((" + re.escape(NETWORK) + r"[\w/]+\.py)(?:#L(\d+)-L(\d+))?\)")
INK, BLUE, RED, GRAY = "#222222", "#2a6fbb", "#c0392b", "#bbbbbb"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--links", action="store_true", help="leave the pictures as they are")
    if not parser.parse_args().links:
        draw_convolution(FOLDER / "convolution.svg")
        draw_winograd(FOLDER / "winograd.svg")
    PAGE.write_text(with_lines(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def lines_of(file: Path, symbol: str) -> tuple[int, int]:
    """First and last line of a class, a function or a method, such as ``Dense.forward``.

    Raises
    ------
    KeyError
        If the file has none of that name.
    """
    node = ast.parse(file.read_text(encoding="utf-8"))
    for name in symbol.split("."):
        named = {child.name: child for child in node.body if hasattr(child, "name")}
        node = named[name]
    return node.lineno, node.end_lineno


def with_lines(text: str) -> str:
    """The text, each link to a symbol of the network with the symbol's lines."""

    def replace(match):
        symbol, path = match[1], match[2]
        first, last = lines_of(FOLDER / path, symbol)
        return f"[`{symbol}`]({path}#L{first}-L{last})"

    return LINK.sub(replace, text)


def _grid(axis, values, left, top, title, color=INK, marked=()):
    """Draw a small matrix with its top left corner at (left, -top)."""
    for (i, j), value in np.ndenumerate(values):
        face = "#dbe8f6" if (i, j) in marked else "white"
        axis.add_patch(_square((left + j, -top - i - 1), face, color))
        axis.text(left + j + 0.5, -top - i - 0.5, f"{value:g}", ha="center", va="center", size=8)
    axis.text(left + values.shape[1] / 2, -top + 0.25, title, ha="center", size=9, color=color)


def _square(corner, face, edge):
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, facecolor=face, edgecolor=edge, linewidth=0.8)


def _axis(width, height, limits):
    from matplotlib.figure import Figure

    axis = Figure(figsize=(width, height), layout="constrained").subplots()
    axis.set(xlim=limits[:2], ylim=limits[2:], aspect="equal")
    axis.axis("off")
    return axis


def _save(axis, path):
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "path"}):
        axis.figure.savefig(path, metadata={"Date": None}, facecolor="white")


def draw_convolution(path):
    """A convolution of an image of 4 × 4, and how a gradient goes back through it."""
    X, W = np.arange(16).reshape(4, 4) % 5, np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    Y = np.array([[(X[i : i + 3, j : j + 3] * W).sum() for j in range(2)] for i in range(2)])
    dY = np.array([[0, 1], [0, 0]])
    dX = np.zeros((4, 4))
    dX[0:3, 1:4] = W
    axis = _axis(8.4, 4.4, (-0.5, 17, -11.2, 1.2))
    window = {(i, j) for i in range(3) for j in range(1, 4)}
    _grid(axis, X, 0, 0, "X", marked=window)
    _grid(axis, W, 6, 0.5, "W", BLUE)
    _grid(axis, Y, 11, 1, "Y", marked={(0, 1)})
    axis.text(5, -2, "∗", ha="center", va="center", size=16)
    axis.text(10, -2, "=", ha="center", va="center", size=16)
    axis.text(14, -2, "forward: a window\nmakes one number", va="center", size=8)
    _grid(axis, dX, 0, 6.2, "dX", RED, marked=window)
    _grid(axis, W, 6, 6.7, "W", BLUE)
    _grid(axis, dY, 11, 7.2, "dY", RED, marked={(0, 1)})
    axis.annotate("", (4.3, -8.2), (5.7, -8.2), arrowprops={"arrowstyle": "->", "color": RED})
    axis.annotate("", (9.3, -8.2), (10.7, -8.2), arrowprops={"arrowstyle": "->", "color": RED})
    axis.text(
        14,
        -8.2,
        "backward: one number\npays each of its window\nby its weight",
        va="center",
        size=8,
    )
    _save(axis, path)


def draw_winograd(path):
    """Two outputs of three taps by four products in place of six."""
    axis = _axis(8.4, 3.6, (0, 17, -6.2, 1.3))
    columns = [
        (0.3, "four inputs", ["x₀", "x₁", "x₂", "x₃"], INK),
        (3.6, "Bᵀx: sums", ["x₀ − x₂", "x₁ + x₂", "x₂ − x₁", "x₁ − x₃"], BLUE),
        (
            8.2,
            "times Gw: 4 products",
            ["m₁ = (…) w₀", "m₂ = (…) (w₀+w₁+w₂)/2", "m₃ = (…) (w₀−w₁+w₂)/2", "m₄ = (…) w₂"],
            RED,
        ),
        (13.6, "Aᵀm: two outputs", ["y₀ = m₁ + m₂ + m₃", "y₁ = m₂ − m₃ − m₄"], INK),
    ]
    for x, title, texts, color in columns:
        axis.text(x, 0.6, title, size=9, color=color, weight="bold")
        for row, text in enumerate(texts):
            y = -1.2 * row - 0.6 - (1.2 if len(texts) == 2 else 0)
            axis.text(x, y, text, size=9, color=color, va="center")
    for x in (2.4, 7.0, 12.6):
        axis.annotate(
            "", (x + 0.8, -2.4), (x, -2.4), arrowprops={"arrowstyle": "->", "color": GRAY}
        )
    axis.text(
        0.3,
        -5.6,
        "By loops: y₀ = x₀w₀ + x₁w₁ + x₂w₂ and y₁ = x₁w₀ + x₂w₁ + x₃w₂, six products. "
        "Along both axes: 16 in place of 36.",
        size=8,
    )
    _save(axis, path)


if __name__ == "__main__":
    main()
