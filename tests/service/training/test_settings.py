"""Options of a recipe as a person gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_vision.contracts.options import Options, option
from edge_vision.data.errors import ConfigError
from edge_vision.service.training.settings import flat, parse_settings, setting
from edge_vision.training.augmentation.options import usual
from edge_vision.training.recipes.classify import ClassifyOptions


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("epochs=40", {"epochs": 40}),
        ("learning_rate = 1e-3", {"learning_rate": 0.001}),
        ("backbone=objects", {"backbone": "objects"}),
        ('backbone="objects"', {"backbone": "objects"}),
        ("group_by=^(.*)-=\\d", {"group_by": "^(.*)-=\\d"}),
        ("augmentation.scale=[1.0, 2.0]", {"augmentation": {"scale": [1.0, 2.0]}}),
        ("duplicates=false", {"duplicates": False}),
    ],
    ids=str,
)
def test_a_setting_is_a_value_of_toml_or_else_a_text(text: str, table: dict[str, Any]) -> None:
    assert setting(text) == table


@pytest.mark.parametrize("text", ["epochs", "=3", "a b=3", "", "a..b=3", "epochs=3\nsize=32"])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write (one )?key=value"):
        setting(text)


def test_single_settings_go_before_those_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "options.toml"
    file.write_text("epochs = 3\nsize = 64\n[augmentation]\nflip = 0.0\nblur = 1.0\n")
    options = parse_settings(
        ClassifyOptions, file, [setting("epochs=4"), setting("augmentation.flip=1.0")]
    )
    assert isinstance(options, ClassifyOptions)
    assert (options.epochs, options.size) == (4, 64)
    assert (options.augmentation.flip, options.augmentation.blur) == (1.0, 1.0)


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--set: epochz: unknown option, did you mean epochs\?$"):
        parse_settings(ClassifyOptions, None, [setting("epochz=4")])
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        parse_settings(ClassifyOptions, tmp_path / "none.toml", [])


def test_a_flat_table_has_keys_with_dots() -> None:
    assert flat({"a": 1, "b": {"c": (1, 2), "d": {"e": ""}}}) == {"a": 1, "b.c": [1, 2], "b.d.e": ""}


class Way(Options):
    """A table within a table."""

    far: float = option(1.0, "How far.")
    wide: float = option(1.0, "How wide.")


class Moving(Options):
    """A table with a table of its own."""

    way: Way = option(Way(far=2.0, wide=3.0), "Where to.")
    frames: int = option(8, "How many.")


class Nested(Options):
    """Options of a recipe whose tables differ from their classes' own defaults."""

    moving: Moving = option(Moving(frames=4), "How it moves.")
    size: int = option(96, "How large.")


def test_one_value_of_a_table_leaves_the_others_as_the_recipe_has_them(tmp_path: Path) -> None:
    expected = usual().model_copy(update={"flip": 0.0})
    single = parse_settings(ClassifyOptions, None, [setting("augmentation.flip=0.0")])
    file = tmp_path / "options.toml"
    file.write_text("[augmentation]\nflip = 0.0\n")
    for given in (single, parse_settings(ClassifyOptions, file, [])):
        assert isinstance(given, ClassifyOptions)
        assert given.augmentation == expected


def test_a_table_in_a_table_is_completed_too() -> None:
    found = parse_settings(Nested, None, [setting("moving.way.far=5.0")])
    assert found == Nested(moving=Moving(way=Way(far=5.0, wide=3.0), frames=4))
    with pytest.raises(ConfigError, match=r"^--set: moving\.way\.fur: unknown option"):
        parse_settings(Nested, None, [setting("moving.way.fur=5.0")])
    with pytest.raises(ConfigError, match=r"^--set: moving"):
        parse_settings(Nested, None, [setting("moving=5.0")])


def test_what_a_run_writes_down_is_the_same_however_it_was_given() -> None:
    plain = parse_settings(ClassifyOptions, None, [])
    said = parse_settings(ClassifyOptions, None, [setting("augmentation.flip=0.5")])
    assert said.model_dump(mode="json") == plain.model_dump(mode="json")
    changed = parse_settings(ClassifyOptions, None, [setting("augmentation.flip=0.1")])
    assert ClassifyOptions.parse(changed.model_dump(mode="json", exclude_none=True)) == changed
