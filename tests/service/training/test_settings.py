"""Options of a recipe as a person gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_vision.data.errors import ConfigError
from edge_vision.service.training.settings import flat, parse_settings, setting
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


@pytest.mark.parametrize("text", ["epochs", "=3", "a b=3", ""])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"key=value|TOML|line"):
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
