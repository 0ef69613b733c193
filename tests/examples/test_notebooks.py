"""The examples as notebooks."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
pytest.importorskip("jupytext")


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """The notebooks by the name of their example, with a line that stands for the package."""
    spec = importlib.util.spec_from_file_location("notebooks", ROOT / "docs/notebooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cell = module.INSTALL.format(name="a.whl", content="UEs=")
    paths = module.write(tmp_path_factory.mktemp("notebooks"), cell)
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_notebook_has_the_example_cell_by_cell_and_the_package_before_its_first_use(
    path, notebooks
):
    notebook = notebooks[path.stem]
    assert notebook["nbformat"] == 4
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    text = path.read_text(encoding="utf-8")
    assert len(cells) == text.count("# %%") + ("digit_recognizer" in text)
    assert cells[0][0] == "markdown"
    codes = [source for kind, source in cells if kind == "code"]
    for source in codes:
        compile(source, path.stem, "exec")
    if "digit_recognizer" in text:
        assert 'find_spec("digit_recognizer")' in codes[0]
