"""The examples of docs/interop.md that need a framework, run where it is installed."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("fixture", "example"),
    list(zip(["in_torch", "in_keras", "in_flax"], BLOCKS, strict=True)),
)
def test_examples_run(fixture, example, request):
    request.getfixturevalue(fixture)
    assert "\nassert " in example
    exec(example, {})
