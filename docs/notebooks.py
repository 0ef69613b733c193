"""Make notebooks of the examples, for Jupyter, Kaggle and Colab.

python docs/notebooks.py [--output FOLDER]

Their first cell holds the package and installs it where it is missing; what the package needs comes
from the package index. Needs jupytext: pip install -e '.[notebooks]'
"""

import argparse
import subprocess
import sys
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
INSTALL = """\
# Installs digit-recognizer, which this cell holds, where it is not installed yet.
import subprocess
import sys
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path

if find_spec("digit_recognizer") is None:
    wheel = Path("{name}")
    wheel.write_bytes(b64decode("{content}"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", str(wheel), "matplotlib"]
    subprocess.run(command, check=True)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "notebooks")
    options = parser.parse_args()
    if find_spec("jupytext") is None:
        parser.error("jupytext is missing; install it with: pip install -e '.[notebooks]'")
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", str(ROOT)]
        subprocess.run([*command, "--wheel-dir", folder], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        cell = INSTALL.format(name=wheel.name, content=b64encode(wheel.read_bytes()).decode())
    paths = write(options.output, cell)
    print(f"{len(paths)} notebooks in {options.output}")


def write(output: Path, cell: str) -> list[Path]:
    """Write a notebook of each example that begins with the cell; returns their paths."""
    import jupytext
    from nbformat.v4 import new_code_cell

    paths = []
    for source in sorted((ROOT / "examples").rglob("*.py")):
        notebook = jupytext.read(source)
        text = source.read_text(encoding="utf-8")
        if "digit_recognizer" in text:
            notebook.cells.insert(
                1, new_code_cell(cell, metadata={"jupyter": {"source_hidden": True}})
            )
        notebook.metadata["kernelspec"] = {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
        path = output / source.relative_to(ROOT / "examples").with_suffix(".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        jupytext.write(notebook, path, fmt="ipynb")
        paths.append(path)
    return paths


if __name__ == "__main__":
    main()
