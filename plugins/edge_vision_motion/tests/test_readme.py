import re
import tomllib
from pathlib import Path

import edge_vision_motion as plugin
import pytest

from edge_vision import Stage

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
STAGES: list[type[Stage]] = []
plugin.register_stages(STAGES.append)
BY_NAME = {stage.name: stage for stage in STAGES}


def section(name: str) -> str:
    """What the manual says of one stage: the part under its heading, or all where there is one only."""
    found = re.findall(rf"^## {name}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    return str(found[0]) if found else README


@pytest.mark.parametrize("name", BY_NAME)
def test_every_option_is_in_the_manual_and_no_other(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no)[^|]*\| [^|]+ \|$", section(name), re.MULTILINE)
    options = BY_NAME[name].Options
    assert {row: live == "yes" for row, live in rows} == {
        option: option in options.live() for option in options.model_fields
    }


def test_the_examples_of_the_manual_are_valid() -> None:
    for example in re.findall(r"```toml\n(.*?)```", README, re.DOTALL):
        table = tomllib.loads(example)
        stages = (
            table["stages"] if "stages" in table else next(iter(table["cameras"].values()))["stages"]
        )
        written = [stage for stage in stages if stage["uses"] in BY_NAME]
        assert written
        for stage in written:
            options = {key: value for key, value in stage.items() if key != "uses"}
            BY_NAME[stage["uses"]].Options.parse(options)
