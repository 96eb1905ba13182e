"""Settings: the options of a recipe as a person gives them, in a file and one by one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_vision.contracts.options import Options
from edge_vision.data.errors import ConfigError
from edge_vision.service.config import ConfigFileError
from edge_vision.service.models.toml_text import toml_value

Table = dict[str, Any]


def setting(text: str) -> Table:
    """The table that `key=value` means; a key may have dots, and what is no TOML value is a text.

    Raises ValueError where it is no such thing.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"write key=value, not {text!r}")
    try:
        return tomllib.loads(f"{key} = {value}")
    except tomllib.TOMLDecodeError:
        return tomllib.loads(f"{key} = {toml_value(value.strip())}")


def parse_settings(options: type[Options], file: Path | None, single: Sequence[Table]) -> Options:
    """The options of a recipe: those of a TOML file, and then those given one by one.

    Raises ConfigError with the path of what is wrong.
    """
    table: Table = {} if file is None else _read(file)
    for each in single:
        table = _merged(table, each)
    try:
        return options.parse(table)
    except ConfigError as error:
        where = "--set" if file is None else f"{file}, --set" if single else str(file)
        raise ConfigFileError(f"{where}: {error}") from None


def _read(file: Path) -> Table:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigFileError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigFileError(f"{file}: not TOML: {error}") from None


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Table:
    """Two tables in one; where both have a key, the other's."""
    merged = dict(one)
    for key, value in other.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged


def flat(table: Mapping[str, Any], prefix: str = "") -> Table:
    """A table's values by their keys with dots."""
    found: Table = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return found
