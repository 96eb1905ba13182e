"""What the manual tells people to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from edge_vision.service.cli import make_parser
from edge_vision.service.training.finding import recipe_names

HOUSE = Path(__file__).resolve().parents[3]
COMMAND = re.compile(r"(?:^    |`)edge-vision ((?:train|export|evaluate) [^`\n]*)", re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "edge_vision/training/README.md"])
def test_commands_of_the_manual_are_understood(page: str) -> None:
    lines = [line for line in COMMAND.findall((HOUSE / page).read_text()) if not line.isupper()]
    typed = [line for line in lines if not re.search(r"\b(RECIPE|RUN|BUNDLE)\b", line)]
    assert len(typed) >= 3
    for line in typed:
        wishes = make_parser().parse_args(shlex.split(line, comments=True))
        recipe = getattr(wishes, "recipe", None)
        assert not recipe or recipe in recipe_names() or recipe.endswith(".py"), line
