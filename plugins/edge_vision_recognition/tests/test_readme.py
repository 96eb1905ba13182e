import re
import tomllib
from pathlib import Path

import edge_vision_recognition as plugin
import pytest

from edge_vision import Stage

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
STAGES: list[type[Stage]] = []
plugin.register_stages(STAGES.append)
BY_NAME = {stage.name: stage for stage in STAGES}


def section(name: str) -> str:
    (found,) = re.findall(rf"^## {name}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_option_is_in_the_manual_and_no_other(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", section(name), re.MULTILINE)
    options = BY_NAME[name].Options
    assert {row: live == "yes" for row, live in rows} == {
        option: option in options.live() for option in options.model_fields
    }


@pytest.mark.parametrize("name", BY_NAME)
def test_the_example_of_the_manual_is_valid(name: str) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", section(name), re.DOTALL)
    (camera,) = tomllib.loads(example)["cameras"].values()
    written = [stage for stage in camera["stages"] if stage["uses"] == name]
    for stage in written:
        BY_NAME[name].Options.parse({key: value for key, value in stage.items() if key != "uses"})
    assert written
